"""Which messages a change of an appointment makes due, written in that change's transaction."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from booking.desk.post import (
    Appointment,
    Post,
    Where,
    language_of,
    mail_ways,
    patient_entry,
    takes_call,
    takes_sms,
    told_at,
)
from booking.links import Links
from booking.models import CareRequest
from notifications import outbox
from notifications.letters import Draft
from notifications.messages import (
    BookingCancelled,
    BookingConfirmed,
    BookingMoved,
    BookingRelocated,
    By,
    CallBackPromised,
    Change,
    RunningLate,
)
from notifications.models import Channel, Kind
from schedules.models import Community

__all__ = [
    "Appointment",
    "Where",
    "language_of",
    "patient_entry",
    "takes_call",
    "takes_sms",
    "told_at",
]
"""What an appointment is to messages, and who can be told how: asked of this module."""


def confirmed(
    session: Session, community: Community, appointment: Appointment, *, links: Links, now: datetime
) -> None:
    """Promise the patient's confirmation and the professional's notice."""
    post = Post(community, appointment, links, now)
    said = BookingConfirmed(**post.facts())
    outbox.promise(
        session,
        *post.to_patient(said),
        *post.to_professional(Change.BOOKED),
        *post.reminder(),
    )


def moved(
    session: Session,
    community: Community,
    appointment: Appointment,
    *,
    was: Appointment,
    links: Links,
    now: datetime,
) -> None:
    """Call back what told of the former hour, and tell of the new one; also whoever was left.

    `was` is the appointment before: where and when nobody comes any more.
    """
    _call_back(session, community, was, appointment, now=now)
    post = Post(community, appointment, links, now)
    said = BookingMoved(**post.facts(), before=was.starts_at)
    outbox.promise(
        session,
        *post.to_patient(said),
        *post.to_professional(Change.MOVED),
        *post.reminder(),
    )
    if was.professional_email != appointment.professional_email:
        left = replace(was, version=appointment.version, changed_at=appointment.changed_at)
        gone = Post(community, left, links, now, is_cancelled=True)
        outbox.promise(session, *gone.to_professional(Change.CANCELLED))


def relocated(
    session: Session,
    community: Community,
    appointment: Appointment,
    *,
    was: Appointment,
    links: Links,
    now: datetime,
) -> None:
    """Call back what told of the former site, and tell both sides of the new one."""
    _call_back(session, community, was, appointment, now=now)
    post = Post(community, appointment, links, now)
    said = BookingRelocated(**post.facts(), before=was.site.name)
    outbox.promise(
        session,
        *post.to_patient(said),
        *post.to_professional(Change.MOVED),
        *post.reminder(),
    )


def cancelled(
    session: Session,
    community: Community,
    appointment: Appointment,
    *,
    by: By,
    kept_until: datetime | None = None,
    links: Links,
    now: datetime,
) -> None:
    """Call back what told of the appointment, and tell both sides that it is no more.

    Whom the practice cancelled finds what comes next on the appointment's own page, and other
    appointments until `kept_until` if some are kept; who cancelled makes a new request.
    """
    _call_back(session, community, appointment, now=now)
    post = Post(community, appointment, links, now, is_cancelled=True)
    elsewhere = {"link": links.base_url + "/"} if by is By.PATIENT else {}
    said = BookingCancelled(**post.facts() | elsewhere, by=by, kept_until=kept_until)
    outbox.promise(session, *post.to_patient(said), *post.to_professional(Change.CANCELLED))


def _call_back(
    session: Session, community: Community, *known_as: Appointment, now: datetime
) -> None:
    """Call back what tells of an appointment as it was; goodbyes to former professionals leave."""
    emails = [each.professional_email for each in known_as if each.professional_email]
    outbox.withdraw(session, community.id, known_as[0].reference, notices_to=emails, now=now)


def late(
    session: Session,
    community: Community,
    appointment: Appointment,
    minutes: int,
    *,
    number: int,
    links: Links,
    now: datetime,
) -> None:
    """Tell the patient that they will wait: the `number`th such message about this appointment."""
    post = Post(community, replace(appointment, version=number), links, now)
    said = RunningLate(**post.facts(), minutes=minutes)
    ends = appointment.starts_at + timedelta(minutes=minutes)
    # No calendar entry comes with it: the appointment stays at its hour.
    outbox.promise(
        session,
        *(replace(each, invitation=None, expires_at=ends) for each in post.to_patient(said)),
    )


def nothing_more(session: Session, request: CareRequest, *, now: datetime) -> None:
    """Call back what was promised about a request that has an appointment, or has ended."""
    outbox.withdraw(session, request.community_id, request.reference, now=now)


def call_back_promised(
    session: Session, community: Community, request: CareRequest, *, links: Links, now: datetime
) -> None:
    """Tell a patient for whom nothing is free who calls them, and by when at the latest."""
    if request.deadline is None or not request.phone or not takes_sms(request.phone):
        return
    said = CallBackPromised.of(
        caller=community.name,
        by=_as_a_day_ends(request.call_by or request.deadline, community.zone),
        link=links.request(request.reference),
        zone=community.zone,
        language=language_of(request.language),
        own=community.wording,
    )
    outbox.promise(
        session,
        Draft(
            community_id=community.id,
            about=request.reference,
            version=0,
            kind=Kind.CALL_BACK,
            channel=Channel.SMS,
            recipient=request.phone,
            text=said.sms(),
            send_at=now,
            expires_at=request.deadline,
            language=said.language,
            fallbacks=mail_ways(said, request.email),
        ),
    )


def _as_a_day_ends(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return midnight as the minute before it: « mardi avant 0 h » would be read as Tuesday."""
    is_midnight = moment.astimezone(zone).time() == time()
    return moment - timedelta(minutes=1) if is_midnight else moment
