"""The cipher and its keys, held against the real openssl."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from mtn_tui.archive import keys
from mtn_tui.archive.cipher import BLOCK, HEADER, Decryptor, Encryptor, new_salt, salt_of, unpad
from mtn_tui.archive.keys import Key, read_key
from mtn_tui.core.errors import KeyFileError, NotABackup, Truncated
from tests.archive_fixtures import DECRYPT, ENCRYPT, KEY, OTHER_SALT, SALT, chunked, patient, shell

few = settings(patient, max_examples=8)
"""Each example costs several derivations of a key, of 100,000 rounds."""

lengths = st.integers(0, 200) | st.sampled_from([0, 15, 16, 17, 4095, 4096, 70_001])
any_chunks = st.lists(st.integers(1, 5000), min_size=1, max_size=4)


def encrypted(data: bytes, sizes: list[int], key: Key = KEY, salt: bytes = SALT) -> bytes:
    encryptor = Encryptor(key, salt)
    pieces = [encryptor.update(piece) for piece in chunked(data, sizes)]
    return b"".join([encryptor.header, *pieces, encryptor.finish()])


def decrypted(payload: bytes, sizes: list[int], key: Key = KEY) -> bytes:
    decryptor = Decryptor(*key.cipher(salt_of(payload[:HEADER])))
    plain = b"".join(decryptor.update(piece) for piece in chunked(payload[HEADER:], sizes))
    return plain[:-BLOCK] + unpad(plain[-BLOCK:], len(payload) - HEADER)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "the key"
    path.write_bytes(KEY.passphrase + b"\nwhat stands in other lines counts for nothing\n")
    path.chmod(0o600)
    return path


@few
@given(
    seed=st.binary(min_size=1, max_size=64),
    length=lengths,
    sizes=any_chunks,
    salt=st.binary(min_size=8, max_size=8),
)
def test_openssl_reads_what_we_write(
    key_file: Path, seed: bytes, length: int, sizes: list[int], salt: bytes
) -> None:
    data = (seed * (length // len(seed) + 1))[:length]
    written = encrypted(data, sizes, salt=salt)
    assert len(written) == HEADER + (length // BLOCK + 1) * BLOCK
    assert shell(DECRYPT.format(key=f"'{key_file}'"), written) == data


@few
@given(seed=st.binary(min_size=1, max_size=64), length=lengths, sizes=any_chunks)
def test_we_read_what_openssl_writes(key_file: Path, seed: bytes, length: int, sizes: list[int]) -> None:
    data = (seed * (length // len(seed) + 1))[:length]
    assert decrypted(shell(ENCRYPT.format(key=f"'{key_file}'"), data), sizes) == data


@few
@given(data=st.binary(min_size=64, max_size=400), start=st.integers(1, 3), sizes=any_chunks)
def test_decryption_begins_at_any_block_given_the_one_before(
    data: bytes, start: int, sizes: list[int]
) -> None:
    written = encrypted(data, [1 << 20])[HEADER:]
    secret, _ = KEY.cipher(SALT)
    decryptor = Decryptor(secret, written[(start - 1) * BLOCK : start * BLOCK])
    plain = b"".join(decryptor.update(piece) for piece in chunked(written[start * BLOCK :], sizes))
    assert plain[:-BLOCK] + unpad(plain[-BLOCK:], len(written)) == data[start * BLOCK :]


@pytest.mark.sample("without a newline", "bytes that are no text", "what a shell would obey", "1024")
@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        pytest.param(b"secret", b"secret", id="without a newline"),
        pytest.param(b"one\ntwo\nthree\n", b"one", id="several lines"),
        pytest.param(b"  a b\t \n", b"  a b\t ", id="spaces"),
        pytest.param("ñandú €\n".encode(), "ñandú €".encode(), id="utf-8"),
        pytest.param(b"\xff\xfe\x80\n", b"\xff\xfe\x80", id="bytes that are no text"),
        pytest.param(b"from Windows\r\n", b"from Windows\r", id="a carriage return"),
        pytest.param(b"a\rb\n", b"a\rb", id="a carriage return within"),
        pytest.param(b"'\"$(x)`y`\\z\n", b"'\"$(x)`y`\\z", id="what a shell would obey"),
        pytest.param(b"k" * 1022 + b"\n", b"k" * 1022, id="1022 bytes"),
        pytest.param(b"k" * 1023 + b"\n", b"k" * 1023, id="1023 bytes"),
        pytest.param(b"k" * 1024 + b"\n", b"k" * 1023, id="1024 bytes"),
        pytest.param(b"k" * 5000, b"k" * 1023, id="5000 bytes"),
    ],
)
def test_the_passphrase_is_what_openssl_takes_from_the_file(
    tmp_path: Path, content: bytes, passphrase: bytes
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    key = read_key(file)
    assert key.passphrase == passphrase
    assert decrypted(shell(ENCRYPT.format(key=file), b"theirs"), [1 << 20], key) == b"theirs"
    assert shell(DECRYPT.format(key=file), encrypted(b"ours", [1 << 20], key)) == b"ours"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="a newline"),
        pytest.param(b"\nthe second line\n", id="an empty first line"),
        pytest.param(b" \t\r\n", id="blank"),
        pytest.param(b"\0secret\n", id="NUL"),
        pytest.param(b"sec\0ret\n", id="NUL within"),
    ],
)
def test_a_key_file_without_a_passphrase_is_an_error_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(KeyFileError) as raised:
        read_key(file)
    assert str(file) in raised.value.title
    assert raised.value.hint
    assert raised.value.runbook == "7.2"
    assert file.read_bytes() == content


def test_a_missing_key_file_is_an_error_and_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError) as raised:
        read_key(tmp_path / "key")
    assert raised.value.runbook == "7.2"
    assert [*tmp_path.iterdir()] == []


def test_a_folder_or_a_path_through_a_file_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "key"):
        with pytest.raises(KeyFileError):
            read_key(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_key_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"secret\n")
    file.chmod(0)
    with pytest.raises(KeyFileError):
        read_key(file)


def test_no_two_files_have_the_same_salt():
    salts = {new_salt() for _ in range(1000)}
    assert len(salts) == 1000
    assert {len(salt) for salt in salts} == {8}


def test_a_passphrase_is_stretched_once_for_each_salt_however_often_its_key_is_read(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    salts: list[bytes] = []
    real = keys.PBKDF2HMAC

    def counted(hashed: SHA256, length: int, salt: bytes, rounds: int) -> PBKDF2HMAC:
        salts.append(salt)
        return real(hashed, length, salt, rounds)

    monkeypatch.setattr(keys, "PBKDF2HMAC", counted)
    key_file.write_bytes(os.urandom(16).hex().encode())
    made = {(read_key(key_file).cipher(salt), read_key(key_file).mac) for salt in (SALT, OTHER_SALT) * 2}
    assert sorted(salts) == sorted([SALT, OTHER_SALT, b"mtn manifest 1"])
    assert len(made) == 2


def test_a_key_never_shows_its_passphrase() -> None:
    key = Key(b"hush-hush")
    assert "hush" not in repr(key) + str(key) + f"{key}"
    assert key.fingerprint != Key(b"hush-hush ").fingerprint
    assert len(key.fingerprint) == 16
    assert key.mac.hex() not in repr(vars(key).keys())


@pytest.mark.parametrize("header", [b"", b"S", b"Salted_", b"Salted__", b"Salted__1234567"])
def test_a_header_cut_short_is_told_as_truncated(header: bytes) -> None:
    with pytest.raises(Truncated):
        salt_of(header)


@pytest.mark.parametrize("header", [b"\x1f", b"salted__12345678", b"Salted_-12345678", b"PK\x03\x04" * 4])
def test_bytes_that_are_no_openssl_are_no_backup(header: bytes) -> None:
    with pytest.raises(NotABackup):
        salt_of(header)


@given(last=st.binary(max_size=20), total=st.integers(0, 64))
@patient
def test_padding_is_taken_off_whole_or_not_at_all(last: bytes, total: int) -> None:
    whole = len(last) == BLOCK and total % BLOCK == 0
    valid = whole and 1 <= last[-1] <= BLOCK and set(last[-last[-1] :]) == {last[-1]}
    if valid:
        assert unpad(last, total) == last[: -last[-1]]
    else:
        with pytest.raises(Truncated):
            unpad(last, total)


@given(kept=st.binary(max_size=15))
@patient
def test_every_padding_that_is_written_is_read(kept: bytes) -> None:
    count = BLOCK - len(kept)
    assert unpad(kept + bytes([count]) * count, 160) == kept
