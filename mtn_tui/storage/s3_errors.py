"""Translates an S3 server's refusals, and its silence, into errors that an operator reads."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from urllib3 import exceptions as http

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import AlreadyThere, MtnError, NoSpace, NotFound, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.storage.base import BUCKETS
from mtn_tui.storage.s3_answers import TLS_WANTED, WEB_PAGE, NoS3, Refused, TooLarge

_LATER = {
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "InternalError",
    "InvalidPart",
    "NoSuchUpload",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "TooManyRequests",
    "XAmzContentSHA256Mismatch",
    "XMinioServerNotInitialized",
}
"""Codes of failures that pass by themselves, or of data damaged on the way."""

_PASSING = (408, 425, 429)
"""Statuses below 500 that pass by themselves."""
_DENIED = {"AccessDenied", "AllAccessDisabled", "Forbidden", "UnauthorizedAccess"}
_TOO_LARGE = {"EntityTooLarge", "HTTP 413", "RequestEntityTooLarge"}
_LOCKED = re.compile(r"\b(?:object ?lock|WORM\b|legal hold)", re.IGNORECASE)
_TIME = re.compile(r"\b(?:date|time|clock|skew|expired)|RequestExpired|^HTTP 400", re.IGNORECASE)
"""Words of a 400 that may be about the clock, as Garage's."""
_PERFORM = re.compile(r"not authorized to perform:? ([a-z0-9-]{1,32}:[A-Za-z]{1,64})")
"""The right that AWS itself names, which may be one of its keys' (KMS)."""
_REFUSED = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_QUOTA = re.compile(r"storage[ _]cap|quota exceeded|insufficient storage", re.IGNORECASE)
"""Words of servers that have no code for it: B2, IONOS."""
_FULL = {"InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"}
_ELSEWHERE = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "Redirect",
    "TemporaryRedirect",
}
_SKEW = timedelta(minutes=5)
"""A refusal is blamed on the clock if it is this far off; servers refuse at 15 minutes."""


class Right(StrEnum):
    """The right that a request needs, as policies name it."""

    LIST = "s3:ListBucket"
    PUT = "s3:PutObject"
    GET = "s3:GetObject"
    DELETE = "s3:DeleteObject"
    UPLOADS = "s3:ListBucketMultipartUploads"
    VERSIONING = "s3:GetBucketVersioning"
    ABORT = "s3:AbortMultipartUpload"


