"""What only a bucket has: parts, unfinished uploads, headers, TLS, and servers that say what they like."""

from __future__ import annotations

import datetime as dates
import io
import ipaddress
import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mtn_tui.core.errors import ConfigError, NotFound, StorageError, StorageUnavailable, Truncated
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.storage.listing import Unfinished
from mtn_tui.storage.local import LocalStorage
from mtn_tui.storage.s3 import S3Storage
from tests.faults.proxy import FaultProxy
from tests.s3_fixtures import store_on

PART = 5 << 20
KEY = "full/admisión_mtn_full_db1_20260302_020000.sql.gz.gpg"


@pytest.fixture
def s3(seaweed: SeaweedServer, bucket: str) -> Iterator[S3Storage]:
    store = store_on(seaweed, bucket)
    yield store
    store.close()


def test_unfinished_uploads_are_listed_and_only_the_matching_ones_are_aborted(
    seaweed: SeaweedServer, s3: S3Storage
) -> None:
    client = seaweed.client()
    for key in (KEY, KEY, "full/other", "differential/third"):
        client._create_multipart_upload(s3.bucket, key, {})
    assert sorted(upload.key for upload in s3.unfinished()) == sorted(
        [KEY, KEY, "full/other", "differential/third"]
    )
    assert list(s3.list()) == []
    old = dates.datetime.now(dates.UTC) - dates.timedelta(hours=1)
    assert s3.abort_unfinished(lambda upload: upload.started < old) == ()
    aborted = s3.abort_unfinished(lambda upload: upload.key == KEY)
    assert [upload.key for upload in aborted] == [KEY, KEY]
    assert sorted(upload.key for upload in s3.unfinished()) == ["differential/third", "full/other"]


def test_an_upload_that_ended_meanwhile_is_no_error_to_abort(seaweed: SeaweedServer, s3: S3Storage) -> None:
    client = seaweed.client()
    upload_id = client._create_multipart_upload(s3.bucket, KEY, {})

    def ends_it(upload: Unfinished) -> bool:
        client._abort_multipart_upload(s3.bucket, upload.key, upload.id)
        return True

    assert [upload.id for upload in s3.abort_unfinished(ends_it)] == [upload_id]


@pytest.mark.parametrize("size", [0, 5, 17 << 20])
def test_an_object_keeps_its_mark_however_it_was_put(s3: S3Storage, size: int) -> None:
    s3.put(KEY, io.BytesIO(bytes(size)), mark="installation/database/job")
    assert s3.mark(KEY) == "installation/database/job"
    s3.put("full/other", io.BytesIO(bytes(size)))
    assert s3.mark("full/other") == ""
    with pytest.raises(NotFound):
        s3.mark("full/none")


@pytest.mark.parametrize(
    ("size", "hint", "parts"),
    [
        (2 * PART, None, None),  # below 16 MiB it goes up whole
        (40 << 20, None, 3),
        (40 << 20, 5000 * (17 << 20), 3),
        (40 << 20, 5000 * (21 << 20), 2),
    ],
)
def test_the_part_size_is_fixed_by_the_expected_size(
    seaweed: SeaweedServer, bucket: str, size: int, hint: int | None, parts: int | None
) -> None:
    with FaultProxy("127.0.0.1", seaweed.port) as proxy:
        store = store_on(seaweed, bucket, endpoint=proxy.endpoint)
        store.put(KEY, io.BytesIO(bytes(size)), size_hint=hint)
        sent = [path for method, path in proxy.requests if method == "PUT"]
        store.close()
    assert len(sent) == (parts or 1)
    assert all(("partNumber" in path) == bool(parts) for path in sent)


