"""A professional's own tick and number for calls for help, and how the turns have fallen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import request
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk.cascade import showing, terms
from booking.web import staff_forms, wording
from booking.web.staff_forms import FormRefused
from notifications import opt_outs
from notifications.phones import PhoneInvalid, parse
from schedules.models import Community, Professional

MOBILE, ACCEPTS = "mobile", "accepte"


def section(
    session: Session,
    community: Community,
    moment: datetime,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """Return what `agendas/help.html` shows to a professional; None where nobody is asked."""
    who = _myself(session)
    if who is None or not terms.of(community.cascade).is_on:
        return None
    kept = {MOBILE: wording.spaced(who.mobile or ""), ACCEPTS: who.accepts_calls_for_help}
    turns = showing.turns(session, community, now=moment)
    return {
        "typed": kept if typed is None else typed,
        "errors": errors or {},
        "sentence": sentence(turns, turns.by_member.get(who.reference, 0)),
        "said_stop": bool(who.mobile and opt_outs.among(session, [who.mobile])),
        "is_saved": "sollicite" in request.args,
    }


def sentence(turns: showing.Turns, mine: int) -> str:
    """Return « 2 demandes en 30 jours ; la moyenne des membres est 3 »."""
    some = ngettext("%(num)d demande en 30 jours", "%(num)d demandes en 30 jours", mine)
    count = some if mine else _("Aucune demande en 30 jours")
    average = format_decimal(turns.average, "0.#")
    return str(
        _("%(count)s ; la moyenne des membres est %(average)s", count=count, average=average)
    )


def _myself(session: Session) -> Professional | None:
    somebody = guards.identity()
    if somebody.professional_id is None:
        return None
    return session.get(Professional, (somebody.community_id, somebody.professional_id))


def keep(session: Session, typed: Mapping[str, str]) -> None:
    """Keep whether one wants to be asked, and on which mobile.

    Raises:
        FormRefused: if that is no mobile.
    """
    mobile, who = _mobile(typed.get(MOBILE, "")), _myself(session)
    if who is not None:
        who.mobile, who.accepts_calls_for_help = mobile, ACCEPTS in typed
        session.flush()


def _mobile(said: str) -> str | None:
    if not said.strip():
        return None
    try:
        read = parse(said)
    except PhoneInvalid as wrong:
        raise FormRefused({MOBILE: str(staff_forms.PHONE_REFUSED[wrong.reason])}) from None
    if not read.is_mobile:
        raise FormRefused({MOBILE: _("Un numéro de mobile français")})
    return read.e164
