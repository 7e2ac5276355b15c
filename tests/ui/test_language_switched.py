"""After L everything on the screen is in the new language, or is a record that was written in its own."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import mtn_tui
from mtn_tui.core import i18n
from mtn_tui.operations.health import last_known
from tests.ui.installed import ZONE, Installed
from tests.ui.looks import no_server
from tests.ui.pilots import SMALL, looked, operate
from tests.ui.test_snapshots import PICTURES, app_of, installed_as, settled

_LEAST = 11
"""Letters of a text that stands for its language: a shorter one may be a part of another."""


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as environment:
        environment.setenv("TZ", ZONE)
        time.tzset()
        yield
    time.tzset()


def fragments() -> set[str]:
    """What stands in the Spanish catalogue, and in no text of the program's own language."""
    path = Path(mtn_tui.__file__).parent / "locale" / "es" / "LC_MESSAGES" / "mtn.po"
    with path.open("rb") as file:
        catalogue = read_po(file)
    english, spanish = "\n".join(_texts(one.id for one in catalogue)), set()
    for text in _texts(one.string for one in catalogue):
        for piece in re.split(r"\{[^}]*\}|\n", text):
            part = " ".join(piece.split()).strip(" .,:;()“”«»")
            if len(part) >= _LEAST and " " in part and part not in english:
                spanish.add(part)
    return spanish


def _texts(found: Iterable[str | tuple[str, ...]]) -> Iterable[str]:
    for one in found:
        yield from [one] if isinstance(one, str) else one


SPANISH = fragments()


def records(made: Installed) -> str:
    """What was written down before the language was switched, whole."""
    folders = ("state/jobs", "state/incidents", "logs", "backups", "bucket")
    files = [path for name in folders for path in (made.root / name).rglob("*") if path.is_file()]
    small = [path for path in files if path.stat().st_size < 1 << 20]  # payloads are sparse, and large
    text = " ".join(path.read_bytes().decode(errors="replace") for path in small)
    known = last_known.load(made.context).values()
    text += " ".join(change.says for one in known for change in one.changes)
    return text + re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


STATES = [
    "checklist_amiss",
    "checklist_server_lost",
    "checklist_history",
    "backups_bucket_silent",
    "backups_disk_gone",
    "backups_no_key",
    "backups_suspect",
    "backups_copy_cut_short",
    "backups_legacy",
    "backups_job_running",
    "backups_job_lost",
    "details_suspect",
    "details_differential",
    "logs_normal",
    "logs_search_nothing",
    "logs_unreadable",
    "jobs_normal",
    "jobs_lost",
    "jobs_warned",
    "jobs_pruned",
    "job_verified",
    "pruning_unproven",
    "pruning_bucket_silent",
    "help_normal",
    "as_it_was",
    "wizard_assess",
    "wizard_server_down",
    "wizard_rows_lost",
    "wizard_no_backup",
    "wizard_choose",
    "wizard_choose_beside",
    "wizard_newest_broken",
    "wizard_only_legacy",
    "wizard_difference",
    "wizard_validate",
    "wizard_doubts",
    "wizard_not_valid",
    "wizard_production_lost",
    "wizard_beside",
    "wizard_services",
    "wizard_report",
]
"""States of each screen in which somebody else has found the words: a check, a store, a journal."""


@pytest.mark.sample("checklist_amiss", "backups_job_lost", "jobs_warned", "wizard_choose", "wizard_report")
@pytest.mark.parametrize("name", STATES)
def test_no_text_of_the_old_language_is_left(name, tmp_path, monkeypatch, looks):
    monkeypatch.chdir(tmp_path)
    i18n.use("es")
    picture = next(one for one in PICTURES if one.id == f"{name}_80x24_es_dark")
    made = installed_as(picture)
    app = app_of(picture, made.context, picture.canned.operations(made))
    looks.update(picture.looks())
    if picture.server_lost:
        looks["server"] = no_server

    async def flow(operator):
        if picture.start != "1":
            await operator.pilot.press(picture.start)
        await looked(operator)
        await operator.has_list()
        await picture.flow(operator)
        await settled(operator)
        await operator.press("L")
        assert i18n.language() == "en"
        written = records(made)
        old = [one for one in SPANISH if one not in written]

        def left() -> list[str]:
            text = operator.text()
            return [one for one in old if one in text]

        await operator.until(lambda: not left(), "all in English")

    operate(app, flow, SMALL, begins=False)
