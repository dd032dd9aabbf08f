"""Screen O2: what is dictated to the 15, where the person is now, and what was done since."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import render_template
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking.desk import board, calls, transfers
from booking.desk import waiting as desk
from booking.desk.staff import Actor
from booking.extensions import equipment
from booking.models import (
    LONGEST_ADDRESS,
    CallerIs,
    CareRequest,
    TransferState,
    TransferStep,
)
from booking.triage.facts import UNKNOWN, YES
from booking.web import staff_words, wording
from booking.web.answers import Form, one
from config.clock import local_day
from schedules.models import Community

ADDRESS, SEEN = "adresse", "adresse-vue"
"""The field, and what it held when the page was drawn."""


def keep_address(
    session: Session, asked: CareRequest, form: Form, *, by: Actor, now: datetime
) -> dict[str, str]:
    """Keep where the person is now, if the form says it anew; return what was wrong, by field.

    Raises:
        transfers.NoTransfer: if it was closed already.
    """
    said = one(form, ADDRESS)
    if ADDRESS not in form:
        return {}
    if len(said) > LONGEST_ADDRESS:
        return {ADDRESS: str(_("Écrivez %(count)d lettres au plus", count=LONGEST_ADDRESS))}
    try:
        calls.locate(session, asked, said or None, seen=one(form, SEEN) or None, by=by, now=now)
    except calls.AddressChanged:
        return {
            ADDRESS: str(_("Un collègue a noté une autre adresse. Relisez-la, puis enregistrez."))
        }
    return {}


def render(
    session: Session,
    asked: CareRequest,
    moment: datetime,
    *,
    is_ended: bool,
    typed: str | None = None,
    errors: Mapping[str, str],
) -> str:
    """Return the page; `typed` stands in the field of the address instead of what is kept."""
    community = board.community_of(session, asked.community_id)
    steps = transfers.steps(session, asked)
    return render_template(
        "console/transfer.html",
        errors=errors,
        community=community,
        reference=asked.reference,
        said=_dictated(session, asked, community, moment),
        typed=asked.current_address if typed is None else typed,
        longest=LONGEST_ADDRESS,
        steps=[_step(each, community, moment) for each in steps],
        is_unanswered=bool(steps) and steps[-1].state is TransferState.NO_ANSWER,
        is_ended=is_ended,
    )


def _step(step: TransferStep, community: Community, moment: datetime) -> dict[str, Any]:
    return {
        "what": staff_words.TRANSFERS[step.state],
        "who": step.name or _("automatique"),
        "when": wording.short_day_and_hour(step.at, community.zone, now=moment),
    }


def _dictated(
    session: Session, asked: CareRequest, community: Community, moment: datetime
) -> dict[str, Any]:
    """Return what is dictated to the 15: number, where they are, who, what was said."""
    protocol, said = equipment().protocol(wording.language(), community.id), asked.answers
    today = local_day(moment, community.zone)
    name = staff_words.person(asked.family_name, asked.given_name)
    who = (
        name if asked.family_name or asked.given_name else "",
        staff_words.age(asked.birth_date, asked.age_months, today),
        str(staff_words.SEXES.get(asked.sex or "", "")).lower(),
    )
    return {
        "phone": asked.phone and wording.spaced(asked.phone),
        "tel": asked.phone,
        "commune": desk.commune_of(session, asked),
        "address": asked.current_address,
        "person": ", ".join(str(each) for each in who if each),
        "signs": [
            question.text
            for question in protocol.questions.values()
            if question.is_red_flag and said.get(question.id) in (YES, UNKNOWN)
        ],
        "is_elsewhere": asked.caller is CallerIs.ELSEWHERE,
    }
