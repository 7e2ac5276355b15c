"""mtn init: what it writes reads back, and what is there is never overwritten."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtn_tui.core.errors import ConfigError, KeyFileError, Refused, StorageUnavailable
from mtn_tui.core.redact import redact
from mtn_tui.core.settings_file import interpret, load
from mtn_tui.operations.setup import init, key
from mtn_tui.operations.setup.init import Answers, AwsBucket, MinioBucket

EXAMPLE = Path(__file__).parents[2] / "config" / "backup.conf"
ANSWERS = Answers("Admisión_MTN_DB", "admin", "init-pass-word")
BUCKET = MinioBucket("https://s3.school.cl:9000", "access", "init-bucket-secret", "school-backups")

bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to ask")


def no_backups(settings):
    return ""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def set_up(folder, answers=ANSWERS, backups_exist=no_backups, **options):
    return init.set_up(init.configuration_in(folder), answers, {}, backups_exist, **options)


def test_the_template_is_the_commented_example():
    assert init.template().encode() == EXAMPLE.read_bytes()


def test_the_people_are_the_runbooks_until_somebody_fills_them_in(tmp_path):
    path = set_up(tmp_path).settings.contacts_file
    assert path == tmp_path / "config/contacts.toml"
    assert path.read_bytes() == EXAMPLE.with_name("contacts.toml").read_bytes()
    path.write_text("ours")
    set_up(tmp_path, replace=True)
    assert path.read_text() == "ours"


def test_init_leaves_a_configuration_its_folders_and_a_key(tmp_path):
    made = set_up(tmp_path)
    loaded = load(made.configuration, {})
    assert made.configuration == tmp_path / "config/backup.conf"
    assert mode(made.configuration) == 0o600
    assert loaded.warnings == ()
    assert loaded.settings == made.settings
    assert made.key_is_new
    for name in ("backups", "logs", "logs/metrics", "temp"):
        assert (tmp_path / name).is_dir()
    names = [".encryption.key", "backup.conf", "contacts.toml"]
    assert sorted(path.name for path in (tmp_path / "config").iterdir()) == names


def test_the_key_is_32_random_bytes_in_one_line_for_its_owner_alone(tmp_path):
    first, second = tmp_path / "one", tmp_path / "new/folder/two"
    key.make_key(first)
    key.make_key(second)
    assert len(base64.b64decode(first.read_text().removesuffix("\n"), validate=True)) == 32
    assert first.read_text().count("\n") == 1
    assert first.read_bytes() != second.read_bytes()
    assert mode(first) == mode(second) == 0o600


def test_answers_about_a_bucket_end_in_its_keys(tmp_path):
    made = set_up(tmp_path, Answers("school", "admin", bucket=BUCKET)).settings
    assert made.bucket == "school-backups"
    assert made.endpoint is not None
    assert (made.endpoint.host, made.endpoint.secure) == ("s3.school.cl:9000", True)
    assert made.minio_secret_key is not None
    assert made.minio_secret_key.get_secret_value() == "init-bucket-secret"


def test_answers_about_aws_end_in_its_keys():
    text = init.render(Answers("school", "admin", bucket=AwsBucket("school-at-aws", profile="school")))
    made = interpret(text, Path("/x/backup.conf"), {}).settings
    assert (made.use_minio, made.bucket, made.aws_profile) == (False, "school-at-aws", "school")
    text = init.render(
        Answers("school", "admin", bucket=AwsBucket(access_key="AKIA", secret_key="init-aws-secret"))
    )
    made = interpret(text, Path("/x/backup.conf"), {}).settings
    assert made.aws_access_key_id == "AKIA"
    assert made.aws_secret_access_key is not None


def test_no_bucket_and_no_password_are_answers_too():
    made = interpret(init.render(Answers("school", "admin")), Path("/x/backup.conf"), {})
    assert (made.settings.bucket, made.settings.db_password, made.warnings) == (None, None, ())


def test_any_other_key_can_be_answered_and_an_unknown_one_is_refused():
    answers = Answers("school", "admin", others={"ALERT_EMAIL": "a@b.cl", "STATE_DIR": "/var/lib/mtn"})
    made = interpret(init.render(answers), Path("/x/backup.conf"), {}).settings
    assert (made.alert_email, made.state_dir) == (("a@b.cl",), Path("/var/lib/mtn"))
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        init.render(Answers("school", "admin", others={"NO_SUCH_KEY": "1"}))


def test_the_environment_of_init_does_not_slip_into_the_configuration(tmp_path):
    made = init.set_up(tmp_path / "backup.conf", ANSWERS, {"DB_NAME": "other", "DB_PORT": "x"}, no_backups)
    assert made.settings.db_name == "Admisión_MTN_DB"


def test_a_wrong_answer_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match="DB_PORT must be"):
        set_up(tmp_path, Answers("school", "admin", db_port=0))
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_is_never_overwritten_unasked(tmp_path):
    made = set_up(tmp_path)
    before = made.configuration.read_bytes()
    with pytest.raises(Refused, match="There is a configuration already"):
        set_up(tmp_path, Answers("other", "admin"))
    assert made.configuration.read_bytes() == before
    assert not list((tmp_path / "config").glob(".backup*"))


def test_a_configuration_that_is_replaced_is_kept_beside_the_new_one(tmp_path):
    made = set_up(tmp_path)
    before, key = made.configuration.read_bytes(), made.settings.encryption_key_file.read_bytes()
    made.configuration.chmod(0o644)
    again = set_up(tmp_path, Answers("other", "admin"), replace=True)
    old = tmp_path / "config/backup.conf.old"
    assert again.settings.db_name == "other"
    assert old.read_bytes() == before
    assert mode(old) == mode(again.configuration) == 0o600
    assert not again.key_is_new
    assert again.settings.encryption_key_file.read_bytes() == key


def test_no_key_is_made_while_a_backup_is_known(tmp_path):
    with pytest.raises(KeyFileError, match="backups that a new one could not read") as caught:
        set_up(tmp_path, backups_exist=lambda settings: "of others")
    assert caught.value.runbook == "7.2"
    assert not (tmp_path / "config/.encryption.key").exists()
    assert everything(tmp_path) == []


def test_no_key_is_made_where_a_store_could_not_be_asked(tmp_path):
    def unreachable(settings):
        raise StorageUnavailable("the bucket did not answer")

    with pytest.raises(StorageUnavailable):
        set_up(tmp_path, backups_exist=unreachable)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert set_up(tmp_path).key_is_new


def test_a_folder_in_the_place_of_the_key_is_told_before_anything_is_made(tmp_path):
    key = tmp_path / "config/.encryption.key"
    key.mkdir(parents=True)
    with pytest.raises(KeyFileError, match="is a folder"):
        set_up(tmp_path)
    assert list((tmp_path / "config").iterdir()) == [key]
    key.rmdir()
    assert set_up(tmp_path).key_is_new


@pytest.mark.parametrize("content", [b"", b"an old key\n"])
def test_a_key_that_is_there_is_never_touched_and_nobody_is_asked(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    assert key.ensure_key(path, lambda: pytest.fail("asked")) is False
    with pytest.raises(KeyFileError, match="already"):
        key.make_key(path)
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_key_behind_a_dangling_link_counts_as_there(tmp_path):
    path = tmp_path / "key"
    path.symlink_to(tmp_path / "unmounted/key")
    assert key.ensure_key(path, lambda: False) is False
    with pytest.raises(KeyFileError):
        key.make_key(path)
    assert path.is_symlink()


def test_a_new_key_is_announced_loudly(tmp_path):
    notice = key.keep_elsewhere(tmp_path / "key")
    assert str(tmp_path / "key") in notice.title
    assert "WITHOUT IT" in notice.title


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        set_up(tmp_path / "file")
    with pytest.raises(ConfigError, match="cannot be made"):
        key.make_key(tmp_path / "file" / "key")


def test_answers_do_not_show_their_secrets_and_these_are_redacted(tmp_path):
    answers = Answers(
        "school", "admin", "init-secret-word", bucket=BUCKET, others={"SMTP_PASSWORD": "init-mail-word"}
    )
    set_up(tmp_path, answers)
    for word in ("init-secret-word", "init-bucket-secret", "init-mail-word"):
        assert word not in repr(answers)
        assert word not in redact(f"it was {word}")


_word = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20) | st.text(
    st.sampled_from("ab \t\n'\"\\$`!#~&;(){}[]*?%:="), max_size=12
)


@given(_word, _word)
def test_any_password_reads_back_from_what_was_written(password, secret):
    bucket = MinioBucket("h:1", "access", secret) if secret else None
    made = interpret(init.render(Answers("school", "admin", password, bucket=bucket)), Path("/x/c"), {})
    found = made.settings.db_password
    assert (found.get_secret_value() if found else "") == password
    kept = made.settings.minio_secret_key
    assert (kept.get_secret_value() if kept else "") == secret
    assert made.warnings == ()


@bash
@settings(max_examples=6, deadline=None)
@given(st.lists(_word, min_size=15, max_size=30))
def test_any_password_reads_back_in_bash(passwords):
    with tempfile.TemporaryDirectory() as name:
        for number, password in enumerate(passwords):
            Path(name, str(number)).write_text(init.render(Answers("school", "admin", password)), "utf-8")
        script = 'for ((i = 0; i < $1; i++)); do source "./$i"; printf "%s\\0" "$DB_PASSWORD"; done'
        done = subprocess.run(
            ["bash", "-c", script, "bash", str(len(passwords))],
            cwd=name,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=True,
        )
    assert done.stdout.decode().split("\0")[:-1] == passwords


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "others",
    [
        {"LOG_DIR": "{file}/logs"},
        {"METRICS_DIR": "/proc/none/metrics"},
        {"TEMP_DIR": "{file}"},
        {"CONTACTS_FILE": "/proc/contacts.toml"},
        {"ENCRYPTION_KEY_FILE": "/proc/none/key"},
        {"CONTACTS_FILE": "new/folder/contacts.toml", "ENCRYPTION_KEY_FILE": "{file}/key"},
    ],
    ids="+".join,
)
def test_what_was_made_before_something_failed_is_taken_away_again(tmp_path, others):
    (tmp_path / "file").touch()
    (tmp_path / "backups").mkdir()
    before = everything(tmp_path)
    given = {key: value.format(file=tmp_path / "file") for key, value in others.items()}
    with pytest.raises(ConfigError):
        set_up(tmp_path, Answers("school", "admin", others=given))
    assert everything(tmp_path) == before


def test_a_configuration_that_can_not_be_written_leaves_no_key_and_no_folder(tmp_path, monkeypatch):
    """A disk that is full by then: the last write of all fails."""

    def full(*_unused: object) -> None:
        raise OSError(28, "No space left on device")

    def write(path, text, *, replace):
        assert (tmp_path / "config/.encryption.key").exists()
        with key.as_config_error(path):
            full()

    monkeypatch.setattr(init, "write_configuration", write)
    with pytest.raises(ConfigError, match="No space left"):
        set_up(tmp_path)
    assert everything(tmp_path) == []


def test_what_others_put_into_a_new_folder_stays(tmp_path):
    def interrupted(path):
        (tmp_path / "backups" / "theirs").touch()
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(init, "make_key", interrupted)
        with pytest.raises(KeyboardInterrupt):
            set_up(tmp_path)
    assert everything(tmp_path) == ["backups", "backups/theirs"]


def test_no_key_is_made_among_the_backups_of_others_and_they_are_named(tmp_path):
    with pytest.raises(KeyFileError) as caught:
        set_up(tmp_path, backups_exist=lambda settings: "12 backups of the host db-7")
    assert "12 backups of the host db-7" in caught.value.title
    assert "openssl rand" in caught.value.hint
    assert everything(tmp_path) == []
