"""The configuration: every key, its default, its range, and what is said about a wrong one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.finding import find_configuration, load_found
from mtn_tui.core.redact import MASK, redact
from mtn_tui.core.settings import KEYS, SECRET_KEYS, Settings
from mtn_tui.core.settings_file import interpret, load
from mtn_tui.core.shellconf import parse
from mtn_tui.core.values import Endpoint, scratch_name

EXAMPLE = Path(__file__).parents[2] / "config" / "backup.conf"
SCRIPTS_KEYS = """DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD STAGING_DB_NAME PG_DUMP PSQL
    BACKUP_DIR LOG_DIR METRICS_DIR TEMP_DIR BACKUP_PREFIX COMPRESSION_LEVEL
    ENABLE_ENCRYPTION ENCRYPTION_KEY_FILE ENABLE_POST_BACKUP_VERIFY
    ENABLE_POST_RESTORE_VERIFY USE_MINIO MINIO_ENDPOINT MINIO_ACCESS_KEY
    MINIO_SECRET_KEY MINIO_BUCKET S3_BUCKET AWS_PROFILE FULL_BACKUP_RETENTION_DAYS
    DIFF_BACKUP_RETENTION_DAYS TARGET_RPO_HOURS TARGET_RTO_HOURS ENABLE_MONITORING
    SMTP_SERVER SMTP_PORT SMTP_USER SMTP_PASSWORD ALERT_EMAIL"""
NEW_KEYS = """DEFLATE_LEVEL STATE_DIR PRODUCTION_DATABASES KEEP_REPLACED_DAYS UPLOAD_DEADLINE_MINUTES
    S3_CA_FILE DIFF_EVERY_MINUTES SERVICES_STOP_COMMAND SERVICES_RESTART_COMMAND SERVICE_HEALTH_URLS
    CONTACTS_FILE ENABLE_TEST_LOAD WEBHOOK_URL ALERT_CA_FILE DATABASE_START_COMMAND KEEP_WEEKLY
    KEEP_MONTHLY PING_URL"""
MINIMAL = "DB_NAME=school\nDB_USER=admin\n"
PLACE = Path("/srv/backup-system/config/backup.conf")


def read(text, environment=None, path=PLACE):
    return interpret(MINIMAL + text, path, environment or {})


def refusal(text, environment=None):
    with pytest.raises(ConfigError) as caught:
        read(text, environment)
    return caught.value


def titles(loaded):
    return [notice.title for notice in loaded.warnings]


# Keys and defaults


def test_every_key_of_the_scripts_and_every_new_one_is_known():
    assert set((SCRIPTS_KEYS + " " + NEW_KEYS).split()) <= set(KEYS)


def test_what_is_not_set_has_the_scripts_defaults_and_lies_where_the_runbook_has_it():
    settings = read("").settings
    base = Path("/srv/backup-system")
    expected = {
        "db_host": "localhost",
        "db_port": 5432,
        "db_password": None,
        "staging_db_name": "school_staging",
        "production_databases": (),
        "pg_dump": None,
        "psql": None,
        "backup_dir": base / "backups",
        "log_dir": base / "logs",
        "metrics_dir": base / "logs/metrics",
        "temp_dir": base / "temp",
        "state_dir": None,
        "contacts_file": base / "config/contacts.toml",
        "encryption_key_file": base / "config/.encryption.key",
        "backup_prefix": "admision_mtn",
        "deflate_level": 5,
        "compression_level": None,
        "enable_encryption": True,
        "enable_post_backup_verify": True,
        "enable_post_restore_verify": True,
        "enable_test_load": True,
        "use_minio": True,
        "minio_bucket": "mtn-backups",
        "s3_bucket": "mtn-admision-backups",
        "upload_deadline_minutes": 30,
        "full_backup_retention_days": 30,
        "diff_backup_retention_days": 90,
        "keep_replaced_days": 7,
        "target_rpo_hours": 1,
        "target_rto_hours": 4,
        "diff_every_minutes": 30,
        "enable_monitoring": True,
        "smtp_port": 587,
        "alert_email": (),
    }
    assert {name: getattr(settings, name) for name in expected} == expected


def test_logs_and_the_rest_follow_the_backups_where_only_those_are_placed():
    settings = read("BACKUP_DIR=/data/mtn/backups").settings
    assert settings.log_dir == Path("/data/mtn/logs")
    assert settings.metrics_dir == Path("/data/mtn/logs/metrics")
    assert settings.temp_dir == Path("/data/mtn/temp")


def test_settings_made_in_code_need_only_a_name_and_a_user():
    settings = Settings(db_name="school", db_user="admin", backup_dir=Path("/b/backups"))
    assert settings.log_dir == Path("/b/logs")
    assert settings.staging_db_name == "school_staging"


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        read("").settings.db_port = 1


def test_the_name_of_the_staging_database_always_fits():
    long = "ñ" * 31
    assert read(f"DB_NAME={long}").settings.staging_db_name == "ñ" * 27 + "_staging"
    assert len(scratch_name(long, "_x").encode()) <= 63


# The commented example


def test_the_commented_example_loads_without_a_word():
    example = interpret(EXAMPLE.read_text("utf-8"), EXAMPLE, {})
    assert example.warnings == ()
    assert example.settings.db_name == "Admisión_MTN_DB"


def test_the_commented_example_shows_every_key_once():
    shown = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    assert sorted(shown) == sorted(KEYS)


def test_the_lines_that_are_switched_off_in_the_example_load_too():
    text = re.sub(r"^#(?=[A-Z][A-Z0-9_]*=)", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    assert titles(interpret(text, EXAMPLE, {})) == [
        "COMPRESSION_LEVEL has no effect: DEFLATE_LEVEL has taken its place."
    ]


def test_bash_reads_the_commented_example_as_we_do():
    ours = {key: found.value for key, found in parse(EXAMPLE.read_text("utf-8"), {}).items()}
    script = 'set -a; source "$1"; shift; for key; do printf "%s\\0" "${!key}"; done'
    done = subprocess.run(
        ["bash", "-c", script, "bash", str(EXAMPLE), *ours],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert done.stdout.decode().split("\0")[:-1] == list(ours.values())


def test_a_configuration_of_the_scripts_loads_unchanged():
    loaded = interpret(
        """\
