"""How a bucket is addressed and its requests are signed: as minio's client does it, on AWS too."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import urllib3
from minio import Minio
from minio.credentials.providers import StaticProvider
from urllib3.response import HTTPResponse

from mtn_tui.storage.s3_client import Client, Request

KEYS = StaticProvider("mtn", "a secret of eight", "a session's token")
AWKWARD = "full/a b+c%d~é'(1)&=?#.gpg"


class Recorder(urllib3.PoolManager):
    """Sends nothing: remembers what was to be sent, and gives ``answers`` in turn, then empty ones."""

    def __init__(self, *answers: HTTPResponse) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> HTTPResponse:
        body = options.get("body") or b""
        headers = {name.lower(): str(value) for name, value in options["headers"].items()}
        self.asked.append((method, url, headers, body if isinstance(body, bytes) else b"".join(body)))
        return (
            self.answers.pop(0)
            if self.answers
            else HTTPResponse(io.BytesIO(), status=200, preload_content=False)
        )


def ours(pool: Recorder, endpoint: str, bucket: str, region: str | None, *, secure: bool = True) -> Client:
    return Client(endpoint, bucket, secure=secure, region=region, keys=KEYS, pool=pool)


def answer(body: bytes, status: int = 200, **headers: str) -> HTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPResponse(io.BytesIO(body), named, status=status, preload_content=False)


def as_both_have_it(asked: tuple[str, str, dict[str, str], bytes]) -> tuple[object, ...]:
    """What a request consists of, save the moment, the signature itself and the program's name."""
    method, url, headers, _body = asked
    scope, names = re.search(r"/\d{8}/(\S+), SignedHeaders=(\S+),", headers["authorization"]).groups()  # type: ignore[union-attr]
    plain = {n: v for n, v in headers.items() if n not in ("authorization", "x-amz-date", "user-agent")}
    return method, url, plain, scope, names


@pytest.mark.parametrize(
    ("endpoint", "bucket", "region", "secure"),
    [
        ("127.0.0.1:9000", "mtn-backups", "us-east-1", False),
        ("s3.example.org", "mtn-backups", "far-1", True),
        ("s3.example.org:443", "mtn-backups", "far-1", True),
        ("s3.amazonaws.com", "mtn-backups", "eu-west-1", True),
        ("s3.amazonaws.com", "mtn.backups", "eu-west-1", True),
        ("s3.eu-west-3.amazonaws.com", "mtn-backups", None, True),
        ("s3.dualstack.eu-west-3.amazonaws.com", "mtn-backups", None, True),
        ("s3-accelerate.amazonaws.com", "mtn-backups", "eu-west-1", True),
        ("s3.cn-north-1.amazonaws.com.cn", "mtn-backups", None, True),
        ("s3.us-gov-west-1.amazonaws.com", "mtn-backups", None, True),
        ("oss-cn-hangzhou.aliyuncs.com", "mtn-backups", "us-east-1", True),
    ],
)
def test_objects_are_asked_for_where_and_as_minio_does(endpoint, bucket, region, secure):
    pool, theirs = Recorder(), Recorder()
    client = ours(pool, endpoint, bucket, region, secure=secure)
    minio = Minio(endpoint, secure=secure, region=region, credentials=KEYS, http_client=theirs)
    client.open(Request("GET", AWKWARD, headers={"Range": "bytes=5-"}))
    minio.get_object(bucket, AWKWARD, offset=5)
    client.ask(Request("DELETE", AWKWARD))
    minio.remove_object(bucket, AWKWARD)
    assert [as_both_have_it(asked) for asked in pool.asked] == [
        as_both_have_it(asked) for asked in theirs.asked
    ]


@pytest.mark.parametrize(
    ("endpoint", "bucket"),
    [
        ("s3.amazonaws.com", "xn--bucket"),
        ("evil.amazonaws.com", "mtn-backups"),
        ("host:99999", "mtn-backups"),
    ],
)
def test_an_address_that_minio_refuses_is_refused(endpoint, bucket):
    with pytest.raises(ValueError, match=r"invalid|bucket"):
        ours(Recorder(), endpoint, bucket, None)


@pytest.mark.parametrize(
    ("location", "region"),
    [(b">sa-east-1<", "sa-east-1"), (b">EU<", "eu-west-1"), (b"><", "us-east-1")],
)
def test_the_region_of_an_aws_bucket_is_asked_for_once(location, region):
    namespace = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    pool = Recorder(answer(b"<LocationConstraint %b%b/LocationConstraint>" % (namespace, location)))
    client = ours(pool, "s3.amazonaws.com", "mtn-backups", None)
    for _ in range(2):
        client.ask(Request("DELETE", "full/x"))
    assert [url for _method, url, _headers, _body in pool.asked] == [
        "https://s3.us-east-1.amazonaws.com/mtn-backups?location=",
        *[f"https://mtn-backups.s3.{region}.amazonaws.com/full/x"] * 2,
    ]
    assert f"/{region}/s3/aws4_request" in pool.asked[-1][2]["authorization"]


def test_where_the_region_may_not_be_asked_for_the_refusal_that_names_it_is_enough():
    """Policies with just what a backup needs lack s3:GetBucketLocation."""
    denied = answer(b"<Error><Code>AccessDenied</Code></Error>", 403)
    moved = answer(b"<Error><Code>TemporaryRedirect</Code></Error>", 307, x_amz_bucket_region="eu-west-1")
    pool = Recorder(denied, moved)
    client = ours(pool, "s3.amazonaws.com", "mtn-backups", None)
    for _ in range(2):
        client.ask(Request("DELETE", "full/x"))
    assert [url for _method, url, _headers, _body in pool.asked][2:] == [
        "https://mtn-backups.s3.eu-west-1.amazonaws.com/full/x"
    ] * 2


def test_a_region_that_aws_names_is_gone_to():
    moved = answer(b"<Error><Code>PermanentRedirect</Code></Error>", 301, x_amz_bucket_region="eu-west-1")
    pool = Recorder(moved)
    client = ours(pool, "s3.amazonaws.com", "mtn-backups", "us-east-1")
    client.ask(Request("DELETE", "full/x"))
    assert pool.asked[-1][1] == "https://mtn-backups.s3.eu-west-1.amazonaws.com/full/x"
    assert "/eu-west-1/s3/aws4_request" in pool.asked[-1][2]["authorization"]


@pytest.mark.parametrize("secure", [True, False])
def test_a_body_is_proven_by_tls_and_its_md5_or_by_its_signed_sum(secure):
    pool = Recorder()
    request = Request("PUT", "full/x", body=b"abc", only_if_new=True)
    ours(pool, "host", "mtn-backups", "far-1", secure=secure).ask(request)
    ((_method, _url, headers, body),) = pool.asked
    assert body == b"abc"
    assert headers["content-length"] == "3"
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-security-token"] == "a session's token"
    if secure:
        assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        assert headers["content-md5"] == "kAFQmDzST7DWlj99KOF/cg=="
    else:
        assert headers["x-amz-content-sha256"].startswith("ba7816bf8f01cfea")
        assert "content-md5" not in headers
