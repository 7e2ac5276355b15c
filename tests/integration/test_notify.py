"""Alerts on real mail servers, a real webhook, a real socket: they arrive, once, and never in clear."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest

from mtn_tui.cli import app
from mtn_tui.core.errors import ChannelDown, UsageError
from mtn_tui.core.redact import redact
from mtn_tui.demo.ports import free_port
from mtn_tui.engine import recordplace
from mtn_tui.engine.locks import slug
from mtn_tui.operations.alerts import receipts
from mtn_tui.operations.alerts.delivery import GIVEN_UP_AFTER, State
from mtn_tui.operations.alerts.email import Mail
from mtn_tui.operations.alerts.message import Level, new_message
from mtn_tui.operations.alerts.notify import flush, notify, waiting
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.health.checks import alerts as alerting
from tests.alert_fixtures import PASSWORD, Authority, mail_server, place, system_log, webhook

ANA, BEA = "ana@mtn.cl", "bea@mtn.cl"


def with_mail(root, sink, **more):
    return place(
        root,
        SMTP_SERVER=more.pop("SMTP_SERVER", "127.0.0.1"),
        SMTP_PORT=str(sink if isinstance(sink, int) else sink.port),
        ALERT_EMAIL=more.pop("ALERT_EMAIL", ANA),
        **more,
    )


def tell(at, subject="Database Down", pauses=(), **more):
    return notify(at.context, Level.ERROR, subject, "It does not answer.", pauses=pauses, sockets=(), **more)


def own_address():
    """One of this machine's that is not loopback; asking for it sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return one.getsockname()[0]


def states(told):
    return [(one.channel, one.to, one.state.value) for one in told.outcomes if one.channel != "syslog"]


def reason(told):
    return next(one.reason + " " + one.hint for one in told.outcomes if one.channel != "syslog")


def looked(at):
    """What the doctor finds of the alerts, the people aside."""
    return list(alerting.alerts(at.context))


@contextmanager
def elsewhere(at):
    """A folder that is used where the state folder can't be, while the state folder is writable again."""
    context = at.context
    (spare, *_others) = recordplace.usable(
        recordplace.spare_folders(context.state, context.settings.temp_dir)
    )
    try:
        yield spare
    finally:
        shutil.rmtree(spare)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def command(at, *arguments, check):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = app.run(["--config", str(at.config), *arguments])
    assert code == check, (code, out.getvalue(), err.getvalue())
    return out.getvalue(), err.getvalue()


# By mail


def test_a_mail_is_taken_once_by_each_and_nothing_is_left(tmp_path):
    with mail_server() as sink:
        at = with_mail(tmp_path, sink, ALERT_EMAIL=f"{ANA} {BEA}")
        told = tell(at, to=["carla@mtn.cl", ANA])
    assert states(told) == [("mail", one, "sent") for one in (ANA, BEA, "carla@mtn.cl")]
    assert sink.to == [ANA, BEA, "carla@mtn.cl"]
    assert {mail["Subject"] for mail in sink.mails} == {"[MTN ✖] Database Down"}
    assert {mail["Message-ID"] for mail in sink.mails} == {f"<{told.message.id}@db1.mtn>"}
    assert [mail["To"] for mail in sink.mails] == sink.to
    assert at.waiting == []
    said = (tmp_path / "logs" / "notify.log").read_text()
    assert said.count("INFO  sent channel=mail") == 3


def test_a_wrong_address_is_refused_before_anything_is_sent(tmp_path):
    at = with_mail(tmp_path, free_port())
    with pytest.raises(UsageError):
        tell(at, to=["not an address\r\nBcc: x@mtn.cl"])
    assert at.waiting == []


def test_a_server_without_tls_is_spoken_to_on_this_machine_alone(tmp_path):
    with mail_server() as sink:
        told = tell(with_mail(tmp_path, sink, SMTP_SERVER="localhost"))
    assert states(told) == [("mail", ANA, "sent")]


def test_a_server_elsewhere_without_tls_is_sent_nothing(tmp_path):
    with mail_server(host=own_address()) as sink:
        told = tell(with_mail(tmp_path, sink, SMTP_SERVER=own_address()))
    assert states(told) == [("mail", ANA, "kept")]
    assert "STARTTLS" in reason(told)
    assert "465" in reason(told)
    assert sink.taken == []