class Liar:
    """An HTTP server that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                liar.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(liar.status)
                for name, value in {"Content-Length": str(len(liar.body)), **liar.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(liar.body)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def store(self, **options: Any) -> S3Storage:
        return S3Storage(
            f"127.0.0.1:{self.server.server_port}",
            "mtn-backups",
            access_key="mtn",
            secret_key="a secret of eight",
            secure=False,
            **options,
        )

    def lists(self, *keys: str) -> None:
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>3</Size>"
            "<LastModified>2026-03-02T02:00:00.000Z</LastModified><ETag>x</ETag></Contents>"
            for key in keys
        )
        self.headers = {"Content-Type": "application/xml"}
        self.body = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>mtn-backups</Name>'
            f"<IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
        ).encode()


@pytest.fixture
def liar() -> Iterator[Liar]:
    liar = Liar()
    yield liar
    liar.close()


def test_a_listing_that_lies_never_yields_a_key_that_leaves_the_store(liar: Liar, tmp_path: Path) -> None:
    liar.lists(
        "../../etc/cron.d/evil",
        "full/../../evil",
        "/etc/passwd",
        "full/..",
        "..",
        "a/b/c",
        "back\\slash",
        "line\nbreak",
        "full/",
        KEY + ".part",
        "full/b",
        "full/a",
    )
    store = liar.store()
    assert [entry.key for entry in store.list()] == ["full/a", "full/b"]
    local = LocalStorage(tmp_path)
    assert all(local.path(entry.key).is_relative_to(tmp_path) for entry in store.list())
    store.close()


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {"Content-Type": "application/xml"}, b"<not xml", StorageUnavailable),
        (200, {"Content-Type": "application/xml"}, b"", StorageUnavailable),
        (200, {"Content-Type": "application/xml"}, b"<a/>", StorageUnavailable),
        (200, {"Content-Type": "application/xml"}, b"\xff\xfe", StorageUnavailable),
        (403, {"Content-Type": "application/xml"}, b"<not xml", StorageError),
        (403, {"Content-Type": "text/html"}, b"<html>", StorageError),
        (301, {"Content-Type": "application/xml"}, b"", StorageError),
        (307, {"Location": "http://127.0.0.1:1/"}, b"", StorageError),
        (404, {"Content-Type": "text/html"}, b"", StorageError),
        (418, {}, b"", StorageError),
    ],
)
def test_an_answer_that_is_no_s3_is_sorted_and_never_escapes(
    liar: Liar, status: int, headers: dict[str, str], body: bytes, expected: type[StorageError]
) -> None:
    liar.status, liar.headers, liar.body = status, headers, body
    store = liar.store()
    with pytest.raises(StorageError) as raised:
        list(store.list())
    assert type(raised.value) is expected
    with pytest.raises(StorageError):
        store.put(KEY, io.BytesIO(b"abc"))
    store.close()


def test_a_put_that_is_answered_but_not_kept_is_no_success(liar: Liar) -> None:
    liar.headers = {"ETag": '"x"', "Content-Range": "bytes 0-0/2", "Content-Type": "application/xml"}
    liar.body = b"x"
    store = liar.store()
    with pytest.raises(StorageUnavailable, match="did not keep all"):
        store.put(KEY, io.BytesIO(b"abc"))
    store.close()


def test_an_error_inside_a_200_is_no_success(liar: Liar) -> None:
    liar.headers = {"Content-Type": "application/xml", "Content-Range": f"bytes 0-0/{2 * PART + 1}"}
    liar.body = b"<Error><Code>InternalError</Code><UploadId>1</UploadId></Error>"
    store = liar.store(part_size=PART)
    with pytest.raises(StorageUnavailable):
        store.put(KEY, io.BytesIO(bytes(2 * PART + 1)))
    store.close()


def test_a_server_that_ignores_ranges_is_not_believed(liar: Liar) -> None:
    liar.body = b"0123456789"
    store = liar.store()
    with pytest.raises(StorageError, match="knows no ranges"), store.open(KEY, 2, 3):
        pass
    with store.open(KEY, 0, 3) as stream:
        assert stream.read() == b"012"
    with pytest.raises(Truncated), store.open(KEY, 0, 11):
        pass
    assert store.stat(KEY).size == 10
    store.close()


def test_another_range_than_the_one_asked_for_is_not_believed(liar: Liar) -> None:
    liar.status = 206
    liar.headers = {"Content-Range": "bytes 5-9/10"}
    liar.body = b"56789"
    store = liar.store()
    with pytest.raises(StorageUnavailable, match="another part"), store.open(KEY, 4, 3):
        pass
    with pytest.raises(Truncated), store.open(KEY, 5, 6):
        pass
    store.close()


def test_what_is_stored_compressed_is_read_as_it_is(liar: Liar) -> None:
    liar.headers = {"Content-Encoding": "gzip"}
    liar.body = b"not gzip at all"
    store = liar.store()
    with store.open(KEY) as stream:
        assert stream.read() == b"not gzip at all"
    store.close()


def test_class_and_encryption_go_with_large_objects_and_the_class_not_with_small_ones(liar: Liar) -> None:
    liar.headers = {"ETag": '"x"', "Content-Range": "bytes 0-0/200000"}
    liar.body = b"x"
    store = liar.store(storage_class="STANDARD_IA", encrypt=True)
    store.put(KEY, io.BytesIO(bytes(200_000)), 200_000)
    method, _path, headers = liar.asked[0]
    assert method == "PUT"
    assert headers["x-amz-storage-class"] == "STANDARD_IA"
    assert headers["x-amz-server-side-encryption"] == "AES256"
    assert "if-none-match" not in headers
    liar.headers["Content-Range"] = "bytes 0-0/3"
    store.put(KEY, io.BytesIO(b"abc"), 3)
    assert "x-amz-storage-class" not in liar.asked[-2][2]
    assert liar.asked[-2][2]["x-amz-server-side-encryption"] == "AES256"
    store.close()


@pytest.mark.parametrize(
    ("endpoint", "bucket"),
    [
        ("", "mtn-backups"),
        ("host/path", "mtn-backups"),
        ("host", "x"),
        ("host", "Under Score"),
        ("host:99999", "ok-bucket"),
    ],
)
def test_an_address_that_cannot_be_one_is_a_mistake_in_the_configuration(endpoint: str, bucket: str) -> None:
    with pytest.raises(ConfigError):
        S3Storage(endpoint, bucket, access_key="mtn", secret_key="secret")


def signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A TLS server's context for 127.0.0.1 and the certificate that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "MTN test")])
    now = dates.datetime.now(dates.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dates.timedelta(days=1))
        .not_valid_after(now + dates.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


def test_tls_is_spoken_with_the_authority_that_is_named(
    seaweed: SeaweedServer, bucket: str, tmp_path: Path
) -> None:
    context, authority = signed(tmp_path)
    data = os.urandom(2 * PART + 1)
    with FaultProxy("127.0.0.1", seaweed.port, tls=context) as proxy:
        store = store_on(
            seaweed, bucket, endpoint=proxy.endpoint, secure=True, ca_file=authority, part_size=PART
        )
        store.put(KEY, io.BytesIO(data))
        with store.open(KEY) as stream:
            assert stream.read() == data
        store.close()


def test_an_unknown_authority_is_told_with_the_setting_that_names_it(
    seaweed: SeaweedServer, bucket: str, tmp_path: Path
) -> None:
    context, _authority = signed(tmp_path)
    with FaultProxy("127.0.0.1", seaweed.port, tls=context) as proxy:
        store = store_on(seaweed, bucket, endpoint=proxy.endpoint, secure=True)
        for attempt in (store.check, lambda: store.put(KEY, io.BytesIO(b"abc"))):
            with pytest.raises(StorageError) as raised:
                attempt()
            assert type(raised.value) is StorageError
            assert "not trusted" in raised.value.title
            assert "S3_CA_FILE" in raised.value.hint
        store.close()


def test_tls_with_a_server_that_speaks_none_is_told(seaweed: SeaweedServer, bucket: str) -> None:
    store = store_on(seaweed, bucket, secure=True)
    with pytest.raises(StorageError, match="does not speak TLS"):
        store.check()
    store.close()


def test_no_tls_with_a_server_that_wants_it_is_told(
    seaweed: SeaweedServer, bucket: str, tmp_path: Path
) -> None:
    context, _authority = signed(tmp_path)
    with FaultProxy("127.0.0.1", seaweed.port, tls=context) as proxy:
        store = store_on(seaweed, bucket, endpoint=proxy.endpoint)
        with pytest.raises(StorageError):
            store.check()
        store.close()


@pytest.mark.parametrize("text", [None, "not a certificate"])
def test_an_authority_that_cannot_be_read_is_a_mistake_in_the_configuration(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match="S3_CA_FILE"):
        S3Storage("host", "mtn-backups", access_key="mtn", secret_key="secret", ca_file=path)
