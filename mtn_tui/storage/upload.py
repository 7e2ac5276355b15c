"""One put into a bucket: whole, or in parts, several of which are sent while the next is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from xml.sax.saxutils import escape

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, StorageError, StorageUnavailable
from mtn_tui.storage.base import Readable
from mtn_tui.storage.broken_off import Begun
from mtn_tui.storage.s3_answers import Refused, bare, xml
from mtn_tui.storage.s3_client import Answer, Client, Request
from mtn_tui.storage.s3_errors import Bucket, Right
from mtn_tui.storage.span import wrong_size

_PIECE = 1 << 20
_XML = {"Content-Type": "application/xml"}
_S3 = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass
class Habits:
    """What was learned about a bucket's server; shared by all uploads to it."""

    conditional: bool = True
    """It accepts ``If-None-Match``; B2, Ceph RGW and Alibaba's refuse it."""
    checksums: bool = False
    """It requires ``Content-MD5`` with each body, as buckets with Object Lock do."""
    small_parts: bool = False
    """A proxy before it refuses large bodies."""


@dataclass
class Upload:
    """Sends ``source`` to the object ``key``, once. The first failure ends it, and aborts what was begun."""

    client: Client
    where: Bucket
    key: str
    source: Readable
    part_size: int
    """Bytes."""
    at_once: int
    """Parts that are sent while the next is read."""
    headers: Mapping[str, str]
    habits: Habits
    look: Callable[[], None]
    """Raises AlreadyThere if the key is taken, for a server that can't refuse that itself."""
    size: int | None
    """Bytes that the source has to yield; None if unknown."""
    exclusive: bool = False
    cancel: CancelToken | None = None
    begun: Begun | None = None
    """What it goes on with."""
    stays: bool = False
    """Whether what was sent stays where the server stops answering, or it is cancelled."""
    taken: int = 0
    """Bytes that the source has given."""
    _ahead: bytes = b""
    """What was read beyond a part, to see whether it is the last."""
    _ended: bool = False
    _failure: BaseException | None = None

    def send(self, *, in_parts: bool = False) -> str:
        """Send it and return the object's tag; empty if the server sends none.

        ``in_parts`` sends parts even if one request would do. Raises what the source, the token or
        ``look`` raises, and StorageError if the server refuses or fails.
        """
        part = self._part()
        if self._ended and not in_parts:
            with self.where.asking(self.key, Right.PUT):
                whole = Request("PUT", self.key, headers=self.headers, body=part)
                return _tag(self._asked(whole, makes_it_visible=True))
        upload = self.begun.id if self.begun else self._begin()
        tags: dict[int, str] = {}
        with self._aborted_on_failure(upload):
            with ThreadPoolExecutor(self.at_once, "mtn-part") as threads, self._failure_kept(own=True):
                under_way: set[Future[None]] = set()
                for number in count(1):
                    if tag := self.begun.has(number, part) if self.begun else "":
                        tags[number] = tag
                    else:
                        under_way.add(threads.submit(self._put_part, upload, number, part, tags))
                    if self._ended:
                        break
                    part = self._part()
                    if len(under_way) == self.at_once:
                        under_way = wait(under_way, return_when=FIRST_COMPLETED).not_done
            if self._failure is not None:
                raise self._failure
            return self._completed(upload, tags)

    def _part(self) -> bytes:
        """Read the next part, and one byte beyond it to know whether it is the last."""
        pieces, left = [self._ahead], self.part_size - len(self._ahead)
        while left and not self._ended:
            pieces.append(self._piece(min(left, _PIECE)))
            left -= len(pieces[-1])
        self._ahead = b"" if self._ended else self._piece(1)
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        self._go_on()
        piece = self.source.read(size)
        self.taken += len(piece)
        self._ended = not piece
        if self.size is not None and (self.taken > self.size or (self._ended and self.taken != self.size)):
            raise wrong_size(self.key, self.size, self.taken)
        return piece

    def _go_on(self) -> None:
        """Called before each piece is read or sent: raises if the upload has to end."""
        if self.cancel is not None:
            self.cancel.check()
        if self._failure is not None:
            raise self._failure

    def _begin(self) -> str:
        with self.where.asking(self.key, Right.PUT):
            answer = self._asked(Request("POST", self.key, query={"uploads": ""}, headers=self.headers))
            upload = xml(answer.body).findtext("UploadId")
            if not upload:
                raise ValueError("an upload without a name")
            return upload

    def _put_part(self, upload: str, number: int, part: bytes, tags: dict[int, str]) -> None:
        where = {"partNumber": str(number), "uploadId": upload}
        with self._failure_kept(), self.where.asking(self.key, Right.PUT):
            tags[number] = _tag(self._asked(Request("PUT", self.key, query=where, body=part)))

    def _completed(self, upload: str, tags: Mapping[int, str]) -> str:
        parts = "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{escape(tag)}"</ETag></Part>'
            for number, tag in sorted(tags.items())
        )
        body = f'<CompleteMultipartUpload xmlns="{_S3}">{parts}</CompleteMultipartUpload>'.encode()
        with self.where.asking(self.key, Right.PUT):
            answer = self._asked(
                Request("POST", self.key, {"uploadId": upload}, _XML, body, checksum=True),
                makes_it_visible=True,
            )
            return xml(answer.body).findtext("ETag") or ""

    def _asked(self, request: Request, *, makes_it_visible: bool = False) -> Answer:
        """Send a request; once more if the server refuses our condition or requires a checksum, for good."""
        self._go_on()
        while True:
            asked = replace(
                request,
                only_if_new=makes_it_visible and self.exclusive and self.habits.conditional,
                checksum=request.checksum or self.habits.checksums,
                before_piece=self._go_on,
            )
            try:
                return self.client.ask(asked)
            except Refused as error:
                if asked.only_if_new and _refuses_the_condition(error):
                    self.look()  # raises if the name was taken meanwhile: the next request would replace it
                    self.habits.conditional = False
                elif request.body and not asked.checksum and _wants_checksum(error):
                    self.habits.checksums = True
                else:
                    raise

    @contextmanager
    def _failure_kept(self, *, own: bool = False) -> Iterator[None]:
        """Keep the first failure, which stops all threads; the source's ``own`` says more than the wire's."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001  # raised again once all threads have ended
            if own or self._failure is None:
                self._failure = error

    @contextmanager
    def _aborted_on_failure(self, upload: str) -> Iterator[None]:
        """Abort the upload if the block fails; ``listing.unfinished`` finds what could not be aborted."""
        try:
            yield
        except BaseException as error:
            if self.stays and isinstance(error, StorageUnavailable | Cancelled):
                raise
            with suppress(StorageError), self.where.asking(self.key, Right.PUT):
                self.client.ask(Request("DELETE", self.key, query={"uploadId": upload}))
            raise


def _tag(answer: Answer) -> str:
    return bare(answer.headers.get("ETag", ""))


def _refuses_the_condition(error: Refused) -> bool:
    """Whether the header itself may be refused; some servers do so with 412 though no object is there."""
    said = f"{error.code} {error.message}".lower()
    return error.status in (412, 501) or (
        error.status in (400, 405) and ("none-match" in said or "notimplemented" in said)
    )


def _wants_checksum(error: Refused) -> bool:
    said = f"{error.code} {error.message}".lower()
    return error.status == 400 and ("content-md5" in said or "missingcontentmd5" in said)
