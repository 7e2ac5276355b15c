"""Alerts by e-mail: one SMTP session, never in clear beyond this machine, one copy a recipient.

Port 465 is TLS from the first byte; on any other STARTTLS is taken wherever it
is offered, and a server that does not offer it is spoken to on loopback only.
A password is never sent without TLS.

A recipient's copy is a transaction of its own, so that what became of each is
known. The caller must record that at once: a crash between the server's
yes and the record sends the copy again, with the same Message-ID.
"""

from __future__ import annotations

import base64
import os
import smtplib
import socket
import ssl
from contextlib import suppress
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime

from mtn_tui.core.errors import AddressRefused, AlertError, ChannelDown
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import Settings
from mtn_tui.core.values import is_loopback
from mtn_tui.operations.alerts.message import Level, Message, as_html, as_text, headline
from mtn_tui.operations.common import tls

TLS_FROM_THE_START = 465

_CONNECT = 10.0
_ANSWER = 30.0
_ACCEPT = 120.0
"""Seconds. A server may take long to accept a mail; giving up earlier would send it twice."""

_FAULTS = (OSError, smtplib.SMTPException, UnicodeError)
"""Errors of the connection and of TLS, of SMTP, and of invalid host names."""

_PLAIN = policy.SMTP.clone(cte_type="7bit")

_OK = 250
_FORWARDED = 251
_LOGGED_IN = 235
_CLOSING = 421
_LOGIN_NEEDED = 530
_FOR_GOOD = range(500, 600)
_LONGEST_ANSWER = 200


