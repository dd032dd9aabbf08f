"""The warning signs, asked once more before something is taken: one page for every link."""

from flask import render_template, request
from sqlalchemy.orm import Session

from booking.desk import again
from booking.extensions import equipment, now
from booking.models import CareRequest
from booking.triage.protocol import Protocol
from booking.web import answers, wording
from booking.web.journey import Step
from booking.web.staff_forms import FormRefused
from schedules.models import Community


def page(
    asked: CareRequest, community: Community, *, action: str, back: str, errors: dict[str, str]
) -> str:
    """Return every sign, unticked: what was there some time ago says nothing of now."""
    return render_template(
        "patient/signs.html",
        community=community,
        step=Step.AGAIN,
        signs=again.questions(_protocol(community), asked),
        ticked=[],
        errors=errors,
        action=action,
        back_url=back,
        about="",
    )


def keep(session: Session, asked: CareRequest, community: Community) -> dict[str, str]:
    """Judge a locked request once more by what was posted; return what was wrong, by field."""
    protocol = _protocol(community)
    try:
        heard = answers.signs(request.form, again.questions(protocol, asked))
    except FormRefused as refused:
        return refused.errors
    again.answer(session, asked, protocol, community, heard, now=now())
    return {}


def is_emergency(asked: CareRequest) -> bool:
    """Return whether the 15 must be called, whatever is kept for this request."""
    return asked.level is not None and asked.level.is_emergency


def _protocol(community: Community) -> Protocol:
    return equipment().protocol(wording.language(), community.id)