@pytest.mark.parametrize("names", [("127.0.0.1", "localhost")])
def test_starttls_is_taken_and_its_certificate_checked(tmp_path, authority, names):
    with mail_server(starttls=authority.context(*names)) as sink:
        at = with_mail(tmp_path, sink, ALERT_CA_FILE=str(authority.file))
        assert states(tell(at)) == [("mail", ANA, "sent")]
        at.configure(SMTP_SERVER="localhost")
        assert states(tell(at)) == [("mail", ANA, "sent")]
    assert sink.to == [ANA, ANA]


def test_a_certificate_of_nobody_we_trust_is_refused(tmp_path, authority):
    with mail_server(starttls=authority.context("127.0.0.1")) as sink:
        at = with_mail(tmp_path, sink)
        told = tell(at)
        assert states(told) == [("mail", ANA, "kept")]
        assert "is not valid" in reason(told)
        assert "ALERT_CA_FILE" in reason(told)
        at.configure(ALERT_CA_FILE=str(authority.file))
        (late,) = flush(at.context, forced=True)
    assert states(late) == [("mail", ANA, "sent")]
    assert sink.to == [ANA]


def test_a_certificate_with_another_name_is_refused(tmp_path, authority):
    with mail_server(starttls=authority.context("mail.example")) as sink:
        told = tell(with_mail(tmp_path, sink, ALERT_CA_FILE=str(authority.file)))
    assert states(told) == [("mail", ANA, "kept")]
    assert "127.0.0.1" in reason(told)
    assert sink.taken == []


def test_where_tls_comes_first_it_is_checked_too(tmp_path, authority):
    """On port 465, which only root may open: so the channel is told another one here."""

    def send(*names):
        with mail_server(tls=authority.context(*names)) as sink:
            at = with_mail(tmp_path, sink, ALERT_CA_FILE=str(authority.file))
            message = new_message(Level.INFO, "S", "B", when=at.clock.now(), host="db1", database="school")
            with closing(Mail(at.context.settings, tls_port=sink.port)) as mail:
                try:
                    mail.send(message, ANA)
                except ChannelDown as error:
                    return error.title, sink.to
            return "", sink.to

    assert send("127.0.0.1") == ("", [ANA])
    title, to = send("mail.example")
    assert "is not valid" in title
    assert to == []


def test_a_server_that_speaks_no_tls_where_it_should(tmp_path):
    with mail_server() as sink:
        at = with_mail(tmp_path, sink)
        with (
            closing(Mail(at.context.settings, tls_port=sink.port)) as mail,
            pytest.raises(ChannelDown) as caught,
        ):
            mail.check()
    assert "SMTP_PORT" in caught.value.hint


def test_a_ca_file_that_is_none_is_told_as_such(tmp_path, authority):
    with mail_server(starttls=authority.context("127.0.0.1")) as sink:
        at = with_mail(tmp_path, sink, ALERT_CA_FILE=str(tmp_path / "none.pem"))
        assert "ALERT_CA_FILE" in reason(tell(at))
    assert sink.taken == []


def test_a_password_goes_by_tls_and_in_utf8(tmp_path, authority):
    with mail_server(starttls=authority.context("127.0.0.1"), login=True) as sink:
        at = with_mail(
            tmp_path, sink, ALERT_CA_FILE=str(authority.file), SMTP_USER="mtn@mtn.cl", SMTP_PASSWORD=PASSWORD
        )
        assert states(tell(at)) == [("mail", ANA, "sent")]
        assert sink.logins == [(b"mtn@mtn.cl", PASSWORD.encode())]
        assert sink.mails[0]["From"] == "MTN <mtn@mtn.cl>"
        at.configure(SMTP_PASSWORD="wrong-but-plain")
        told = tell(at)
    assert states(told) == [("mail", ANA, "kept")]
    assert "SMTP_PASSWORD" in reason(told)
    assert "wrong-but-plain" not in (tmp_path / "logs" / "notify.log").read_text()


