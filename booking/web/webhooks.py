"""Providers' reports: whoever signed them is believed, and what they say may be repeated."""

import re
from uuid import UUID

from flask import Blueprint, Response, request

from booking.extensions import csrf, db, equipment
from booking.web import guards
from config.database import transaction
from notifications import receipts, twilio_sms

webhooks = Blueprint("webhooks", __name__, url_prefix="/webhooks")
csrf.exempt(webhooks)

SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
"""https://www.twilio.com/docs/glossary/what-is-a-sid"""

CODE = re.compile(r"[0-9]{1,10}")


@webhooks.post("/twilio/status/<uuid:message>")
@guards.open_to(guards.PROVIDER)
def twilio_status(message: UUID) -> Response:
    """Move one message forward by what Twilio reports of it: 204, or 403 to anybody else.

    A report that repeats, comes late, or is about nothing of ours is 204 as well: Twilio has
    done its part, and must not try again.
    """
    if not _is_from_twilio():
        return Response(status=403)
    said = request.form
    sid, code = said.get("MessageSid", ""), said.get("ErrorCode", "")
    if not SID.fullmatch(sid):
        return Response(status=204)
    with transaction(db.session) as session:
        receipts.record(
            session,
            message,
            said=said.get("MessageStatus", ""),
            sid=sid,
            account=said.get("AccountSid", ""),
            our_account=equipment().settings.twilio_account_sid or "",
            error=f"twilio_{code}" if CODE.fullmatch(code) else None,
        )
    return Response(status=204)


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
