"""The draft mail as Python's own parser reads it, and as a server takes it."""

from __future__ import annotations

import asyncio
import re
import smtplib
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from liftlab.reporting.mail import draft
from liftlab.reporting.text import messages
from liftlab.settings import load_project
from liftlab.store import RunData
from liftlab.summary import summarize
from tests.reporting.test_html import read

PAGE = "<!doctype html><p>Straße".encode()
TO = [Address(addr_spec="a@example.org"), Address(addr_spec="b@example.org")]


def opened(run: RunData, audience: str | None = None) -> EmailMessage:
    raw = draft(summarize(run, load_project(environ={})), audience, TO, PAGE)
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not [part.defects for part in mail.walk() if part.defects]
    return mail


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.fixture(scope="module")
def mail(week2: RunData) -> EmailMessage:
    return opened(week2)


def test_it_is_addressed_and_opens_as_a_draft(mail: EmailMessage) -> None:
    assert mail["to"] == "a@example.org, b@example.org"
    assert mail["subject"].startswith("1 of 5 answers is right")
    assert mail["x-unsent"] == "1"


def test_the_status_page_is_attached(mail: EmailMessage) -> None:
    [attached] = mail.iter_attachments()
    assert attached.get_filename() == "status.html"
    assert attached.get_content_type() == "text/html"
    assert attached.get_payload(decode=True) == PAGE


def test_the_text_says_what_the_html_says(mail: EmailMessage) -> None:
    text, shown = body(mail, "plain"), read(body(mail, "html")).text
    for heading, _ in messages.AUDIENCES.values():
        assert heading in text
        assert heading in shown
    assert "\\" not in text


def test_the_html_needs_no_style_sheet_and_its_figures_are_in_the_mail(mail: EmailMessage) -> None:
    html = body(mail, "html")
    assert not re.search(r"<style|<script|<link|class=|https?:", html)
    shown = {f"<{name}>" for name in re.findall(r'src="cid:([^"]+)"', html)}
    held = {part["content-id"] for part in mail.walk() if part.get_content_type() == "image/png"}
    assert shown == held
    assert len(held) == 2
    assert 'alt=""' not in html


def test_a_mail_for_one_audience_holds_that_message_alone(week2: RunData) -> None:
    text = body(opened(week2, "users"), "plain")
    assert text.startswith("You ask in plain language")
    assert "For leadership" not in text


def test_what_nobody_answered_has_no_figures(empty_run: RunData) -> None:
    mail = opened(empty_run)
    assert mail["subject"] == "No request has ended yet"
    assert not [part for part in mail.walk() if part.get_content_maintype() == "image"]


class Inbox:
    """Keeps what a server was sent, as it came over the wire."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


def deliver(sent: bytes, host: str, port: int) -> None:
    with smtplib.SMTP(host, port) as client:
        client.send_message(message_from_bytes(sent, policy=policy.default), "me@example.org")


async def test_a_server_takes_it_and_all_its_parts_arrive(week2: RunData) -> None:
    page = "<!doctype html><p>Straße, 'name', ., \n.\n..\n".encode() + b"x" * 200_000
    sent = draft(summarize(week2, load_project(environ={})), None, TO, page)
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: SMTP(inbox), "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        await asyncio.to_thread(deliver, sent, host, port)
    [envelope] = inbox.envelopes
    assert envelope.rcpt_tos == ["a@example.org", "b@example.org"]
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert not [part.defects for part in mail.walk() if part.defects]
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "image/png", "text/html"]
    [attached] = mail.iter_attachments()
    assert attached.get_payload(decode=True) == page
    before = message_from_bytes(sent, policy=policy.default)
    for kind in ("plain", "html"):
        assert body(mail, kind).splitlines() == body(before, kind).splitlines()