def test_a_server_without_a_login_and_a_name_that_is_none_are_told_as_such(tmp_path, authority):
    no_login = {"auth_exclude_mechanism": ["LOGIN", "PLAIN"]}
    with mail_server(starttls=authority.context("127.0.0.1"), **no_login) as sink:
        more = {"SMTP_USER": "mtn", "SMTP_PASSWORD": "unneeded"}
        at = with_mail(tmp_path, sink, ALERT_CA_FILE=str(authority.file), **more)
        assert "knows no login" in reason(tell(at))
    at.configure(SMTP_SERVER=f"mail..{'x' * 70}.example")
    assert "does not answer" in reason(tell(at))


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_password_is_never_sent_in_clear_not_even_here(tmp_path):
    with mail_server(login=True) as sink:
        at = with_mail(tmp_path, sink, SMTP_USER="mtn@mtn.cl", SMTP_PASSWORD=PASSWORD)
        told = tell(at)
    assert states(told) == [("mail", ANA, "kept")]
    assert "was not sent" in reason(told)
    assert sink.logins == sink.taken == []


def test_who_is_refused_keeps_nobody_else_from_it(tmp_path):
    with mail_server() as sink:
        sink.on_rcpt = lambda address: "550 no such user here" if address == ANA else None
        at = with_mail(tmp_path, sink, ALERT_EMAIL=f"{ANA} {BEA}")
        told = tell(at)
        assert states(told) == [("mail", ANA, "failed"), ("mail", BEA, "sent")]
        assert "refuses the mail for ana@mtn.cl: 550 no such user here" in reason(told)
        at.configure(ALERT_EMAIL=f"carla@mtn.cl {BEA}")
        flush(at.context, forced=True)
    assert sink.to == [BEA, "carla@mtn.cl"]
    assert at.waiting == []


def test_whom_a_server_refuses_for_good_is_told_at_once_and_not_tried_again_by_itself(tmp_path):
    asked = []
    with mail_server() as sink:
        sink.on_rcpt = lambda address: asked.append(address) or "550 5.1.1 no such user"
        at = with_mail(tmp_path, sink)
        out, err = command(at, "notify", "error", "Database Down", "x", check=2)
        assert f"✖ e-mail {ANA}: not sent. The mail server" in out
        assert "550 5.1.1 no such user" in out
        assert "Correct ALERT_EMAIL" in err
        for _run in range(5):
            at.clock.by += timedelta(hours=1)
            assert [one.state for told in flush(at.context) for one in told.outcomes] == [State.FAILED]
        assert len(asked) == 1
        sink.on_rcpt = lambda _address: None  # the mailbox was made
        flush(at.context, forced=True)
    assert sink.to == [ANA]
    assert at.waiting == []


@pytest.mark.parametrize("stage", ["on_mail", "on_rcpt"])
def test_a_server_that_wants_a_login_is_told_as_such_with_the_settings_for_it(tmp_path, stage):
    with mail_server() as sink:
        setattr(sink, stage, lambda _address: "530 5.7.0 Authentication required")
        at = with_mail(tmp_path, sink, ALERT_EMAIL=f"{ANA} {BEA}")
        told = tell(at)
        assert states(told) == [("mail", ANA, "kept"), ("mail", BEA, "kept")]
        assert "wants a login: 530" in reason(told)
        assert "Set SMTP_USER and SMTP_PASSWORD" in reason(told)


def test_mail_from_is_the_sender_and_is_named_where_it_is_refused(tmp_path):
    with mail_server() as sink:
        sink.on_mail = lambda sender: "553 5.7.1 not yours" if sender == "mtn@mtn.cl" else None
        at = with_mail(tmp_path, sink)
        told = tell(at)
        assert states(told) == [("mail", ANA, "kept")]  # it goes once the sender is corrected
        assert "takes no mail from mtn@mtn.cl: 553" in reason(told)
        assert "Set MAIL_FROM" in reason(told)
        at.configure(MAIL_FROM="respaldos@colegio.cl")
        flush(at.context, forced=True)
    assert sink.mails[0]["From"] == "MTN <respaldos@colegio.cl>"


