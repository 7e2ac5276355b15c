"""TLS to the servers that alerts go to, and to services. Certificates and their names are always checked."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi

from mtn_tui.core.errors import ChannelDown
from mtn_tui.core.i18n import _


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """A context that trusts the system's authorities, certifi's, and those in ``ca_file``.

    Raises ChannelDown if ``ca_file`` can't be read.
    """
    context = ssl.create_default_context()
    # A Python that brings its own OpenSSL finds no system store.
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # SSLError is one
            raise ChannelDown(
                _("ALERT_CA_FILE is {path}, which cannot be read as certificates: {reason}.").format(
                    path=ca_file, reason=error.strerror or error
                ),
                _("Give a PEM file with the certificate of the authority that signed the server's."),
            ) from error
    return context


def distrusted(server: str, error: ssl.SSLCertVerificationError) -> ChannelDown:
    """The error for a server whose certificate does not hold."""
    return ChannelDown(
        _("The certificate of {server} is not valid: {reason}.").format(
            server=server, reason=error.verify_message.rstrip(".")
        ),
        _(
            "Name the server as its certificate does; where an authority of your own signed it, let"
            " ALERT_CA_FILE name that authority's certificate. Nothing was sent."
        ),
    )
