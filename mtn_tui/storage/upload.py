"""One put into a bucket: whole, or in parts of which some are under way while one more is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from xml.sax.saxutils import escape

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import StorageError
from mtn_tui.storage.base import Readable
from mtn_tui.storage.s3_answers import Refused, xml
from mtn_tui.storage.s3_client import Answer, Client, Request
from mtn_tui.storage.s3_errors import Bucket, Right
from mtn_tui.storage.span import wrong_size

_PIECE = 1 << 20
_XML = {"Content-Type": "application/xml"}
_S3 = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass
class Habits:
    """What a bucket's server has shown of itself; shared by all uploads to it."""

    conditional: bool = True
    """It takes ``If-None-Match``: B2, Ceph RGW and Alibaba's refuse it."""
    checksums: bool = False
    """It wants ``Content-MD5`` with each body: buckets with Object Lock do."""
    small_parts: bool = False
    """What stands before it takes no large bodies."""


@dataclass
class Upload:
    """Sends ``source`` to the object ``key``, once. The first failure ends it, and aborts what was begun."""

    client: Client
    where: Bucket
    key: str
    source: Readable
    part_size: int
    at_once: int
    """Parts under way while one more is read."""
    headers: Mapping[str, str]
    habits: Habits
    look: Callable[[], None]
    """Raises AlreadyThere where the key is taken: for a server that can't refuse that itself."""
    size: int | None
    exclusive: bool = False
    cancel: CancelToken | None = None
    taken: int = 0
    """Bytes that the source has given."""
    _ahead: bytes = b""
    """What was read beyond a part, to see whether it is the last."""
    _ended: bool = False
    _failure: BaseException | None = None

    def send(self, *, in_parts: bool = False) -> str:
        """The object's tag; empty where the server tells none. ``in_parts`` also where it would go up whole.

        Raises what the source, the token or ``look`` raises, and StorageError for what fails on the wire.
        """
        part = self._part()
        if self._ended and not in_parts:
            with self.where.asking(self.key, Right.PUT):
                whole = Request("PUT", self.key, headers=self.headers, body=part)
                return _tag(self._asked(whole, makes_it_visible=True))
        upload = self._begun()
        tags: dict[int, str] = {}
        with self._aborted_on_failure(upload):
            with ThreadPoolExecutor(self.at_once, "mtn-part") as threads, self._failure_kept(own=True):
                under_way: set[Future[None]] = set()
                for number in count(1):
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
        """The next part. One byte beyond it is read, to know whether it is the last."""
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
        """Called before each piece is read or sent: raises where nothing more is to be."""
        if self.cancel is not None:
            self.cancel.check()
        if self._failure is not None:
            raise self._failure

    def _begun(self) -> str:
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
        """Once more where the server refuses our condition or wants a checksum, which is remembered."""
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
                    self.look()  # nobody has taken the name meanwhile: what is sent next would replace it
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
        """As far as the server lets us; what stays behind, ``listing.unfinished`` finds later."""
        try:
            yield
        except BaseException:
            with suppress(StorageError), self.where.asking(self.key, Right.PUT):
                self.client.ask(Request("DELETE", self.key, query={"uploadId": upload}))
            raise


def _tag(answer: Answer) -> str:
    return answer.headers.get("ETag", "").strip('"')


def _refuses_the_condition(error: Refused) -> bool:
    """Whether a refusal may be of the header itself; 412 without an object there is one as well."""
    said = f"{error.code} {error.message}".lower()
    return error.status in (412, 501) or (
        error.status in (400, 405) and ("none-match" in said or "notimplemented" in said)
    )


def _wants_checksum(error: Refused) -> bool:
    said = f"{error.code} {error.message}".lower()
    return error.status == 400 and ("content-md5" in said or "missingcontentmd5" in said)