def test_an_address_with_accents_arrives_where_the_server_knows_them(tmp_path):
    with mail_server() as sink:
        at = with_mail(tmp_path, sink, ALERT_EMAIL=f"ñandú@colegio.example {ANA}")
        assert [one.state for one in tell(at).outcomes if one.channel == "mail"] == [State.SENT] * 2
    assert sink.to == ["ñandú@colegio.example", ANA]
    assert sink.mails[0]["To"] == "ñandú@colegio.example"


# Kept, and sent once


def test_a_dead_server_loses_nothing_and_doubles_nothing(tmp_path):
    port = free_port()
    at = with_mail(tmp_path, port, ALERT_EMAIL=f"{ANA} {BEA}")
    ids = [tell(at, f"Alert {number}").message.id for number in range(3)]
    for _ in range(3):
        at.clock.by += timedelta(minutes=20)
        assert all(one.state is State.KEPT for told in flush(at.context) for one in told.outcomes)
    assert [one.message.id for one in waiting(at.context)] == ids
    assert "refused" in waiting(at.context)[0].reason
    with mail_server(port) as sink:
        at.clock.by += timedelta(minutes=20)
        flush(at.context)
        flush(at.context)
        flush(at.context, forced=True)
    copies = Counter((mail["Message-ID"], mail["To"]) for mail in sink.mails)
    assert copies == {(f"<{one}@db1.mtn>", to): 1 for one in ids for to in (ANA, BEA)}
    assert at.waiting == []


def test_who_says_it_tries_again_before_leaving_it_to_others(tmp_path):
    with mail_server() as sink:
        busy = iter(["451 try later", "421 not now"])
        sink.on_rcpt = lambda _address: next(busy, None)
        told = tell(with_mail(tmp_path, sink), pauses=(0.01, 0.01, 0.01))
    assert states(told) == [("mail", ANA, "sent")]
    assert len(sink.taken) == 1


