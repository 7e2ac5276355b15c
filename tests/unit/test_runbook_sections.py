"""A section of the runbook is named only where it speaks of what was met."""

from __future__ import annotations

import ast
import re

import psycopg
import pytest

from mtn_tui.core import errors
from mtn_tui.core.clock import SystemClock
from mtn_tui.postgres import connect_errors
from mtn_tui.postgres.connection import explained
from mtn_tui.storage.s3_errors import Bucket
from tests.package_source import nodes

SECTIONS = {
    "3.1": "programs that must be there",
    "3.2": "configuration: folders, credentials, the key, mail",
    "3.3": "the runs that cron, systemd or launchd start",
    "4.1": "the checks of each morning",
    "4.3": "the tasks of each month: retention",
    "5.1": "the database is lost: restore, production, services",
    "5.2": "restore to a point in time",
    "5.3": "backups that are corrupt",
    "5.4": "S3 or MinIO fails",
    "6.2": "what is critical, and what a warning",
    "6.3": "alerts",
    "7.1": "permission denied on files and folders",
    "7.2": "the key is missing",
    "7.3": "PostgreSQL is not running, or at another address",
    "7.4": "a backup of size zero",
    "7.6": "the RPO is exceeded",
    "8.2": "disk space",
    "8.3": "credentials of the database and of S3",
    "8.4": "the monthly test of a restore",
    "9": "who is called",
}

OF_CLASSES = {
    "MtnError": "",
    "UsageError": "",
    "Refused": "",
    "ConfigError": "3.2",
    "KeyFileError": "7.2",
    "ArchiveError": "5.3",
    "NotABackup": "5.3",
    "Truncated": "5.3",
    "Changed": "5.3",
    "WrongKey": "7.2",
    "ForeignManifest": "5.3",
    "StorageError": "",
    "NotFound": "",
    "AlreadyThere": "",
    "NoSpace": "8.2",
    "StorageUnavailable": "",
    "PostgresError": "",
    "ServerLost": "7.3",
    "NoSlots": "",
    "AddressRefused": "6.3",
    "AlertError": "6.3",
    "ChannelDown": "6.3",
    "JobError": "",
    "Locked": "",
    "Cancelled": "",
}

OF_CONNECTIONS = {
    "certificate-wanted": "",
    "server-not-trusted": "",
    "no-tls": "",
    "refused": "8.3",
    "no-slot": "",
    "database-missing": "",
    "database-forbidden": "",
    "database-closed": "",
    "database-invalid": "",
    "not-ready": "7.3",
    "tls-wanted": "",
    "no-line": "",
    "silent": "7.3",
}


def test_each_kind_of_error_has_the_section_that_fits():
    classes = [
        one for one in vars(errors).values() if isinstance(one, type) and one.__module__ == errors.__name__
    ]
    assert {one.__name__: one("x").runbook for one in classes} == OF_CLASSES


def test_each_way_a_connection_fails_has_the_section_that_fits():
    at = connect_errors.Attempt("db:5432", "ana", "school", "words")
    kinds = (*connect_errors._KINDS, connect_errors._SILENT)
    assert {one.name: one.explain(at).runbook for one in kinds} == OF_CONNECTIONS


@pytest.mark.parametrize("state", ["23505", "42883", "42501", "53300", "55006", "57014", "XX000", "0A000"])
def test_what_the_server_refuses_is_in_no_section(state: str):
    error = type("Refused", (psycopg.Error,), {"sqlstate": state})("words")
    assert explained(error, "COPY t").runbook == ""


def test_what_a_bucket_refuses_is_in_the_section_on_buckets():
    bucket = Bucket("backups", "s3.example", False, SystemClock())
    for error in (bucket.unavailable("it is gone"), bucket.missing(), bucket.error(OSError("broke"))):
        assert error.runbook == "5.4"
    for error in (bucket.not_found("x"), bucket.taken("x")):
        assert error.runbook == ""


def test_no_section_is_named_that_the_runbook_has_not_got():
    named = {
        node.value
        for _path, node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"[1-9]\.[0-9]", node.value)
    }
    assert named <= SECTIONS.keys()