class Mail:
    """The channel ``mail``. Not thread-safe; connects with the first message. See ``delivery.Channel``."""

    name = "mail"

    def __init__(self, settings: Settings, tls_port: int = TLS_FROM_THE_START) -> None:
        self._settings = settings
        self._tls_port = tls_port
        self._server = f"{settings.smtp_server}:{settings.smtp_port}"
        self._smtp: smtplib.SMTP | None = None
        self._down: AlertError | None = None

    def due(self, message: Message) -> tuple[str, ...]:
        """ALERT_EMAIL and the message's own addresses, each once."""
        addresses = dict.fromkeys((*self._settings.alert_email, *message.to))
        return tuple(addresses)

    def shown(self, address: str) -> str:
        """The address itself."""
        return address

    def send(self, message: Message, address: str) -> None:
        """Send one copy; return once the server has accepted it.

        Raises AddressRefused if the server refuses this copy for good, AlertError if
        it does so for now, ChannelDown if it takes none; then each later call raises
        that at once.
        """
        try:
            smtp = self._session()
            self._transact(smtp, message, address)
        except AlertError:
            raise
        except _FAULTS as error:
            raise self._failed(error) from error

    def give_up(self, reason: AlertError) -> None:
        """Close the session under whoever hangs in it; each later ``send`` raises ``reason``."""
        self._down = reason
        smtp, self._smtp = self._smtp, None
        if smtp is not None and smtp.sock is not None:
            with suppress(OSError):  # gone already
                smtp.sock.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Connect and log in, and send nothing. Raises ChannelDown."""
        try:
            self._session()
        except _FAULTS as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Say goodbye to the server and close the connection, if one is open."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                smtp.quit()
            except (OSError, smtplib.SMTPException):
                smtp.close()  # all that was sent was answered for: the goodbye is only politeness

    def _session(self) -> smtplib.SMTP:
        if self._down is not None:
            raise self._down
        if self._smtp is None:
            self._smtp = self._connected()
            if self._down is not None:  # it was given up meanwhile
                raise self._down
            try:
                self._secure(self._smtp)
                self._log_in(self._smtp)
                assert self._smtp.sock is not None  # noqa: S101 - it has just answered
                self._smtp.sock.settimeout(_ANSWER)
            except AlertError as error:
                self._down = error
                self.close()
                raise
        return self._smtp

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        host, port = settings.smtp_server or "", settings.smtp_port
        # Without a name of its own smtplib asks the DNS for one, which may take long.
        node = os.uname().nodename
        greeting = node if "." in node and node.isascii() else "[127.0.0.1]"
        if port != self._tls_port:
            return smtplib.SMTP(host, port, greeting, timeout=_CONNECT)
        context = tls.trusting(settings.alert_ca_file)
        return smtplib.SMTP_SSL(host, port, greeting, timeout=_CONNECT, context=context)

    def _secure(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if isinstance(smtp, smtplib.SMTP_SSL):
            return
        if smtp.has_extn("starttls"):
            smtp.starttls(context=tls.trusting(self._settings.alert_ca_file))
            smtp.ehlo()
        elif not is_loopback(self._settings.smtp_server or ""):
            raise ChannelDown(
                _("The mail server {server} offers no encryption (STARTTLS): nothing was sent.").format(
                    server=self._server
                ),
                _("Set SMTP_PORT to 465 or 587, whichever it takes mail on by TLS; or use another server."),
            )

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        settings = self._settings
        user = settings.smtp_user or ""
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
        if not user or not password:
            return
        if not isinstance(smtp.sock, ssl.SSLSocket):
            raise ChannelDown(
                _("The mail server {server} offers no encryption: the password was not sent.").format(
                    server=self._server
                ),
                _("Set SMTP_PORT to one that has TLS; or empty SMTP_PASSWORD, if none is needed."),
            )
        secret = base64.b64encode(b"\0" + user.encode() + b"\0" + password.encode()).decode("ascii")
        redact.add(secret)  # a server may repeat what it does not understand
        redact.add(base64.b64encode(password.encode()).decode("ascii"))
        if user.isascii() and password.isascii():
            try:
                smtp.login(user, password)
            except (smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException):
                raise
            except smtplib.SMTPException as error:
                raise ChannelDown(
                    _("The mail server {server} knows no login: {reason}").format(
                        server=self._server, reason=error
                    ),
                    _("Empty SMTP_PASSWORD, if it needs none; or use the port that has it, as a rule 587."),
                ) from error
            return
        # smtplib knows ASCII alone; RFC 4616 has UTF-8.
        code, said = smtp.docmd("AUTH", f"PLAIN {secret}")
        if code != _LOGGED_IN:
            raise smtplib.SMTPAuthenticationError(code, said)

    def _transact(self, smtp: smtplib.SMTP, message: Message, address: str) -> None:
        sender = sender_of(self._settings)
        international = not (address.isascii() and sender.isascii())
        if international and not smtp.has_extn("smtputf8"):
            raise AlertError(
                _("The mail server {server} takes no addresses with accents: {address}").format(
                    server=self._server, address=printable(address)
                ),
                _("Give addresses of plain letters in ALERT_EMAIL and MAIL_FROM."),
            )
        data = mail(message, sender, address, international=international)
        assert smtp.sock is not None  # noqa: S101 - it has just answered
        sender_taken = False
        try:
            _expect(smtp.mail(sender, ["SMTPUTF8", "BODY=8BITMIME"] if international else []), _OK)
            sender_taken = True
            _expect(smtp.rcpt(address), _OK, _FORWARDED)
            smtp.sock.settimeout(_ACCEPT)
            _expect(smtp.data(data), _OK)
            smtp.sock.settimeout(_ANSWER)
        except smtplib.SMTPResponseException as error:
            if error.smtp_code in (_CLOSING, _LOGIN_NEEDED):
                raise
            smtp.rset()
            smtp.sock.settimeout(_ANSWER)
            raise self._untaken(error, sender, address, sender_taken=sender_taken) from error
        finally:
            smtp.command_encoding = "ascii"

    def _untaken(
        self, error: smtplib.SMTPResponseException, sender: str, address: str, *, sender_taken: bool
    ) -> AlertError:
        """The error for a copy that the server did not take. A sender that it refuses can be corrected."""
        server, address, said = self._server, printable(address), _said(error)
        if error.smtp_code not in _FOR_GOOD:
            text = _("The mail server {server} did not take the mail for {address}: {said}")
            return AlertError(
                text.format(server=server, address=address, said=said),
                _("It is tried again. If it stays so, look at ALERT_EMAIL and SMTP_SERVER."),
            )
        if not sender_taken:
            text = _("The mail server {server} takes no mail from {sender}: {said}")
            return AlertError(
                text.format(server=server, sender=printable(sender), said=said),
                _("Set MAIL_FROM to an address that SMTP_USER may send from."),
            )
        text = _("The mail server {server} refuses the mail for {address}: {said}")
        return AddressRefused(
            text.format(server=server, address=address, said=said),
            _("Correct ALERT_EMAIL, or MAIL_FROM if it is about the sender; then: mtn notify --flush"),
        )

    def _failed(self, error: Exception) -> ChannelDown:
        """Close the session; return the error that this and all later messages fail with."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()
        down = self._told(error)
        self._down = self._down or down  # where it was given up, that is the reason
        return down

    def _told(self, error: Exception) -> ChannelDown:
        server = self._server
        if isinstance(error, ssl.SSLCertVerificationError):
            return tls.distrusted(server, error)
        if isinstance(error, ssl.SSLError):
            return ChannelDown(
                _("TLS with the mail server {server} failed: {reason}.").format(
                    server=server, reason=error.reason or error.strerror or error
                ),
                _("See whether SMTP_PORT is right: 465 is TLS from the start, 587 is STARTTLS."),
            )
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return ChannelDown(
                _("The mail server {server} did not accept SMTP_USER and SMTP_PASSWORD: {said}").format(
                    server=server, said=_said(error)
                ),
                _("Correct them. Gmail wants an app password of its own, not the account's."),
                "3.2",
            )
        if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code == _LOGIN_NEEDED:
            return ChannelDown(
                _("The mail server {server} wants a login: {said}").format(server=server, said=_said(error)),
                _("Set SMTP_USER and SMTP_PASSWORD, and SMTP_PORT to one that takes logins, as a rule 587."),
                "3.2",
            )
        if isinstance(error, smtplib.SMTPResponseException):
            return ChannelDown(
                _("The mail server {server} takes no mail just now: {said}").format(
                    server=server, said=_said(error)
                ),
                _("It is tried again. If it stays so, look at SMTP_SERVER and SMTP_PORT."),
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ChannelDown(
            _("The mail server {server} does not answer: {reason}.").format(
                server=server, reason=redact(reason).rstrip(".")
            ),
            _("See whether SMTP_SERVER and SMTP_PORT are right, and whether this machine may reach it."),
        )


def sender_of(settings: Settings) -> str:
    """The sender: MAIL_FROM, else SMTP_USER if that is an address, else ``mtn`` at ALERT_EMAIL's domain."""
    if settings.mail_from:
        return settings.mail_from
    user = settings.smtp_user or ""
    if "@" in user and user.isprintable() and not set(user) & set(" <>,;"):
        return user
    domain = settings.alert_email[0].rpartition("@")[2] if settings.alert_email else "localhost"
    return f"mtn@{domain}"


def mail(message: Message, sender: str, address: str, *, international: bool = False) -> bytes:
    """The mail of a message to one address, in seven bits. Its Message-ID is the same in every attempt.

    ``international`` has UTF-8 in its header instead, for addresses with accents.
    """
    made = EmailMessage(_PLAIN.clone(utf8=international))
    made["From"] = f"MTN <{sender}>"
    made["To"] = address
    made["Date"] = format_datetime(message.when)
    made["Message-ID"] = f"<{message.id}@{message.host}.mtn>"
    made["Auto-Submitted"] = "auto-generated"
    if message.level is Level.ERROR:
        made["Importance"] = "high"
    made.set_content(as_text(message))
    made.add_alternative(as_html(message), subtype="html")
    # EmailMessage loses blanks where it folds between encoded words (seen in Python 3.11); Header does not.
    subject = Header(headline(message), "utf-8", header_name="Subject").encode(linesep="\r\n")
    return f"Subject: {subject}\r\n".encode("ascii") + made.as_bytes()


def _expect(answer: tuple[int, bytes], *good: int) -> None:
    if answer[0] not in good:
        raise smtplib.SMTPResponseException(*answer)


def _said(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return printable(redact(" ".join(f"{error.smtp_code} {text}".split())))[:_LONGEST_ANSWER]