@dataclass(frozen=True)
class Bucket:
    """The bucket that errors are about; ``aws`` decides which settings their hints name."""

    name: str
    host: str
    aws: bool
    clock: Clock

    @property
    def place(self) -> str:
        """``bucket at host``, translated."""
        return _("{bucket} at {host}").format(bucket=self.name, host=self.host)

    @contextmanager
    def asking(self, key: str = "", right: Right | None = None) -> Iterator[None]:
        """Turn the errors of the block, which asks for ``key`` and needs ``right``, into ours."""
        try:
            yield
        except MtnError:
            raise
        except Exception as error:
            raise self.error(error, key, right) from error

    def error(self, cause: Exception, key: str = "", right: Right | None = None) -> MtnError:
        """Return our error for ``cause``, raised by a request about ``key`` that needs ``right``."""
        match cause:
            case MtnError():
                found = cause
            case Refused():
                found = self._answered(cause, key, right)
            case NoS3():
                found = self._web_page()
            case TooLarge():
                found = self.unavailable(_("its answer does not end"))
            case http.SSLError():
                found = self._tls(cause)
            case http.HTTPError() | OSError():
                found = self.unavailable(_silence(cause))
            case _:
                # XML and header fields are parsed without checks: an answer that breaks this is not S3.
                found = self.unavailable(
                    _("its answer makes no sense ({kind})").format(kind=type(cause).__name__)
                )
        if isinstance(found, StorageError):
            found.runbook = found.runbook or BUCKETS
        return found

    def unavailable(self, reason: str) -> StorageUnavailable:
        """Return the error for a server that may answer later; ``reason`` completes its sentence."""
        return StorageUnavailable(
            _("The bucket {place} does not answer: {reason}.").format(place=self.place, reason=reason),
            _(
                "Backups stay on disk meanwhile. Check that the server runs and that {host} can be reached."
            ).format(host=self.host),
            BUCKETS,
        )

    def missing(self) -> StorageError:
        """Return the error for a bucket that does not exist."""
        return StorageError(
            _("There is no bucket {bucket} at {host}.").format(bucket=self.name, host=self.host),
            _("Create it, or correct {setting}.").format(setting="S3_BUCKET" if self.aws else "MINIO_BUCKET"),
            BUCKETS,
        )

    def not_found(self, key: str) -> NotFound:
        """Return the error for an object that does not exist."""
        return NotFound(
            _("There is no {key} in {place}.").format(key=key, place=self.place),
            _("“mtn list” shows what is there."),
        )

    def taken(self, key: str) -> AlreadyThere:
        """Return the error for a key that exists already."""
        return AlreadyThere(
            _("{key} exists already in {place}; nothing was replaced.").format(key=key, place=self.place),
            _("Choose another name, or delete the object first."),
        )

    def _answered(self, cause: Refused, key: str, right: Right | None) -> StorageError:
        code, status = cause.code, cause.status
        said = f"{code} {cause.message}"
        about_time = status == 400 and _TIME.search(said)
        if code == "RequestTimeTooSkewed" or status in (401, 403) or about_time:
            wrong = self._clock(cause, certain=code == "RequestTimeTooSkewed")
            if wrong is not None:
                return wrong
        perform = _PERFORM.search(cause.message)
        lacks = perform[1] if perform else right.value if right else ""
        named: dict[str, Callable[[], StorageError]] = {
            "NoSuchBucket": self.missing,
            "NoSuchKey": lambda: self.not_found(key),
            "PreconditionFailed": lambda: self.taken(key),
            **dict.fromkeys(_FULL, self._no_space),
            **dict.fromkeys(_ELSEWHERE, lambda: self._elsewhere(code)),
            **dict.fromkeys(_DENIED, lambda: self._denied(code, lacks)),
            **dict.fromkeys(_REFUSED, lambda: self._refused(code)),
            **dict.fromkeys(_TOO_LARGE, self._too_large),
            "InvalidObjectState": lambda: self._archived(key),
            TLS_WANTED: self._tls_wanted,
            WEB_PAGE: self._web_page,
            **dict.fromkeys(_LATER, lambda: self.unavailable(_("it answered “{code}”").format(code=code))),
        }
        if not perform and (code not in named or code in _DENIED):
            if _LOCKED.search(said):
                return self._locked()
            if status < 500 and status not in _PASSING and _QUOTA.search(said):
                return self._no_space()
        if code in named:
            return named[code]()
        if code.startswith("HTTP "):
            return self._denied(code, lacks) if status == 403 else self._status(status)
        return self._status(status, redact(f"{code}: {cause.message}"))

    def _elsewhere(self, code: str) -> StorageError:
        return StorageError(
            _("The bucket {place} lies in another region ({code}).").format(place=self.place, code=code),
            _("Set the region, or the endpoint, that this bucket belongs to."),
        )

    def _status(self, status: int, answer: str = "") -> StorageError:
        answer = answer or f"HTTP {status}"
        if status == 507:
            return self._no_space()
        if status >= 500 or status in _PASSING:
            return self.unavailable(_("it answered “{code}”").format(code=answer))
        if status in (401, 403):
            return self._refused(answer)
        return StorageError(
            _("The bucket {place} refused: {answer}.").format(place=self.place, answer=answer),
            _("Check that {host} is the S3 address itself, not a console or a web page before it.").format(
                host=self.host
            ),
        )

    def _refused(self, code: str) -> StorageError:
        return StorageError(
            _("The bucket {place} refused our keys ({code}).").format(place=self.place, code=code),
            _("Check the keys of AWS_PROFILE, or those in the environment, and their policy.")
            if self.aws
            else _("Check MINIO_ACCESS_KEY and MINIO_SECRET_KEY, and that they may use this bucket."),
        )

    def _denied(self, code: str, right: str) -> StorageError:
        found = self._refused(code)
        if not right:
            return found
        return StorageError(
            _("The bucket {place} refused our keys ({code}): they lack {right}.").format(
                place=self.place, code=code, right=right
            ),
            _("Let their policy allow {right} on this bucket. {hint}").format(right=right, hint=found.hint),
        )

    def _too_large(self) -> StorageError:
        return StorageError(
            _("Something in front of the bucket {place} takes no requests of this size (413).").format(
                place=self.place
            ),
            _("Raise the limit of the proxy in front of it (nginx: client_max_body_size 0), or bypass it."),
        )

    def _archived(self, key: str) -> StorageError:
        return StorageError(
            _("{key} went to an archive class of {place}, and can't be read as it is.").format(
                key=key, place=self.place
            ),
            _(
                "Have the provider restore it (on AWS: aws s3api restore-object), and wait until it is. Then"
                " run this again. Let no rule of the bucket's lifecycle archive backups."
            ),
        )

    def _tls_wanted(self) -> StorageError:
        return StorageError(
            _("{host} takes TLS only, and the connection was without.").format(host=self.host),
            _("Begin MINIO_ENDPOINT with https://"),
        )

    def _web_page(self) -> StorageError:
        return StorageError(
            _("{host} answers with a web page: it is no S3 server.").format(host=self.host),
            _("Give the S3 address itself: not the console's port, nor a page to log in at before it."),
        )

    def _locked(self) -> StorageError:
        return StorageError(
            _("The bucket {place} keeps its objects locked (Object Lock).").format(place=self.place),
            _("Nothing in it can be replaced or deleted until its retention is over. Shorten that, or wait."),
        )

    def _clock(self, cause: Refused, *, certain: bool) -> StorageError | None:
        theirs = http_date(cause.date)
        apart = self.clock.now() - theirs if theirs is not None else timedelta()
        if abs(apart) <= _SKEW and not certain:
            return None
        hint = _("Set the clock (“timedatectl”, “sntp”); S3 accepts no request that is 15 min off.")
        if abs(apart) <= _SKEW:
            return StorageError(
                _("The clock is wrong: the bucket {place} refused the time of our request.").format(
                    place=self.place
                ),
                hint,
            )
        minutes = round(abs(apart).total_seconds() / 60)
        title = (
            _("The clock is wrong: this machine is {minutes} min ahead of {host}.")
            if apart > timedelta()
            else _("The clock is wrong: this machine is {minutes} min behind {host}.")
        )
        return StorageError(title.format(minutes=minutes, host=self.host), hint)

    def _no_space(self) -> NoSpace:
        return NoSpace(
            _("The bucket {place} is full.").format(place=self.place),
            _("Raise its quota or free some space. “mtn list” shows the backups and their sizes."),
        )

    def _tls(self, cause: http.SSLError) -> StorageError:
        reason = cause.args[0] if cause.args else cause
        if isinstance(reason, ssl.SSLCertVerificationError):
            return StorageError(
                _("The certificate of {host} is not trusted: {reason}.").format(
                    host=self.host, reason=reason.verify_message
                ),
                _("Where your own authority signed it, name its certificate in S3_CA_FILE."),
            )
        if "WRONG_VERSION_NUMBER" in str(reason) or "HTTP_REQUEST" in str(reason):
            return StorageError(
                _("{host} does not speak TLS.").format(host=self.host),
                _("Begin MINIO_ENDPOINT with http://, or give the port that speaks TLS."),
            )
        return self.unavailable(_("the TLS connection broke off"))


def _silence(cause: Exception) -> str:
    if isinstance(cause, http.NameResolutionError):
        return _("its name is not known")
    if isinstance(cause, http.NewConnectionError):
        return _("the connection was refused")
    if isinstance(cause, http.ConnectTimeoutError):
        return _("no connection in time")
    if isinstance(cause, http.TimeoutError | TimeoutError):
        return _("no answer in time")
    return _("the connection broke off")


def http_date(header: str | None) -> datetime | None:
    """Parse a header's date (RFC 9110, 5.6.7), with its time zone; None if missing or invalid."""
    try:
        found = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
