"""A machine whose crontab, systemctl and launchctl are stand-ins that do what the real ones do to files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtn_tui.core.settings_file import load
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.schedule.machine import Machine

CRONTAB = """#!/bin/sh
# As crontab(1) does: keeps a file, refuses one without an end of line, says where there is none.
file="$STAND_IN/crontab"
case "$1" in
-l)
    [ -e "$file.denied" ] && { echo "You (ana) are not allowed to use this program (crontab)" >&2; exit 1; }
    [ -e "$file" ] || { echo "no crontab for root" >&2; exit 1; }
    cat "$file" ;;
-)
    cat > "$file.new"
    [ -s "$file.new" ] && [ -n "$(tail -c 1 "$file.new")" ] && {
        echo "new crontab file is missing newline before EOF, can't install." >&2; exit 1; }
    mv "$file.new" "$file" ;;
esac
"""

SYSTEMCTL = """#!/bin/sh
# Enables and disables timers by the links that systemd itself makes.
echo "systemctl $*" >> "$STAND_IN/told"
[ "$1" = --user ] && shift
verb="$1"; shift; [ "$1" = --now ] && shift
cd "$STAND_IN/units" || exit 1
for unit in "$@"; do
    case "$verb" in
    enable) [ -e "$unit" ] || { echo "Unit $unit not found." >&2; exit 1; }
        mkdir -p timers.target.wants; ln -sf "../$unit" "timers.target.wants/$unit" ;;
    disable) rm -f "timers.target.wants/$unit" ;;
    esac
done
"""

LAUNCHCTL = """#!/bin/sh
echo "launchctl $*" >> "$STAND_IN/told"
for file; do :; done
[ "$1" = unload ] || [ -e "$file" ]
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("crontab", CRONTAB), ("systemctl", SYSTEMCTL), ("launchctl", LAUNCHCTL)):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("STAND_IN", str(tmp_path))
    for folder in ("cron.d", "units", "plists"):
        (tmp_path / folder).mkdir()
    return Machine(
        home=tmp_path / "home",
        root=False,
        mac=False,
        booted=tmp_path / "no-systemd",
        crontabs=(tmp_path / "cron.d",),
        system_units=tmp_path / "units",
        system_plists=tmp_path / "plists",
    )


@pytest.fixture
def crontab(machine: Machine, tmp_path: Path) -> Path:
    return tmp_path / "crontab"


def context_in(folder: Path) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "backup.conf"
    path.write_text(f'DB_NAME="Admisión_MTN_DB"\nDB_USER=admin\nSTATE_DIR="{folder}/state"\n')
    path.chmod(0o600)
    settings = load(path, {}).settings
    return Context(settings, open_stores(settings), folder / "state", "ana", "db1", configuration=path)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_in(tmp_path / "Año 1%")
