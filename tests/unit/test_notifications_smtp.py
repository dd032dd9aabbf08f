"""E-mails through real SMTP, to a mail server of our own on the loopback."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from config.settings import Settings
from notifications import smtp_email
from notifications.letters import Letter
from notifications.models import Channel
from notifications.senders import NotSent, Unclear
from notifications.smtp_email import SmtpEmail
from tests.smtp_server import HANG_UP, SmtpServer

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
REFERENCE = UUID("00000000-0000-4000-8000-000000000001")
ICS = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
    b"SUMMARY:Annul\xc3\xa9 \xe2\x80\x93 RDV\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.fixture(scope="module")
def server():
    with SmtpServer() as smtp:
        yield smtp


@pytest.fixture
def smtp(server):
    server.mails.clear()
    server.at_recipient.clear()
    server.at_data.clear()
    return server


def sender(url):
    return SmtpEmail(
        Settings(
            smtp_url=url,
            mail_from="JourMême <rdv@cpts.example>",
            public_base_url="https://rdv.example",
        ),
        lambda _said: (ICS, "REQUEST"),
    )


def a_letter(**but):
    said = {
        "community_id": 1,
        "id": 1,
        "lease": uuid4(),
        "reference": REFERENCE,
        "channel": Channel.EMAIL,
        "recipient": "patient@mail.example",
        "subject": "Rendez-vous confirmé : samedi 21 novembre",
        "text": "Bonjour,\n\nC’est confirmé.\n",
        "invitation": {"says": "all"},
        "expires_at": NOW,
        "attempts": 1,
    }
    return Letter(**said | but)


def test_the_calendar_entry_arrives_byte_for_byte_twice(smtp):
    sender(smtp.url).send(a_letter(), now=NOW)

    [mail] = smtp.mails
    mixed = mail.message
    alternative, file = mixed.iter_parts()
    plain, drawn = alternative.iter_parts()
    assert [p.get_content_type() for p in (mixed, alternative, plain, drawn, file)] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/calendar",
        "application/ics",
    ]
    assert plain.get_content().replace("\r\n", "\n") == "Bonjour,\n\nC’est confirmé.\n"
    assert drawn.get_payload(decode=True) == file.get_payload(decode=True) == ICS
    assert drawn["Content-Type"].params == {"method": "REQUEST", "charset": "utf-8"}
    assert drawn["Content-Transfer-Encoding"] == "base64"
    assert drawn["Content-Disposition"] is None
    assert file.get_filename() == "rendez-vous.ics"


def test_the_headers_say_who_when_and_that_nobody_need_answer(smtp):
    message_id = sender(smtp.url).send(a_letter(), now=NOW)

    [mail] = smtp.mails
    assert (mail.sender, mail.recipients) == ("rdv@cpts.example", ["patient@mail.example"])
    said = mail.message
    assert said["Message-ID"] == message_id == f"<{REFERENCE}@rdv.example>"
    assert said["From"] == "JourMême <rdv@cpts.example>"
    assert said["Subject"] == "Rendez-vous confirmé : samedi 21 novembre"
    assert said["Date"].datetime == NOW
    assert said["Auto-Submitted"] == "auto-generated"


def test_an_email_without_calendar_is_plain_text(smtp):
    sender(smtp.url).send(a_letter(invitation=None), now=NOW)

    assert smtp.mails[0].message.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    ("reply", "permanent", "why"),
    [("451 greylisted", False, "smtp_451"), ("550 nobody here", True, "smtp_550")],
)
@pytest.mark.parametrize("at", ["at_recipient", "at_data"])
def test_a_refusal_is_final_from_500_on(smtp, at, reply, permanent, why):
    getattr(smtp, at).append(reply)

    with pytest.raises(NotSent) as refused:
        sender(smtp.url).send(a_letter(), now=NOW)

    assert (refused.value.permanent, refused.value.why) == (permanent, why)
    assert not smtp.mails


def test_a_server_that_hangs_up_with_the_message_in_hand_is_unclear(smtp):
    smtp.at_data.append(HANG_UP)

    with pytest.raises(Unclear):
        sender(smtp.url).send(a_letter(), now=NOW)


def test_a_server_that_nobody_reaches_surely_sent_nothing():
    with SmtpServer() as gone:
        url = gone.url

    with pytest.raises(NotSent) as refused:
        sender(url).send(a_letter(), now=NOW)

    assert not refused.value.permanent


def test_a_server_that_refuses_our_password_may_take_it_later(smtp):
    with pytest.raises(NotSent) as refused:
        sender(smtp.url.replace("//", "//us:wrong@")).send(a_letter(), now=NOW)

    assert not refused.value.permanent
    assert not smtp.mails


@pytest.mark.parametrize("who", ["us:secret@", ""])
def test_nothing_leaves_this_machine_in_the_clear(smtp, monkeypatch, who):
    monkeypatch.setattr(smtp_email, "is_loopback", lambda _: False)

    with pytest.raises(NotSent) as refused:
        sender(smtp.url.replace("//", f"//{who}")).send(a_letter(), now=NOW)

    assert refused.value.why == "smtp_without_tls"
    assert not smtp.mails


@pytest.mark.parametrize(
    "but",
    [
        {"recipient": "a@b.example\r\nBcc: c@d.example"},
        {"subject": "a\nBcc: c@d.example"},
    ],
)
def test_what_cannot_stand_in_a_header_is_a_final_refusal(smtp, but):
    with pytest.raises(NotSent) as refused:
        sender(smtp.url).send(a_letter(**but), now=NOW)

    assert refused.value.permanent
    assert not smtp.mails


def test_an_address_that_the_server_cannot_write_is_a_final_refusal():
    with SmtpServer(takes_utf8=False) as old, pytest.raises(NotSent) as refused:
        sender(old.url).send(a_letter(recipient="é@b.example"), now=NOW)

    assert (refused.value.permanent, refused.value.why) == (True, "smtp_address")
