"""Providers' reports: whoever signed them is believed, and what they say may be repeated."""

import re
from uuid import UUID

from flask import Blueprint, Response, request

from booking import guards
from booking.extensions import csrf, db, equipment
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
    report = _report(message)
    if SID.fullmatch(report.sid):
        ours = equipment().settings.twilio_account_sid or ""
        with transaction(db.session) as session:
            receipts.record(session, report, our_account=ours)
    return Response(status=204)


def _report(message: UUID) -> receipts.Report:
    said = request.form
    code = said.get("ErrorCode", "")
    return receipts.Report(
        message=message,
        said=said.get("MessageStatus", ""),
        sid=said.get("MessageSid", ""),
        account=said.get("AccountSid", ""),
        error=f"twilio_{code}" if CODE.fullmatch(code) else None,
    )


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
