"""Which messages a change of an appointment makes due, written in that change's transaction."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from booking.links import Links
from booking.models import CareRequest
from notifications import outbox
from notifications.letters import Draft
from notifications.messages import (
    BookingCancelled,
    BookingConfirmed,
    BookingMoved,
    By,
    CallBackPromised,
    Change,
    Message,
    ProfessionalNotice,
    RunningLate,
)
from notifications.models import Channel, Kind
from notifications.phones import PhoneInvalid, parse
from notifications.texts import Language
from schedules import ics
from schedules.models import Community

FOR_PATIENT = {"fr": "Rendez-vous de soins", "en": "Health care appointment"}
FOR_PROFESSIONAL = "RDV soins non programmés"
"""What calendars show: neither a name nor a reason."""


@dataclass(frozen=True)
class Where:
    """A place, as somebody who has to find it needs it."""

    name: str
    address: str
    phone: str


@dataclass(frozen=True)
class Appointment:
    """All that messages may know of an appointment: when, where, and how to reach both sides."""

    reference: UUID
    version: int
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    site: Where
    professional_email: str | None
    phone: str | None
    email: str | None
    language: str


def confirmed(
    session: Session, community: Community, appointment: Appointment, *, links: Links, now: datetime
) -> None:
    """Promise the patient's confirmation and the professional's notice."""
    post = _Post(community, appointment, links, now)
    said = BookingConfirmed(**post.facts())
    outbox.promise(session, *post.to_patient(said), *post.to_professional(Change.BOOKED))


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
    post = _Post(community, appointment, links, now)
    said = BookingMoved(**post.facts(), before=was.starts_at)
    outbox.promise(session, *post.to_patient(said), *post.to_professional(Change.MOVED))
    if was.professional_email != appointment.professional_email:
        left = replace(was, version=appointment.version, changed_at=appointment.changed_at)
        gone = _Post(community, left, links, now, is_cancelled=True)
        outbox.promise(session, *gone.to_professional(Change.CANCELLED))


def cancelled(
    session: Session,
    community: Community,
    appointment: Appointment,
    *,
    by: By,
    links: Links,
    now: datetime,
) -> None:
    """Call back what told of the appointment, and tell both sides that it is no more."""
    _call_back(session, community, appointment, now=now)
    post = _Post(community, appointment, links, now, is_cancelled=True)
    said = BookingCancelled(**post.facts() | {"link": links.base_url + "/"}, by=by)
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
    post = _Post(community, replace(appointment, version=number), links, now)
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
        ),
    )


def patient_entry(appointment: Appointment, *, is_cancelled: bool, links: Links) -> ics.Entry:
    """Return what the patient's own calendar may show."""
    link = links.booking(appointment.reference)
    return _entry(
        appointment,
        FOR_PATIENT[language_of(appointment.language)],
        f"{appointment.site.phone}\n{link}",
        link,
        is_cancelled=is_cancelled,
    )


def _as_a_day_ends(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return midnight as the minute before it: « mardi avant 0 h » would be read as Tuesday."""
    is_midnight = moment.astimezone(zone).time() == time()
    return moment - timedelta(minutes=1) if is_midnight else moment


def takes_sms(phone: str) -> bool:
    """Return whether an SMS can reach this number: a landline is told otherwise."""
    try:
        return parse(phone).is_mobile
    except PhoneInvalid:
        return False


def language_of(language: str) -> Language:
    """Return the language of a message: French unless English was asked for."""
    return "en" if language == "en" else "fr"


@dataclass(frozen=True)
class _Post:
    """One change of one appointment, about to be told to both sides."""

    community: Community
    appointment: Appointment
    links: Links
    now: datetime
    is_cancelled: bool = False

    def facts(self) -> dict[str, Any]:
        """Return what every message says: when, where, and the link of the patient."""
        return {
            "starts_at": self.appointment.starts_at,
            "place": self.appointment.site.name,
            "address": self.appointment.site.address,
            "link": self.links.booking(self.appointment.reference),
            "zone": self.community.zone,
            "language": language_of(self.appointment.language),
        }

    def to_patient(self, said: Message) -> Iterator[Draft]:
        """Return the SMS and the mail that this patient can get."""
        phone, email = self.appointment.phone, self.appointment.email
        if phone and takes_sms(phone):
            yield Draft(**self._common(said), channel=Channel.SMS, recipient=phone, text=said.sms())
        if email:
            shown = patient_entry(
                self.appointment, is_cancelled=self.is_cancelled, links=self.links
            )
            yield self._mail(said, shown, email, has_accepted=False)

    def to_professional(self, change: Change) -> Iterator[Draft]:
        """Return the mail that a professional with an address gets: time and place, no more."""
        email = self.appointment.professional_email
        if not email:
            return
        facts = self.facts() | {"link": self.links.day(), "language": "fr"}
        shown = _entry(
            self.appointment,
            FOR_PROFESSIONAL,
            self.links.day(),
            self.links.day(),
            is_cancelled=self.is_cancelled,
        )
        yield self._mail(
            ProfessionalNotice(**facts, change=change), shown, email, has_accepted=True
        )

    def _common(self, said: Message) -> dict[str, Any]:
        return {
            "community_id": self.community.id,
            "about": self.appointment.reference,
            "version": self.appointment.version,
            "kind": said.kind,
            "send_at": self.now,
            "expires_at": self.appointment.starts_at,
        }

    def _mail(self, said: Message, shown: ics.Entry, address: str, *, has_accepted: bool) -> Draft:
        return Draft(
            **self._common(said),
            channel=Channel.EMAIL,
            recipient=address,
            subject=said.subject(),
            text=said.email(),
            invitation=ics.written(
                ics.Invitation(
                    entry=shown,
                    host=self.links.host,
                    organizer=self.community.email,
                    attendee=address,
                    has_accepted=has_accepted,
                )
            ),
        )


def _entry(
    appointment: Appointment, summary: str, description: str, url: str, *, is_cancelled: bool
) -> ics.Entry:
    """Return the calendar entry of an appointment: the same for life but for its version."""
    return ics.Entry(
        reference=appointment.reference,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        changed_at=appointment.changed_at,
        version=appointment.version,
        is_cancelled=is_cancelled,
        summary=summary,
        location=f"{appointment.site.name}, {appointment.site.address}",
        description=description,
        url=url,
    )
