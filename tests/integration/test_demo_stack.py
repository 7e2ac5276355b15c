"""What the practice stack has beside its database and its bucket."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import urllib3

from mtn_tui.demo.mail import MailServer
from mtn_tui.demo.services import TABLES, Services


def test_six_services_answer_for_their_health():
    with Services() as services, urllib3.PoolManager() as http:
        assert len(set(services.urls)) == len(TABLES)
        services.all[2].healthy = False
        answers = [http.request("GET", url, retries=False) for url in services.urls]
    assert [answer.status for answer in answers] == [200, 200, 503, 200, 200, 200]
    assert [answer.json()["status"] for answer in answers].count("UP") == 5


def test_mail_stays_in_its_folder(tmp_path):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "mtn@mtn.example", "ana@mtn.example", "Respaldo"
    message.set_content("Todo bien.")
    with MailServer(tmp_path / "mail") as server, smtplib.SMTP(server.host, server.port) as client:
        client.send_message(message)
    (kept,) = server.messages()
    assert kept["Subject"] == "Respaldo"
    assert kept.get_payload().strip() == "Todo bien."