def test_later_runs_wait_longer_each_time(tmp_path):
    at = with_mail(tmp_path, free_port())
    tell(at)
    tried = []
    for _ in range(60):
        at.clock.by += timedelta(minutes=1)
        before = at.waiting[0].read_bytes()
        flush(at.context)
        tried.append(at.waiting[0].read_bytes() != before)
    minutes = [number for number, one in enumerate(tried, 1) if one]
    gaps = [later - earlier for earlier, later in zip([0, *minutes], minutes, strict=False)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 2
    assert 3 <= len(gaps) <= 7


def test_after_three_days_it_is_set_aside_and_the_doctor_says_so(tmp_path):
    at = with_mail(tmp_path, free_port())
    tell(at)
    at.clock.by = GIVEN_UP_AFTER + timedelta(minutes=1)
    flush(at.context)
    assert at.waiting == []
    (left,) = (tmp_path / "state" / "notices").glob("*/given-up/*.jsonl")
    found = list(alerting._left(at.context))
    assert [one.status for one in found] == [Status.WARN]
    assert str(left.parent) in found[0].hint
    with elsewhere(at) as spare:  # as one does that waited where the state folder could not be written
        moved = spare / left.parent.relative_to(tmp_path / "state")
        moved.parent.mkdir(parents=True)
        shutil.move(left.parent, moved)
        found = list(alerting._left(at.context))
        assert [str(moved) in one.hint for one in found] == [True]


def test_where_nobody_is_to_be_told_any_more_it_waits(tmp_path):
    at = with_mail(tmp_path, free_port())
    tell(at)
    at.configure(ALERT_EMAIL="", SMTP_SERVER="")
    assert flush(at.context, forced=True) == []
    assert len(at.waiting) == 1


def test_what_is_not_ours_in_the_spool_holds_up_nothing(tmp_path):
    with mail_server() as sink:
        at = with_mail(tmp_path, free_port())
        tell(at)
        folder = at.waiting[0].parent
        (folder / "00000000T000000-broken.jsonl").write_bytes(b'{"id": 1}\n')
        (folder / "00000000T000001-torn.jsonl").write_bytes(b'{"id": ')
        (folder / "00000000T000002-pipe.jsonl").symlink_to("/etc/passwd")
        with at.waiting[-1].open("ab") as file:
            file.write(b'{"at": "2026-11-24T06:00:00+00:00", "channel": "mail", "to": "ana@mtn.cl", "se')
        at.configure(SMTP_PORT=str(sink.port))
        flush(at.context, forced=True)
    assert sink.to == [ANA]


def test_a_folder_that_can_not_hold_it_does_not_keep_it_from_being_sent(tmp_path):
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state" / "notices").write_bytes(b"")
    with mail_server() as sink:
        at = with_mail(tmp_path, sink)
        assert states(tell(at)) == [("mail", ANA, "sent")]
    told = tell(at)
    assert states(told) == [("mail", ANA, "failed")]
    assert "could not be used" in reason(told)


TELLS = """
import sys
from pathlib import Path
from tests.alert_fixtures import Moving, Place
from mtn_tui.operations.alerts.email import Mail
from mtn_tui.operations.alerts.message import Level, new_message
from mtn_tui.operations.alerts.notify import notify, flush
at = Place(Path(sys.argv[1]), {})
print("ready", flush=True)
for subject in sys.argv[2:]:
    notify(at.context, Level.ERROR, subject, "Body", pauses=(), sockets=())
flush(at.context, forced=True)
"""


def telling(at, *subjects):
    return subprocess.Popen(
        [sys.executable, "-c", TELLS, str(at.root), *subjects],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process):
    said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


@pytest.mark.parametrize(("moment", "copies"), [("before", 1), ("after", 2)])
def test_a_kill_loses_nothing_and_a_second_copy_can_be_told(tmp_path, moment, copies):
    """After the server took it and before that was written down is the one moment that makes a copy."""
    with mail_server() as sink:
        at = with_mail(tmp_path, sink)
        process = telling(at, "Database Down")

        def kill(*_address):
            process.send_signal(signal.SIGKILL)
            process.wait()

        setattr(sink, "on_rcpt" if moment == "before" else "on_data", kill)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        sink.on_rcpt, sink.on_data = lambda _address: None, lambda: None
        assert len(at.waiting) == 1
        flush(at.context, forced=True)
    assert len(sink.taken) == copies
    assert len({mail["Message-ID"] for mail in sink.mails}) == 1
    assert at.waiting == []


def test_killed_at_any_moment_every_message_arrives(tmp_path):
    chance = random.Random(4)
    subjects = [f"Alert {number}" for number in range(4)]
    with mail_server() as sink:
        at = with_mail(tmp_path, sink, ALERT_EMAIL=f"{ANA} {BEA}")
        for _ in range(4):
            process = telling(at, *subjects)
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.05))
            process.kill()
            process.communicate(timeout=60)
        kept = {one.message.id for one in waiting(at.context)}
        flush(at.context, forced=True)
    got = Counter((mail["Message-ID"], mail["To"]) for mail in sink.mails)
    assert {one.split("@")[0].strip("<") for one, _to in got} >= kept
    assert all((one, other) in got for one, _to in got for other in (ANA, BEA))
    assert sum(count - 1 for count in got.values()) <= 4, "at most one a kill"
    assert at.waiting == []


def test_two_processes_at_once_send_one_copy(tmp_path):
    port = free_port()
    at = with_mail(tmp_path, port, ALERT_EMAIL=f"{ANA} {BEA}")
    ids = {tell(at, f"Alert {number}").message.id for number in range(8)}
    with mail_server(port) as sink:
        sink.slow = 0.02
        both = [telling(at) for _ in range(3)]
        for process in both:
            ended(process)
    assert Counter(mail["Message-ID"] for mail in sink.mails) == {f"<{one}@db1.mtn>": 2 for one in ids}
    assert Counter(sink.to) == {ANA: 8, BEA: 8}
    assert at.waiting == []


# The webhook


def test_a_webhook_gets_it_as_json_once(tmp_path):
    with webhook() as hook:
        at = place(tmp_path, WEBHOOK_URL=hook.url)
        told = tell(at, facts=[("Backup", "7kq2mbxa")])
        flush(at.context, forced=True)
    assert states(told) == [("webhook", "127.0.0.1", "sent")]
    ((path, headers, posted),) = hook.posts
    assert path == "/hooks/T0PSECRETPATH"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == posted["id"] == told.message.id
    assert (posted["level"], posted["subject"], posted["database"]) == (
        "error",
        "Database Down",
        "Admisión_MTN_DB",
    )
    assert posted["text"].startswith("[MTN ✖] Database Down\n")


