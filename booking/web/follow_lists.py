"""Lists of those whom somebody still has to make sure of, as plain values for pages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from booking.desk import callers, calls, nothing_free, offered, second_look, transfers
from booking.desk.reach import Reach
from booking.extensions import equipment
from booking.models import CallerIs
from booking.web import staff_words, wording
from config.clock import local_day
from schedules.models import Community

Line = dict[str, Any]


def _who(each: Any, community: Community, moment: datetime) -> Line:
    """Return who somebody is: name or none, age, number."""
    today = local_day(moment, community.zone)
    has_name = each.family_name or each.given_name
    return {
        "reference": each.reference,
        "name": staff_words.person(each.family_name, each.given_name) if has_name else "",
        "age": staff_words.age(each.birth_date, getattr(each, "age_months", None), today),
        "phone": each.phone and wording.spaced(each.phone),
    }


def interrupted(
    session: Session, reach: Reach, community: Community, account: UUID, moment: datetime
) -> list[Line]:
    """Return the calls that have not ended, one's own first, with what is known of each."""
    protocol = equipment().protocol(wording.language(), community.id)
    return [
        {
            **_who(each, community, moment),
            "since": wording.short_day_and_hour(each.since, community.zone, now=moment),
            "ago": staff_words.span(moment - each.since),
            "is_own": each.is_own,
            "is_suspended": each.is_suspended,
            "owner": each.owner_name or "",
            "commune": each.commune or "",
            "complaints": staff_words.complaints(each.complaints, protocol),
            "is_elsewhere": each.caller is CallerIs.ELSEWHERE,
        }
        for each in calls.interrupted(session, reach, account=account, now=moment)
    ]


def to_recheck(
    session: Session, reach: Reach, community: Community, moment: datetime
) -> list[Line]:
    """Return those sent to the 15, and forms left with a sign, until somebody has made sure."""
    signs = transfers.signs_of(equipment().protocol("fr", community.id))
    return [
        {
            **_who(each, community, moment),
            "state": staff_words.TRANSFERS[each.state],
            "is_settled": each.state in transfers.IS_SETTLED,
            "is_overdue": each.is_overdue,
            "is_abandoned": each.is_abandoned,
            "since": wording.short_day_and_hour(each.since, community.zone, now=moment),
            "clock": staff_words.clock(each.recheck_by, moment),
            "commune": each.commune or "",
            "address": each.current_address or "",
            "tries": each.tries,
            "last_by": each.last_by or "",
        }
        for each in transfers.waiting(session, reach, signs=signs, now=moment)
    ]


def looks(
    session: Session, reach: Reach, community: Community, account: UUID, moment: datetime
) -> list[Line]:
    """Return the advice that waits for a second person."""
    protocol = equipment().protocol(wording.language(), community.id)
    return [
        {
            **_who(each, community, moment),
            "why": ", ".join(str(staff_words.LOOKS[reason]) for reason in each.why),
            "clock": staff_words.clock(each.due_at, moment),
            "is_late": each.is_late,
            "may_be_mine": each.may_be_mine,
            "complaints": staff_words.complaints(each.complaints, protocol),
        }
        for each in second_look.waiting(session, reach, account=account, now=moment)
    ]


def for_doctors(
    session: Session, reach: Reach, community: Community, moment: datetime
) -> list[Line]:
    """Return the needs of today for which nothing is free: a doctor decides."""
    protocol = equipment().protocol(wording.language(), community.id)
    return [
        {
            **_who(each, community, moment),
            "clock": staff_words.clock(each.deadline, moment) if each.deadline else "",
            "is_late": each.deadline is not None and each.deadline <= moment,
            "complaints": staff_words.complaints(each.complaints, protocol),
        }
        for each in nothing_free.for_doctors(session, reach, now=moment)
    ]


def places(session: Session, reach: Reach, community: Community, moment: datetime) -> list[Line]:
    """Return the slots that are kept for those who wait, calls to make first."""
    return [
        {
            "reference": each.request,
            "name": staff_words.person(each.family_name, each.given_name)
            if each.family_name or each.given_name
            else "",
            "phone": each.phone and wording.spaced(each.phone),
            "when": wording.short_day_and_hour(each.starts_at, community.zone, now=moment),
            "who": each.professional,
            "where": each.site_name,
            "until": wording.hour(each.until, community.zone),
            "is_to_call": each.is_to_call,
        }
        for each in offered.live(session, reach, now=moment)
    ]


def search(
    session: Session, reach: Reach, community: Community, text: str, moment: datetime
) -> list[Line]:
    """Return what one box finds: requests and appointments, today and a week around it."""
    return [
        {
            **_who(each, community, moment),
            "status": staff_words.ENDED.get(each.status, staff_words.OPEN_NOW),
            "booking": each.booking,
            "when": wording.day_and_hour(each.starts_at, community.zone, now=moment)
            if each.starts_at
            else "",
            "asked": wording.short_day_and_hour(each.asked_at, community.zone, now=moment),
            "where": each.site_name or "",
            "code": each.code or "",
            "is_to_come": each.starts_at is not None and each.starts_at > moment,
        }
        for each in callers.search(session, reach, text, now=moment)
    ]
