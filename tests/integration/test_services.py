"""The services' health, asked side by side, and the commands that stop and start them."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime

import pytest

from mtn_tui.cli import app
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, ConfigError, JobError
from mtn_tui.demo.ports import LOOPBACK, free_port
from mtn_tui.demo.services import Services
from mtn_tui.engine.process import Process
from mtn_tui.operations.health.checks.services import services as look
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.incident.assess import Observations, findings
from mtn_tui.operations.services.health import (
    Errand,
    command_for,
    health,
    named_apart,
    run_command,
    wait_until_healthy,
)
from tests.alert_fixtures import Authority, place, webhook


@contextmanager
def saying(*pieces, every=0.0):
    """A server that sends these bytes to whoever connects, then nothing more."""
    over = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as server:
        server.settimeout(0.05)

        def serve():
            with_us = []
            while not over.is_set():
                try:
                    with_us.append(server.accept()[0])
                except TimeoutError:
                    continue
                for piece in pieces:
                    try:
                        with_us[-1].sendall(piece)
                    except OSError:
                        break
                    if over.wait(every):
                        break
            for one in with_us:
                one.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.getsockname()[1]}/health"
        finally:
            over.set()
            thread.join()


def reply(status, body=b"", **headers):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# Health


def test_six_services_are_asked_and_answer_in_their_order():
    with Services() as services:
        services.all[2].healthy = False
        answers = health(services.urls)
    assert [one.url for one in answers] == list(services.urls)
    assert [one.status for one in answers] == [200, 200, 503, 200, 200, 200]
    assert [one.healthy for one in answers] == [True, True, False, True, True, True]
    assert answers[0].text == "status: UP"
    assert answers[0].name == services.urls[0].split("/")[2]
    assert all(0 <= one.milliseconds < 10_000 for one in answers)


def test_who_is_not_there_hangs_or_breaks_off_is_told_apart_and_nobody_waits_for_another():
    with (
        Services() as services,
        saying() as silent,
        saying(b"HTTP/1.1 2") as broken,
        saying(*[b"x"] * 1000, every=0.02) as dripping,
    ):
        began = time.monotonic()
        gone = f"http://{LOOPBACK}:{free_port()}/health"
        urls = [services.urls[0], gone, silent, silent, broken, dripping, "http://nowhere.invalid/health"]
        answers = health(urls, answer=0.5, patience=2)
        assert time.monotonic() - began < 60
    assert [one.healthy for one in answers] == [True, *[False] * 6]
    assert [one.status for one in answers] == [200, *[None] * 6]
    assert "refused" in answers[1].text
    assert answers[2].text == answers[3].text == "connected, but no answer in time"
    assert all(one.text for one in answers)


def test_a_redirect_is_not_health():
    with Services() as services, saying(reply(302, Location=services.urls[0])) as login:
        (answer,) = health([login])
    assert (answer.healthy, answer.status) == (False, 302)
    assert answer.text == f"→ {services.urls[0]}"[:50]


def test_a_certificate_is_checked_and_one_of_our_own_authority_will_do(tmp_path):
    authority = Authority(tmp_path)
    with webhook(authority.context("127.0.0.1")) as hook, webhook() as plain:
        (answer,) = health([hook.url])
        assert (answer.status, answer.text[:7]) == (None, "no TLS:")
        assert health([hook.url], authority.file)[0].status == 501
        assert health([plain.url.replace("http", "https")])[0].text.startswith("no TLS:")


def test_an_answer_is_shown_in_fifty_printable_characters():
    body = b'\x1b[31m{\r\n  "status": \xff"UP"}' + "ñ".encode() * 200
    with saying(reply(200, body)) as odd:
        (answer,) = health([odd])
    assert answer.healthy
    assert answer.text.isprintable()
    assert len(answer.text) == 50
    assert answer.text.startswith("\\x1b[31m{ ")


def test_a_password_in_an_address_is_sent_and_not_shown():
    with saying(reply(200, b"ok")) as url:
        (answer,) = health([url.replace("http://", "http://probe:pass-w@")])
    assert answer.healthy
    assert answer.url == url
    assert "pass-w" not in repr(answer)


def test_waiting_ends_when_all_are_healthy():
    heard = []
    with Services() as services:
        services.all[0].healthy = services.all[5].healthy = False

        def tell(answers):
            heard.append(sum(one.healthy for one in answers))
            services.all[0].healthy = True
            services.all[5].healthy = len(heard) > 1

        answers = wait_until_healthy(services.urls, 60, CancelToken(), tell, every=0.01)
    assert heard == [4, 5, 6]
    assert all(one.healthy for one in answers)


def test_waiting_ends_with_its_patience_or_when_it_is_cancelled():
    gone = [f"http://{LOOPBACK}:{free_port()}/health"]
    heard = []
    (answer,) = wait_until_healthy(gone, 0.05, CancelToken(), heard.append, every=0.01)
    assert not answer.healthy
    assert len(heard) >= 1
    token = CancelToken()
    with pytest.raises(Cancelled):
        wait_until_healthy(gone, 600, token, lambda _answers: token.cancel())


# The command


def mtn_services(at, *arguments, check):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = app.run(["--config", str(at.config), "services", *arguments])
    assert code == check, (out.getvalue(), err.getvalue())
    return out.getvalue(), err.getvalue()


def test_the_command_says_who_is_healthy_by_its_exit_code_too(tmp_path):
    with Services() as services:
        at = place(tmp_path, SERVICE_HEALTH_URLS=" ".join(services.urls))
        out, err = mtn_services(at, check=0)
        assert out.count("✔ healthy") == 6
        assert err == ""
        services.all[1].healthy = False
        assert "1 of 6" in mtn_services(at, check=1)[1]
        for one in services.all:
            one.healthy = False
        assert "✖ not healthy" in mtn_services(at, check=2)[0]
        facts = json.loads(mtn_services(at, "--json", check=2)[0])
    assert [one["status"] for one in facts] == [503] * 6
    at.configure(SERVICE_HEALTH_URLS="")
    assert "SERVICE_HEALTH_URLS" in mtn_services(at, check=2)[1]


def test_a_service_is_called_by_the_name_before_its_address_wherever_it_is_shown(tmp_path):
    with Services() as services:
        first, second, *others = services.urls
        query = f"{second}?of=all"
        at = place(tmp_path, SERVICE_HEALTH_URLS=f"usuarios={first} {query} notas-2={others[0]}")
        services.all[0].healthy = services.all[2].healthy = False
        out, _err = mtn_services(at, check=2)
        facts = json.loads(mtn_services(at, "--json", check=2)[0])
        answers = health(at.context.settings.service_health_urls)
        (found,) = look(Inspection(at.context))
    names = ["usuarios", query.split("/")[2], "notas-2"]
    assert [line.split()[0] for line in out.splitlines()[1:]] == names
    assert [one["name"] for one in facts] == names
    assert [one["url"] for one in facts] == [first, query, others[0]]
    assert [one.name for one in answers] == names
    assert "usuarios (503)" in found.says
    assert "notas-2 (503)" in found.says


# Stopping and starting


def run(at, errand=Errand.STOP, token=None, **more):
    said = []
    ran = run_command(at.context, errand, token=token or CancelToken(), on_line=said.append, **more)
    return ran, said


def test_a_command_is_shown_before_and_what_it_says_is_told_and_kept(tmp_path):
    at = place(tmp_path, SERVICES_STOP_COMMAND="echo one; echo 'two $HOME' >&2; printf three")
    assert command_for(at.context, Errand.STOP) == "echo one; echo 'two $HOME' >&2; printf three"
    ran, said = run(at)
    assert (ran.code, said) == (0, ["one", "two $HOME", "three"])
    (log,) = (tmp_path / "logs").glob("services-stop_*.log")
    assert log.read_text() == "one\ntwo $HOME\nthree"


def test_without_a_command_the_key_is_named(tmp_path):
    for errand, key in (
        (Errand.STOP, "SERVICES_STOP_COMMAND"),
        (Errand.RESTART, "SERVICES_RESTART_COMMAND"),
        (Errand.START_DATABASE, "DATABASE_START_COMMAND"),
    ):
        with pytest.raises(ConfigError) as caught:
            command_for(place(tmp_path).context, errand)
        assert key in caught.value.title


def test_a_restart_of_nothing_is_refused(tmp_path):
    _out, err = mtn_services(place(tmp_path), "--restart", check=2)
    assert "SERVICES_RESTART_COMMAND is not set" in err


def test_a_command_that_fails_is_told_with_what_it_said_last(tmp_path):
    at = place(tmp_path, SERVICES_RESTART_COMMAND="echo no such service; exit 3")
    with pytest.raises(JobError) as caught:
        run(at, Errand.RESTART)
    assert "exit code 3" in caught.value.title
    assert caught.value.hint == "no such service"


def test_a_command_has_no_terminal_and_a_session_of_its_own(tmp_path):
    line = "cat; ps -o sid= -p $$ | tr -d ' '; test -t 0 || echo no terminal"
    _ran, said = run(place(tmp_path, SERVICES_STOP_COMMAND=line))
    assert said[1] == "no terminal"
    assert int(said[0]) != os.getsid(0)


def gone(pid):
    deadline = time.monotonic() + 30
    while not Process(pid, "").gone and time.monotonic() < deadline:
        time.sleep(0.02)
    return Process(pid, "").gone


@pytest.mark.parametrize("how", ["limit", "cancel"])
def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path, how):
    at = place(tmp_path, SERVICES_STOP_COMMAND="sleep 600 & echo $!; sleep 600")
    token, said = CancelToken(), []

    def hear(line):
        said.append(line)
        if how == "cancel":
            token.cancel()

    with pytest.raises(JobError if how == "limit" else Cancelled):
        run_command(
            at.context,
            Errand.STOP,
            token=token,
            on_line=hear,
            limit=1.0 if how == "limit" else 600,
        )
    assert gone(int(said[0]))


def test_a_service_that_was_started_lives_on_and_may_go_on_talking(tmp_path):
    """A pipe that nobody reads any more would end it at its next word; so its output is a file."""
    line = "(trap '' HUP; echo up; while sleep 0.05; do echo still here; done) & echo $!"
    ran, said = run(place(tmp_path, SERVICES_RESTART_COMMAND=line), Errand.RESTART)
    pid = next(int(line) for line in said if line.isdigit())
    try:
        assert ran.code == 0
        (log,) = (tmp_path / "logs").glob("services-restart_*.log")
        size, deadline = log.stat().st_size, time.monotonic() + 30
        while log.stat().st_size < size + 100 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert log.stat().st_size >= size + 100
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_two_services_of_one_name_are_told_apart_by_their_addresses():
    with Services() as services:
        services.all[1].healthy = False
        answers = health(
            [f"school={services.urls[0]}", f"school={services.urls[1]}", f"mail={services.urls[2]}"]
        )
    names = named_apart(answers)
    places = [one.removeprefix("http://") for one in services.urls]
    assert names == [f"school ({places[0]})", f"school ({places[1]})", "mail"]
    (found,) = [
        one for one in findings(Observations(services=answers), datetime.now(UTC)) if one.id == "services"
    ]
    assert names[1] in found.says
    assert names[0] not in found.says