@pytest.mark.parametrize("status", [301, 307, 404, 429, 500])
def test_what_a_webhook_refuses_is_kept_and_a_redirect_is_not_followed(tmp_path, status):
    with webhook() as hook, webhook() as elsewhere:
        hook.status, hook.headers = status, {"Location": elsewhere.url}
        hook.answer = b"no_service at /hooks/T0PSECRETPATH"
        at = place(tmp_path, WEBHOOK_URL=hook.url)
        told = tell(at)
        assert states(told) == [("webhook", "127.0.0.1", "kept")]
        assert str(status) in reason(told)
        hook.status, hook.headers = 204, {}
        hook.answer = b""
        flush(at.context, forced=True)
    assert elsewhere.posts == []
    assert len(hook.posts) == 2
    assert len({posted["id"] for _path, _headers, posted in hook.posts}) == 1
    assert at.waiting == []


def test_the_secret_of_a_webhook_is_told_nowhere(tmp_path):
    with webhook() as hook:
        hook.status, hook.answer = 404, b"not here: /hooks/T0PSECRETPATH"
        at = place(tmp_path, WEBHOOK_URL=hook.url)
        out, err = command(at, "notify", "error", "S", "to /hooks/T0PSECRETPATH", "--json", check=1)
    out2, err2 = command(at, "notify", "--flush", check=1)
    files = [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path != at.config]
    assert len(files) >= 2
    assert "T0PSECRETPATH" not in "".join([out, err, out2, err2, *files, repr(at.context)])
    assert redact(hook.url) != hook.url


def test_a_webhook_is_checked_by_its_certificate(tmp_path, authority):
    with webhook(authority.context("127.0.0.1")) as hook:
        at = place(tmp_path, WEBHOOK_URL=hook.url)
        told = tell(at)
        assert states(told) == [("webhook", "127.0.0.1", "kept")]
        assert "is not valid" in reason(told)
        at.configure(ALERT_CA_FILE=str(authority.file))
        assert states(tell(at)) == [("webhook", "127.0.0.1", "sent")]
    with webhook(authority.context("hooks.example")) as hook:
        at.configure(WEBHOOK_URL=hook.url)
        assert "is not valid" in reason(tell(at))
    assert hook.posts == []


def test_one_channel_down_does_not_hold_up_the_other(tmp_path):
    with webhook() as hook:
        at = with_mail(tmp_path, free_port(), WEBHOOK_URL=hook.url)
        assert states(tell(at)) == [("mail", ANA, "kept"), ("webhook", "127.0.0.1", "sent")]
        at.clock.by += timedelta(minutes=2)
        flush(at.context)
    assert len(hook.posts) == 1


# The system's log


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_the_systems_log_has_it_under_the_runbooks_name(tmp_path, kind):
    with system_log(tmp_path / "log", kind) as lines:
        told = notify(
            place(tmp_path).context,
            Level.ERROR,
            "CRITICAL: Database Down",
            "First line\nsecond <line>\n" + "ñ" * 10_000,
            sockets=(tmp_path / "none", tmp_path / "log"),
        )
    assert [(one.channel, one.state) for one in told.outcomes] == [("syslog", State.SENT)]
    (line,) = lines
    text = line.decode()
    assert text.startswith(
        f"<26>backup-system[{os.getpid()}]: error: CRITICAL: Database Down: First line second"
    )
    assert "\n" not in text.rstrip("\n")
    assert len(text) < 1100


def test_without_one_that_is_said_and_nothing_fails(tmp_path):
    told = tell(place(tmp_path))
    assert [(one.channel, one.state) for one in told.outcomes] == [("syslog", State.ABSENT)]


# The command


def test_the_command_takes_the_scripts_words(tmp_path):
    with mail_server() as sink:
        at = with_mail(tmp_path, sink)
        out, _err = command(
            at, "notify", "error", "CRITICAL: Database Down", "PostgreSQL no responde.", check=0
        )
        assert f"✔ e-mail {ANA}: sent" in out
        (facts,) = json.loads(command(at, "notify", "success", "Restored", "x", "--json", check=0)[0])
    assert [one["state"] for one in facts["outcomes"] if one["channel"] == "mail"] == ["sent"]
    assert sink.mails[0]["Subject"] == "[MTN ✖] CRITICAL: Database Down"
    assert "PostgreSQL no responde." in sink.mails[0].get_body(("plain",)).get_content()


