"""What providers tell us: whoever signed it is believed, and what they say may be repeated."""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from uuid import UUID

from flask import Blueprint, Response, request

from booking import guards
from booking.desk import by_key, replies
from booking.extensions import csrf, db, equipment, now
from config.database import transaction
from notifications import receipts, twilio_sms, twilio_voice
from notifications.texts import SPOKEN

P = ParamSpec("P")

webhooks = Blueprint("webhooks", __name__, url_prefix="/webhooks")
csrf.exempt(webhooks)

SID = re.compile(r"(SM|MM|CA)[0-9a-fA-F]{32}")
"""Of an SMS or a call: https://www.twilio.com/docs/glossary/what-is-a-sid"""

CODE = re.compile(r"[0-9]{1,10}")

NOT_A_PERSON = ("machine", "fax")
"""How Twilio's `AnsweredBy` begins where nobody may have heard the call."""

Answer = Callable[P, Response]


def signed_by_twilio(answer: Answer[P]) -> Answer[P]:
    """Answer 403 to whatever Twilio did not sign for our public address."""

    @wraps(answer)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        return answer(*args, **kwargs) if _is_from_twilio() else Response(status=403)

    return answered


@webhooks.post("/twilio/status/<uuid:message>")
@guards.open_to(guards.PROVIDER)
@signed_by_twilio
def twilio_status(message: UUID) -> Response:
    """Move one SMS forward by what Twilio reports of it: 204, or 403 to anybody else.

    A report that repeats, comes late, or is about nothing of ours is 204 as well: Twilio has
    done its part, and must not try again.
    """
    said = request.form
    code = said.get("ErrorCode", "")
    return _recorded(
        message,
        said.get("MessageStatus", ""),
        said.get("MessageSid", ""),
        f"twilio_{code}" if CODE.fullmatch(code) else None,
    )


@webhooks.post("/twilio/call/<uuid:message>")
@guards.open_to(guards.PROVIDER)
@signed_by_twilio
def twilio_call(message: UUID) -> Response:
    """Move one call forward by how it ended, as `twilio_status` does an SMS."""
    said = request.form
    is_machine = said.get("AnsweredBy", "").startswith(NOT_A_PERSON)
    status = said.get("CallStatus", "")
    word = "machine" if is_machine and status == "completed" else status
    is_bad = receipts.TWILIO.get(word) in receipts.BAD_NEWS
    return _recorded(message, word, said.get("CallSid", ""), f"call_{word}" if is_bad else None)


def _recorded(message: UUID, said: str, sid: str, error: str | None) -> Response:
    if SID.fullmatch(sid):
        account = request.form.get("AccountSid", "")
        report = receipts.Report(message=message, said=said, sid=sid, account=account, error=error)
        with transaction(db.session) as session:
            receipts.record(session, report, our_account=_our_account(), now=now())
    return Response(status=204)


def _our_account() -> str:
    return equipment().settings.twilio_account_sid or ""


@webhooks.post("/twilio/voice/<uuid:message>")
@guards.open_to(guards.PROVIDER)
@signed_by_twilio
def twilio_key(message: UUID) -> Response:
    """Answer the first key of a call: 9 asks whether to cancel, any other says it all again."""
    with transaction(db.session) as session:
        heard = by_key.of(session, message)
    if heard is None:
        return _twiml(twilio_voice.ended(SPOKEN["fr"].goodbye, "fr"))
    keys = twilio_voice.keys_at(equipment().settings.base_url, message)
    spoken = SPOKEN[heard.language]
    if request.form.get("Digits") == "9" and heard.may_cancel:
        return _twiml(twilio_voice.asked(spoken.confirm, heard.language, f"{keys}/annuler"))
    return _twiml(twilio_voice.said(heard.text, heard.language, keys))


@webhooks.post("/twilio/voice/<uuid:message>/annuler")
@guards.open_to(guards.PROVIDER)
@signed_by_twilio
def twilio_second_key(message: UUID) -> Response:
    """Cancel the appointment that the call is about if the second key is 3; twice is once."""
    with transaction(db.session) as session:
        heard = by_key.of(session, message)
        if heard is None:
            return _twiml(twilio_voice.ended(SPOKEN["fr"].goodbye, "fr"))
        spoken = SPOKEN[heard.language]
        said = spoken.unchanged
        if request.form.get("Digits") == "3":
            done = by_key.cancel(session, heard, links=equipment().links, now=now())
            said = getattr(spoken, done)
    return _twiml(twilio_voice.ended(said, heard.language))


@webhooks.post("/twilio/inbound")
@guards.open_to(guards.PROVIDER)
@signed_by_twilio
def twilio_inbound() -> Response:
    """Hear an SMS that somebody sent us, and answer it; repeated it gets the same answer."""
    said = request.form
    inbound = replies.Inbound(
        provider_id=said.get("MessageSid", ""),
        phone=said.get("From", ""),
        text=said.get("Body", ""),
    )
    is_ours = said.get("AccountSid", "") == _our_account()
    if not is_ours or not SID.fullmatch(inbound.provider_id):
        return Response(status=204)
    with transaction(db.session) as session:
        answers = replies.receive(session, inbound, links=equipment().links, now=now())
    return _twiml(twilio_sms.answered(answers))


def _twiml(said: str) -> Response:
    return Response(said, mimetype="text/xml", headers={"Cache-Control": "no-store"})


def _is_from_twilio() -> bool:
    """Check the signature against our public address and the path exactly as it was received."""
    settings = equipment().settings
    if not (settings.twilio_auth_token and settings.twilio_account_sid):
        return False
    return twilio_sms.genuine(
        settings.twilio_auth_token.get_secret_value(),
        settings.base_url,
        request.environ.get("RAW_URI", ""),
        request.form,
        request.headers,
    )
