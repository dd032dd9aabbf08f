"""The coordinator's day in figures: what was promised, what is left, who offers nothing."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.desk import board, figures, waiting
from booking.desk.figures import Half, Offer, Silent
from booking.extensions import db, now
from booking.models import Role
from booking.web import call_page, staff_words, wording
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


@coordination.get("/coordination")
@guards.open_to(Role.COORDINATOR)
def today() -> ResponseReturnValue:
    """Show today in figures, what is free by half-day, silent members, messages not arrived."""
    moment, reach = now(), reach_of(guards.identity())
    with transaction(db.session) as session:
        community = board.community_of(session, reach.community_id)
        zone = community.zone
        promise = figures.promise(session, community.id, zone, now=moment)
        offers = figures.offers(session, community.id, zone, now=moment)
        silent = figures.silent_members(session, community.id, now=moment)
        still_open = figures.open_now(session, community.id, now=moment)
        untold = waiting.untold(session, reach, now=moment)
        unnoticed = waiting.unnoticed(session, reach, now=moment)
        left = to_read(session, community, moment)
    return render_template(
        "coordination/today.html",
        errors={},
        community=community,
        day=wording.weekday_and_day(local_day(moment, zone)),
        promise=promise,
        still_open=still_open,
        halves=[staff_words.HALVES[half] for half in Half],
        offers=[_offer(offer) for offer in offers],
        silent=[_silent(member, community) for member in silent],
        left=left,
        untold=call_page.not_arrived(untold, unnoticed, community, moment),
    )


def _offer(offer: Offer) -> list[Any]:
    label = nomenclature.label(offer.discipline, wording.language())
    return [label[0].upper() + label[1:], *offer.by_half.values(), sum(offer.by_half.values())]


def _silent(member: Silent, community: Community) -> dict[str, str]:
    last = member.last_offer
    return {
        "name": member.name,
        "discipline": nomenclature.label(member.discipline, wording.language()),
        "last": wording.weekday_and_day(local_day(last, community.zone))
        if last
        else _("aucun créneau jusqu’ici"),
    }