def test_the_command_says_what_is_kept_and_sends_it_later(tmp_path):
    port = free_port()
    at = with_mail(tmp_path, port)
    out, err = command(at, "notify", "warning", "S", "B", check=1)
    assert "kept, will be sent" in out
    assert "SMTP_SERVER" in err
    command(at, "notify", "--flush", check=1)
    with mail_server(port) as sink:
        assert "sent" in command(at, "notify", "--flush", check=0)[0]
        assert "Nothing is waiting" in command(at, "notify", "--flush", check=0)[1]
    assert sink.to == [ANA]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["error"],
        ["error", "subject"],
        ["loud", "subject", "body"],
        ["error", "s", "b", "--test"],
        ["--test", "--flush"],
    ],
)
def test_half_a_command_is_refused(tmp_path, arguments):
    command(place(tmp_path), "notify", *arguments, check=64)


def test_without_any_channel_the_command_says_what_to_set(tmp_path):
    _out, err = command(place(tmp_path), "notify", "error", "S", "B", check=2)
    assert "ALERT_EMAIL" in err
    assert "ALERT_EMAIL" in command(place(tmp_path), "notify", "--test", check=2)[1]


# The proof that it arrives


def test_the_path_is_proven_by_whoever_reads_the_token_and_by_nothing_else(tmp_path):
    with mail_server() as sink, webhook() as hook:
        at = with_mail(tmp_path, sink, WEBHOOK_URL=hook.url)
        out, err = command(at, "notify", "--test", check=0)
        text = sink.mails[0].get_body(("plain",)).get_content()
        token = text.split("--ack ")[1].split()[0]
        posted = str(hook.posts[0][2]["body"]).split("--ack ")[1].split()[0]
        assert token != posted
        assert token not in out + err
        assert [one.holds(at.clock.now()) for one in receipts.proofs(at.context)] == [False, False]
        assert "--test" in command(at, "notify", "--ack", "nothing", check=64)[1]
        command(at, "notify", "--ack", token.upper(), check=0)
        mail, hooked = receipts.proofs(at.context)
        assert (mail.channel, mail.holds(at.clock.now()), hooked.at) == ("mail", True, None)
        receipts.acknowledge(at.context, posted)
        found = looked(at)
        assert [one.status for one in found] == [Status.OK, Status.OK]
        at.configure(ALERT_EMAIL=BEA)
        assert [one.status for one in looked(at)] == [Status.WARN, Status.OK]
        at.configure(ALERT_EMAIL=ANA)
        at.clock.by = timedelta(days=32)
        found = looked(at)
        assert [one.status for one in found] == [Status.WARN, Status.WARN]
        assert all("--test" in one.hint for one in found)
        with pytest.raises(UsageError):
            receipts.acknowledge(at.context, token)


def test_the_doctor_tells_a_mail_server_that_takes_nothing_and_what_waits(tmp_path):
    at = with_mail(tmp_path, free_port())
    tell(at)
    at.clock.by = timedelta(minutes=11)
    found = looked(at)
    assert [one.status for one in found] == [Status.FAIL, Status.WARN, Status.WARN]
    assert "does not answer" in found[0].says
    assert "--flush" in found[2].hint
    at.configure(SMTP_SERVER="")
    assert "ALERT_EMAIL" in looked(at)[0].hint


def test_a_state_file_that_is_not_ours_proves_nothing(tmp_path):
    at = with_mail(tmp_path, free_port())
    path = tmp_path / "state" / "notices" / f"{slug('Admisión_MTN_DB')}.json"
    path.parent.mkdir(parents=True)
    for content in (
        b"",
        b"[]",
        b'{"sent": [{}], "proven": {}}',
        b'{"sent": [], "proven": {"mail": {"at": 1}}}',
    ):
        path.write_bytes(content)
        assert [one.at for one in receipts.proofs(at.context)] == [None]
