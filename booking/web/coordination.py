"""The coordinator's day in figures: what was promised, what is left, who offers nothing."""

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board, figures, owed, waiting
from booking.desk.figures import Half, Offer, Silent
from booking.extensions import db, now
from booking.models import Role
from booking.web import accesses, call_page, owed_pages, staff_words, wording
from booking.web.alarm_settings import alarm_settings
from booking.web.cascade_settings import cascade_settings
from booking.web.form_switch import form_switch
from booking.web.members import directory
from booking.web.message_words import message_words
from booking.web.month_numbers import month_numbers
from booking.web.person_rights import person_rights
from booking.web.review import review, to_read
from booking.web.staff_access import reach_of
from booking.web.supply_settings import settings
from config.clock import local_day
from config.database import transaction
from schedules import nomenclature
from schedules.models import Community

coordination = Blueprint("coordination", __name__)
coordination.register_blueprint(review)
coordination.register_blueprint(settings)
coordination.register_blueprint(directory)
coordination.register_blueprint(owed_pages.owed_pages)
coordination.register_blueprint(alarm_settings)
coordination.register_blueprint(message_words)
coordination.register_blueprint(form_switch)
coordination.register_blueprint(cascade_settings)
coordination.register_blueprint(accesses.accesses)
coordination.register_blueprint(person_rights)
coordination.register_blueprint(month_numbers)


@coordination.get("/coordination")
@guards.open_to(Role.COORDINATOR)
def today() -> ResponseReturnValue:
    """Show who waits with a clock, today in figures, what is free, silent members, lost messages.

    A script asks for the page again from time to time; a link does where there is none.
    """
    moment, reach = now(), reach_of(guards.identity())
    with transaction(db.session) as session:
        community = board.community_of(session, reach.community_id)
        silent = figures.silent_members(session, community.id, now=moment)
        untold = waiting.untold(session, reach, now=moment)
        unnoticed = waiting.unnoticed(session, reach, now=moment)
        left = to_read(session, community, moment)
        clocks = _clocks(session, community, moment)
        free = _free(session, community, moment)
    return render_template(
        "coordination/today.html",
        errors={},
        community=community,
        day=wording.weekday_and_day(local_day(moment, community.zone)),
        at=wording.hour(moment, community.zone),
        **clocks,
        **free,
        silent=[_silent(member, community) for member in silent],
        left=left,
        untold=call_page.not_arrived(untold, unnoticed, community, moment),
    )


def _clocks(session: Session, community: Community, moment: datetime) -> dict[str, Any]:
    """Return who was promised an appointment and has none, and how the day has gone so far."""
    found = owed.open_promises(session, community.id, now=moment)
    return {
        "promise": figures.promise(session, community.id, community.zone, now=moment),
        "still_open": figures.open_now(session, community.id, now=moment),
        "unanswered": figures.unanswered(session, community.id, now=moment),
        "title": owed_pages.title(found, moment),
        "owed": [owed_pages.line(each, community, moment) for each in found],
    }


def _free(session: Session, community: Community, moment: datetime) -> dict[str, Any]:
    """Return what is free by half-day, by discipline and by town."""
    offers = figures.offers(session, community.id, community.zone, now=moment)
    towns = figures.offers_by_town(session, community.id, community.zone, now=moment)
    return {
        "halves": [staff_words.HALVES[half] for half in Half],
        "offers": [_offer(offer) for offer in offers],
        "towns": [_row(town.what, town) for town in towns],
    }


def _offer(offer: Offer) -> list[Any]:
    label = nomenclature.label(offer.what, wording.language())
    return _row(label[0].upper() + label[1:], offer)


def _row(title: str, offer: Offer) -> list[Any]:
    return [title, *offer.by_half.values(), sum(offer.by_half.values())]


def _silent(member: Silent, community: Community) -> dict[str, str]:
    last = member.last_offer
    return {
        "name": member.name,
        "discipline": nomenclature.label(member.discipline, wording.language()),
        "last": wording.weekday_and_day(local_day(last, community.zone))
        if last
        else _("aucun créneau jusqu’ici"),
    }