# Sistema de backup
BASE="/opt/backup-system"
DB_HOST="localhost"
DB_PORT="5432"
DB_NAME="Admisión_MTN_DB"
DB_USER="admin"
DB_PASSWORD="adm#in12-scripts"  # ⚠️ CAMBIAR EN PRODUCCIÓN
STAGING_DB_NAME="${DB_NAME}_staging"
PG_DUMP="pg_dump"
PSQL=/usr/local/bin/psql
BACKUP_DIR="${BASE}/backups"
LOG_DIR="$BASE/logs"
METRICS_DIR="${LOG_DIR}/metrics"
TEMP_DIR="${BASE}/temp"
COMPRESSION_LEVEL=9
ENABLE_ENCRYPTION=true
ENCRYPTION_KEY_FILE="${BASE}/config/.encryption.key"
USE_MINIO=true
MINIO_ENDPOINT="http://localhost:9000"
MINIO_ACCESS_KEY="minioadmin"
MINIO_SECRET_KEY="minio-scripts-secret"
SMTP_SERVER="smtp.gmail.com"
SMTP_PORT="587"
ALERT_EMAIL="admin@mtn.cl"
""",
        PLACE,
        {},
    )
    settings = loaded.settings
    assert settings.db_password is not None
    assert settings.db_password.get_secret_value() == "adm#in12-scripts"
    assert settings.staging_db_name == "Admisión_MTN_DB_staging"
    assert settings.pg_dump is None, "the bare command: any that is installed"
    assert settings.psql == Path("/usr/local/bin/psql")
    assert settings.metrics_dir == Path("/opt/backup-system/logs/metrics")
    assert settings.bucket == "mtn-backups"
    assert settings.alert_email == ("admin@mtn.cl",)
    assert titles(loaded) == ["COMPRESSION_LEVEL has no effect: DEFLATE_LEVEL has taken its place."]


# Values


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("true", True),
        ("FALSE", False),
        ("yes", True),
        ("no", False),
        ("1", True),
        ("0", False),
        ("' on '", True),
    ],
)
def test_switches_are_read_as_the_scripts_and_people_write_them(word, meaning):
    assert read(f"ENABLE_ENCRYPTION={word}").settings.enable_encryption is meaning


def test_lists_are_parted_by_blanks_or_by_commas_where_there_is_one():
    assert read("PRODUCTION_DATABASES='uno dos'").settings.production_databases == ("uno", "dos")
    assert read("PRODUCTION_DATABASES='uno, mi base,'").settings.production_databases == ("uno", "mi base")
    assert read("ALERT_EMAIL='a@b.cl, c@d.cl'").settings.alert_email == ("a@b.cl", "c@d.cl")


def test_an_empty_value_is_no_value():
    settings = read("DB_PORT=\nSMTP_USER=''\nDB_PASSWORD=''\nALERT_EMAIL=\"\"\n").settings
    assert (settings.db_port, settings.smtp_user, settings.db_password) == (5432, None, None)
    assert settings.alert_email == ()


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/opt/mtn/config/backup.conf", "/opt/mtn"),
        ("/etc/mtn/backup.conf", "/etc/mtn"),
        ("/opt/config/site/backup.conf", "/opt/config/site"),
    ],
)
def test_relative_paths_count_from_the_folder_that_the_scripts_ran_in(path, base):
    settings = read(
        "BACKUP_DIR=./b\nENCRYPTION_KEY_FILE=config/k\nS3_CA_FILE=ca.pem", path=Path(path)
    ).settings
    assert settings.backup_dir == Path(base, "b")
    assert settings.encryption_key_file == Path(base, "config/k")
    assert settings.s3_ca_file == Path(base, "ca.pem")


def test_a_tilde_is_the_home_folder_quoted_or_not():
    settings = read("BACKUP_DIR=~/b\nLOG_DIR='~/l'\nSTATE_DIR=~", {"HOME": "/home/op"}).settings
    assert (settings.backup_dir, settings.log_dir) == (Path("/home/op/b"), Path("/home/op/l"))
    assert settings.state_dir == Path("/home/op")


def test_a_tool_without_a_slash_is_a_command():
    settings = read("PG_DUMP=pg_dump-17\nPSQL=bin/psql").settings
    assert settings.pg_dump == Path("pg_dump-17")
    assert settings.psql == Path("/srv/backup-system/bin/psql")


def test_the_environment_goes_before_the_file_for_known_keys_that_are_not_empty():
    outside = {"DB_PORT": "6000", "DB_HOST": "", "BACKUP_DIR": "/elsewhere", "NO_KEY": "1", "PATH": "/bin"}
    loaded = read("DB_PORT=1\nDB_HOST=db1\nBACKUP_DIR=/here\nLOG_DIR=$BACKUP_DIR/logs", outside)
    settings = loaded.settings
    assert (settings.db_port, settings.db_host, settings.backup_dir) == (6000, "db1", Path("/elsewhere"))
    assert settings.log_dir == Path("/here/logs"), "the file was read as bash reads it"
    assert loaded.origins["DB_PORT"] == "the environment"
    assert loaded.origins["DB_HOST"] == f"{PLACE}:4"
    assert loaded.warnings == ()


# The bucket

KEYPAIR = "MINIO_ACCESS_KEY=access\nMINIO_SECRET_KEY=bucket-secret-1\n"


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        ("http://localhost:9000", Endpoint("localhost:9000", False)),
        ("https://s3.school.cl/", Endpoint("s3.school.cl", True)),
        ("minio:9000", Endpoint("minio:9000", False)),
        ("[::1]:9000", Endpoint("[::1]:9000", False)),
    ],
)
def test_the_address_of_the_bucket_is_read_in_every_form(written, endpoint):
    settings = read(f"MINIO_ENDPOINT={written}\n{KEYPAIR}").settings
    assert (settings.bucket, settings.endpoint) == ("mtn-backups", endpoint)


@pytest.mark.parametrize("text", ["", "MINIO_ENDPOINT=", 'USE_MINIO=true\nMINIO_ENDPOINT=""\n' + KEYPAIR])
def test_without_an_address_backups_stay_on_this_disk(text):
    loaded = read(text)
    assert (loaded.settings.bucket, loaded.settings.endpoint, loaded.warnings) == (None, None, ())


def test_a_bucket_that_is_wanted_but_has_no_address_is_pointed_out():
    assert "backups stay on this disk only" in titles(read("USE_MINIO=true"))[0]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("MINIO_ENDPOINT=localhost:9000", ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"]),
        ("MINIO_ENDPOINT=localhost:9000\nMINIO_ACCESS_KEY=a", ["MINIO_SECRET_KEY"]),
        (KEYPAIR, ["MINIO_ENDPOINT"]),
    ],
)
def test_half_a_bucket_is_refused_since_backups_would_silently_stay_here(text, missing):
    error = refusal(text)
    assert re.findall(r"^(MINIO\w+) is not set", error.title, re.MULTILINE) == missing
    assert 'MINIO_ENDPOINT=""' in error.hint


def test_aws_is_a_bucket_even_before_its_keys_are_known():
    settings = read("USE_MINIO=false\nAWS_PROFILE=school").settings
    assert (settings.bucket, settings.endpoint) == (
        "mtn-admision-backups",
        Endpoint("s3.amazonaws.com", True),
    )
    assert settings.aws_profile == "school"


def test_no_bucket_at_aws_either_where_its_name_is_empty():
    assert read("USE_MINIO=false\nS3_BUCKET=").settings.bucket is None


def test_keys_for_aws_come_from_the_environment():
    outside = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "aws-secret-of-this-test"}
    settings = read("USE_MINIO=false", outside).settings
    assert settings.aws_access_key_id == "AKIA"
    assert settings.aws_secret_access_key is not None
    assert settings.aws_secret_access_key.get_secret_value() == "aws-secret-of-this-test"


# What is wrong

WRONG = {
    "DB_PORT=0": "must be a whole number from 1 to 65535",
    "DB_PORT=5432x": "must be a whole number from 1 to 65535",
    "DB_PORT=99999": "must be a whole number from 1 to 65535",
    "SMTP_PORT=smtp": "must be a whole number from 1 to 65535",
    "DEFLATE_LEVEL=0": "must be a whole number from 1 to 12",
    "DEFLATE_LEVEL=13": "must be a whole number from 1 to 12",
    "DEFLATE_LEVEL=6.5": "must be a whole number from 1 to 12",
    "COMPRESSION_LEVEL=ten": "must be a whole number from 0 to 9",
    "FULL_BACKUP_RETENTION_DAYS=0": "must be a whole number from 1 to 999999",
    "DIFF_BACKUP_RETENTION_DAYS=-1": "must be a whole number from 1 to 999999",
    "KEEP_REPLACED_DAYS=-1": "must be a number from 0 to 999999",
    "TARGET_RPO_HOURS=0": "must be a number above 0, 999999 at most",
    "TARGET_RTO_HOURS=inf": "must be a number above 0, 999999 at most",
    "UPLOAD_DEADLINE_MINUTES=nan": "must be a number above 0, 999999 at most",
    "DIFF_EVERY_MINUTES=soon": "must be a number above 0, 999999 at most",
    "KEEP_REPLACED_DAYS=1e300": "must be a number from 0 to 999999",
    "TARGET_RTO_HOURS=99999999999": "must be a number above 0, 999999 at most",
    "TARGET_RPO_HOURS=1000000": "must be a number above 0, 999999 at most",
    "UPLOAD_DEADLINE_MINUTES=1e300": "must be a number above 0, 999999 at most",
    "DIFF_EVERY_MINUTES=1e9": "must be a number above 0, 999999 at most",
    "FULL_BACKUP_RETENTION_DAYS=99999999999": "must be a whole number from 1 to 999999",
    "ENABLE_ENCRYPTION=maybe": "must be true or false",
    "USE_MINIO=2": "must be true or false",
    "DB_NAME='  '": "must be the name of a database, of at most 63 bytes",
    f"DB_NAME={'ñ' * 32}": "must be the name of a database, of at most 63 bytes",
    f"STAGING_DB_NAME={'x' * 64}": "must be the name of a database, of at most 63 bytes",
    "BACKUP_PREFIX=../x": "must be letters, digits and - _ .",
    "BACKUP_PREFIX=-x": "must be letters, digits and - _ .",
    "BACKUP_PREFIX=mtn_full_x": "must be letters, digits and - _ .",
    "BACKUP_PREFIX='a b'": "must be letters, digits and - _ .",
    "MINIO_ENDPOINT=http://host:9000/bucket": "must be the address of an S3 server",
    "MINIO_ENDPOINT=ftp://host": "must be the address of an S3 server",
    "MINIO_ENDPOINT=host:70000": "must be the address of an S3 server",
    "MINIO_ENDPOINT=http://user:word@host": "must be the address of an S3 server",
    "MINIO_BUCKET=s3://mtn/full": "must be the bare name of a bucket",
    "S3_BUCKET=x": "must be the bare name of a bucket",
    "ALERT_EMAIL='admin@mtn.cl nobody'": "must be e-mail addresses",
    "SERVICE_HEALTH_URLS='localhost:8082'": "must be web addresses",
    "SERVICE_HEALTH_URLS='http://h:8082 http://h:99999'": "must be web addresses",
    "SERVICE_HEALTH_URLS='users=localhost:8082'": "must be web addresses",
    "SERVICE_HEALTH_URLS='=http://h:8082'": "must be web addresses",
    "BACKUP_DIR=~no-such-user-here/x": "begins with ~ and a user who is not known here",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_value_is_told_with_its_key_its_line_the_reason_and_a_fix(text):
    error = refusal("\n" + text)
    assert error.title.startswith(f"{text.split('=')[0]} {WRONG[text]}")
    assert error.title.endswith(f"({PLACE}:4).")
    assert error.hint
    assert error.runbook == "3.2"


def test_all_wrong_values_are_told_at_once():
    error = refusal("DB_PORT=x\nUSE_MINIO=maybe\n", {"SMTP_PORT": "z"})
    assert error.title.splitlines() == [
        "3 values are wrong:",
        f"DB_PORT must be a whole number from 1 to 65535 ({PLACE}:3).",
        f"USE_MINIO must be true or false ({PLACE}:4).",
        "SMTP_PORT must be a whole number from 1 to 65535 (the environment).",
    ]
    assert error.hint.splitlines() == [
        'Write for example DB_PORT="5432"',
        'Write for example USE_MINIO="true"',
        "Change the environment variable SMTP_PORT, or unset it.",
    ]


def test_database_and_user_must_be_set():
    with pytest.raises(ConfigError) as caught:
        interpret("DB_USER=''\n", PLACE, {})
    assert caught.value.title.splitlines()[1:] == [
        f"DB_NAME is not set ({PLACE}).",
        f"DB_USER is not set ({PLACE}).",
    ]
    assert 'DB_NAME="Admisión_MTN_DB"' in caught.value.hint


@pytest.mark.parametrize(
    "host", ["postgresql://u:topsecret@127.0.0.1/x", "u:topsecret@db1", "host=db1 password=topsecret"]
)
def test_a_host_with_a_password_in_it_is_refused_and_not_told(host):
    error = refusal(f"DB_HOST='{host}'")
    assert error.title.startswith("DB_HOST must be the name")
    assert "DB_PASSWORD" in error.hint
    assert "topsecret" not in "".join(traceback.format_exception(error)) + error.title + error.hint


@pytest.mark.parametrize("host", ["db1", "10.0.0.7", "::1", "/var/run/postgresql", "/opt/postgresql@17/run"])
def test_a_host_is_a_name_an_address_or_a_folder(host):
    assert read(f"DB_HOST={host}").settings.db_host == host


@pytest.mark.parametrize(
    ("text", "environment", "production"),
    [
        ("DB_NAME=ProdX", {"DB_NAME": "Otra"}, ("ProdX",)),
        ('DB_NAME="${DB_NAME:-ProdX}"', {"DB_NAME": "Otra"}, ("ProdX",)),
        ('DB_NAME="${POSTGRES_DB:-ProdX}"', {"POSTGRES_DB": "Otra"}, ("ProdX",)),
        ('X="${POSTGRES_DB:-ProdX}"; DB_NAME=$X', {"POSTGRES_DB": "Otra"}, ("ProdX",)),
        ('DB_NAME="${X-ProdX}"', {"X": "Otra"}, ("ProdX",)),
        ('DB_NAME=Otra PRODUCTION_DATABASES="${ALL:-A B}"', {"ALL": "C"}, ("A", "B", "C")),
        ("DB_NAME=${USER}_db", {"USER": "ana"}, ()),
    ],
)
def test_what_the_file_names_stays_production_whatever_variables_it_refers_to(text, environment, production):
    loaded = interpret(f"{text}\nDB_USER=x\n", Path("/x/backup.conf"), environment)
    assert loaded.settings.production_databases == production
    if "ProdX" in production:
        assert loaded.settings.db_name == "Otra"
        assert [(one.key, one.value, one.in_file) for one in loaded.outside] == [("DB_NAME", "Otra", "ProdX")]


@pytest.mark.parametrize(
    "text",
    [
        "STAGING_DB_NAME=school",
        "STAGING_DB_NAME=other\nPRODUCTION_DATABASES=other",
        "PRODUCTION_DATABASES='one, school_staging'",
    ],
)
def test_what_is_restored_to_first_is_never_production(text):
    error = refusal(text)
    assert error.title.startswith("STAGING_DB_NAME is production itself")
    assert 'STAGING_DB_NAME="' in error.hint


def test_bytes_in_the_environment_that_are_no_text_are_told():
    error = refusal("", {"DB_PASSWORD": "a\udcff"})
    assert error.title == "DB_PASSWORD is not text in UTF-8 (the environment)."


# What is doubtful


def test_an_unknown_key_is_a_warning_with_its_line_and_the_nearest_key():
    notice = read("\nBACKUP_DIRECTORY=/x").warnings[0]
    assert notice.title == "BACKUP_DIRECTORY (line 4) is no setting of this program, and has no effect."
    assert notice.hint == "Did you mean BACKUP_DIR?"


def test_a_variable_that_others_are_made_of_is_no_unknown_key():
    assert read("BASE=/x\nROOT=$BASE\nBACKUP_DIR=${ROOT}/b").warnings == ()


def test_a_reference_to_nothing_is_pointed_out():
    notice = read("BACKUP_DIR=${BSE}/b").warnings[0]
    assert notice.title == "BACKUP_DIR (line 3) refers to $BSE, which is set nowhere and so is empty."


def test_a_dollar_lost_from_a_password_is_pointed_out_without_any_of_it():
    notice = read('DB_PASSWORD="tower$bridge7"').warnings[0]
    assert notice.title.startswith("DB_PASSWORD (line 3) holds a $")
    assert "single quotes" in notice.hint
    assert "bridge7" not in notice.title + notice.hint


# Secrets


def test_secrets_are_hidden_from_the_moment_they_were_read():
    words = {key: f"hidden-word-of-{key.lower()}" for key in SECRET_KEYS}
    words["WEBHOOK_URL"] = "https://hooks.example/hidden-word"
    words["PING_URL"] = "https://ping.example/hidden-word-of-the-ping"
    settings = read(
        "MINIO_ENDPOINT=h:1\nMINIO_ACCESS_KEY=open\n" + "\n".join(f"{k}={v}" for k, v in words.items())
    )
    for word in words.values():
        assert word not in repr(settings) + str(settings.settings) + str(settings.settings.model_dump())
        assert redact(f"<{word}>") == f"<{MASK}>"


def test_a_secret_that_the_environment_overrides_stays_hidden_too():
    read("DB_PASSWORD=overridden-secret", {"DB_PASSWORD": "outside-secret"})
    assert redact("overridden-secret outside-secret") == f"{MASK} {MASK}"


@pytest.mark.parametrize("name", ["", "users="])
def test_the_password_in_a_health_address_is_hidden(name):
    read(f"SERVICE_HEALTH_URLS={name}http://probe:probe-pass-w@localhost/health")
    assert "probe-pass-w" not in redact("http://probe:probe-pass-w@localhost/health")


@pytest.mark.parametrize("key", ["WEBHOOK_URL", "PING_URL"])
def test_the_path_of_a_webhook_is_hidden_wherever_it_is_told_alone(key):
    read(f"{key}=https://u:hook-pass-w@hooks.example/services/T00/secret?key=1")
    for told in ("url: /services/T00/secret?key=1", "hook-pass-w", "https://u:x@h/services/T00/secret?key=1"):
        assert MASK in redact(told)
    assert redact("/hooks") == "/hooks"


@pytest.mark.parametrize(
    "url", ["http://hooks.example/x", "hooks.example/x", "https://", "ftp://hooks.example/x", "https://h:0/x"]
)
def test_a_webhook_is_https_and_is_not_told_where_it_is_wrong(url):
    error = refusal(f"WEBHOOK_URL={url}")
    assert error.title.startswith("WEBHOOK_URL must be")
    assert "hooks" not in error.title + error.hint


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_a_webhook_of_this_machine_may_do_without_tls(host):
    assert read(f"WEBHOOK_URL=http://{host}:8080/x").settings.webhook_url is not None


def test_no_error_about_a_value_holds_the_value_anywhere():
    word = "misplaced-secret"
    error = refusal(f"DB_PORT='{word}'\nMINIO_ENDPOINT='http://u:{word}@h'\nDB_PASSWORD={word}")
    told = "".join(traceback.format_exception(error)) + error.title + error.hint + repr(error.__context__)
    assert word not in told


# Files


def kept(folder, text=MINIMAL, mode=0o600):
    path = folder / "config" / "backup.conf"
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_is_loaded_from_its_place(tmp_path):
    loaded = load(kept(tmp_path), {})
    assert loaded.settings.backup_dir == tmp_path / "backups"
    assert loaded.warnings == ()


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o622])
def test_a_file_that_others_can_read_or_change_is_a_warning_with_its_fix(tmp_path, mode):
    path = kept(tmp_path, mode=mode)
    (notice,) = load(path, {}).warnings
    assert f"chmod 600 {path}" in notice.hint


def test_a_named_file_that_is_not_there_is_an_error_naming_it(tmp_path):
    missing = tmp_path / "none.conf"
    for found in (find_configuration(missing, {}), find_configuration(None, {"MTN_CONFIG": str(missing)})):
        with pytest.raises(ConfigError, match=re.escape(str(missing))) as caught:
            load_found(found, {})
        assert "mtn init" in caught.value.hint


def test_a_folder_is_not_a_configuration(tmp_path):
    with pytest.raises(ConfigError, match="is a folder") as caught:
        load(tmp_path, {})
    assert str(tmp_path / "backup.conf") in caught.value.hint


def test_a_file_that_cannot_be_opened_is_an_error_with_the_reason(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        load(tmp_path / "file" / "backup.conf", {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_an_error_with_the_reason(tmp_path):
    with pytest.raises(ConfigError, match="Permission denied"):
        load(kept(tmp_path, mode=0), {})


def test_a_file_in_another_encoding_is_told_with_its_line_and_the_fix(tmp_path):
    path = tmp_path / "backup.conf"
    path.write_bytes("DB_USER=x\nDB_NAME=Admisión\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="line 2: this is not text in UTF-8") as caught:
        load(path, {})
    assert "iconv" in caught.value.hint


def test_something_endless_is_not_read_to_its_end():
    with pytest.raises(ConfigError, match="too large"):
        load(Path("/dev/zero"), {})


def test_the_first_file_there_is_of_the_known_places_is_taken(tmp_path):
    places = [tmp_path / name for name in ("first", "second", "third")]
    places[1].touch()
    places[2].touch()
    assert find_configuration(None, {}, places).path == places[1]
    assert find_configuration(None, {"MTN_CONFIG": "/named"}, places).path == Path("/named")
    assert find_configuration(Path("/asked"), {"MTN_CONFIG": "/named"}, places).path == Path("/asked")
    assert find_configuration(Path("~/x"), {"HOME": "/home/op"}, places).path == Path("/home/op/x")


def test_without_any_the_error_lists_where_it_looked_and_says_mtn_init(tmp_path):
    places = [tmp_path / "first", tmp_path / "second"]
    with pytest.raises(ConfigError) as caught:
        find_configuration(None, {}, places)
    assert all(str(place) in caught.value.title for place in places)
    assert "mtn init" in caught.value.hint


def test_the_core_is_loaded_without_a_screen_or_a_network():
    code = (
        "import sys, mtn_tui.core.settings;"
        "sys.exit(any(name in sys.modules for name in ('textual', 'rich', 'minio', 'psycopg', 'urllib3')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
