"""Whatever a text holds, what carries it keeps its fields: read again by programs of others."""

import email
import email.policy
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import vobject
from hypothesis import example, given
from hypothesis import strategies as st

from notifications import smtp_email, twilio_sms
from notifications.senders import NotSent
from schedules import ics
from tests.unit.test_ics import a_feed, an_invitation, entry
from tests.unit.test_notifications_smtp import a_letter

NOW = datetime(2027, 3, 27, 12, tzinfo=UTC)
BREAKS = ("\r\n", *"\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
EVIL = (
    "ATTENDEE:mailto:x@evil.example",
    "END:VEVENT",
    "BEGIN:VALARM",
    ';ALTREP="a:b"',
    "\\n",
    "\\",
    "Bcc: x@evil.example",
    "=?utf-8?q?=0ABcc:_x?=",
    "<Redirect>x</Redirect>",
    "]]>",
    "{0}%s",
)

texts = st.lists(
    st.sampled_from(BREAKS) | st.sampled_from(EVIL) | st.text(max_size=12), max_size=5
).map("".join)


def lines(drawn: bytes) -> Counter[str]:
    """Return the names of a calendar's lines, unfolded by hand: no parser of ours or of others."""
    whole = re.sub(rb"\r\n[ \t]", b"", drawn).removesuffix(b"\r\n")
    return Counter(re.split(r"[:;]", line.decode(), maxsplit=1)[0] for line in whole.split(b"\r\n"))


@given(texts, texts, texts)
def test_no_text_adds_a_line_to_an_invitation(summary, location, description):
    plain = lines(ics.message(an_invitation(summary="a", location="b", description="c")))
    drawn = ics.message(
        an_invitation(summary=f"a{summary}", location=f"b{location}", description=f"c{description}")
    )

    assert lines(drawn) == plain
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", drawn)
    event = vobject.readOne(drawn.decode()).vevent
    assert len(event.contents["attendee"]) == 1
    assert event.summary.value.startswith("a")


@given(texts, texts)
def test_no_text_adds_a_line_to_a_feed(name, location):
    plain = lines(ics.subscribed(a_feed(entry(location="b"), name="a")))

    assert lines(ics.subscribed(a_feed(entry(location=f"b{location}"), name=f"a{name}"))) == plain


@given(subject=texts, recipient=texts, body=texts)
@example(subject="=?utf-8?q?=0ABcc:_x?=", recipient="", body="")
@example(subject="", recipient="ATTENDEE:mailto:x@evil.exampleBcc: x@evil.example\x80", body="")
@example(subject="", recipient='ATTENDEE:mailto:x@evil.example;ALTREP="a:b"', body="")
def test_no_text_adds_a_header_to_a_mail(subject, recipient, body):
    letter = a_letter(subject=subject, recipient=f"p{recipient}@mail.example", text=body)
    plain = replace(letter, subject="a", recipient="p@mail.example", text="c")
    try:
        composed = compose(letter)
    except NotSent:
        return

    read = email.message_from_bytes(composed.as_bytes(), policy=email.policy.default)

    body_may_choose = {"content-transfer-encoding"}
    assert {k.lower() for k in read.keys()} - body_may_choose == {  # noqa: SIM118 - a message
        k.lower()
        for k in compose(plain).keys()  # noqa: SIM118
    } - body_may_choose
    assert "bcc" not in read
    assert not read.defects


def compose(letter):
    return smtp_email._compose(letter, sender="rdv@cpts.example", domain="rdv.example", now=NOW)


@given(st.lists(texts, max_size=3))
def test_no_text_adds_an_order_to_what_twilio_is_answered(answers):
    said = ET.fromstring(twilio_sms.answered(answers))

    assert [child.tag for child in said] == ["Message"] * len(answers)
    assert [len(child) for child in said] == [0] * len(answers)
