"""What one change of one appointment sends to both sides: by which way, in which words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from booking.links import Links
from booking.models import CareRequest
from notifications import reminders
from notifications.letters import Draft, Way
from notifications.messages import (
    BookingReminder,
    Change,
    Message,
    ProfessionalNotice,
)
from notifications.models import Channel
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


def mail_ways(said: Message, email: str | None) -> tuple[Way, ...]:
    """Return the mail that says the same, for who gave an address."""
    if not email:
        return ()
    way = Way(channel=Channel.EMAIL, recipient=email, subject=said.subject(), text=said.email())
    return (way,)


def _call_ways(said: Message, phone: str) -> tuple[Way, ...]:
    """Return the call that says the same, where it is one to make."""
    words = said.voice()
    return (Way(channel=Channel.VOICE, recipient=phone, text=words),) if words else ()


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


def takes_sms(phone: str) -> bool:
    """Return whether an SMS can reach this number: a landline is told otherwise."""
    try:
        return parse(phone).is_mobile
    except PhoneInvalid:
        return False


def takes_call(phone: str) -> bool:
    """Return whether we call this number: any that is somebody's own in France or overseas."""
    try:
        parse(phone)
    except PhoneInvalid:
        return False
    return True


def told_at(request: CareRequest) -> str | None:
    """Return the number that hears of changes: of whoever wants SMS, or has a landline alone.

    Nobody is asked about SMS on a landline, and whoever is expected there must hear of a change.
    """
    phone = request.phone
    return phone if phone and (request.wants_sms or not takes_sms(phone)) else None


def language_of(language: str) -> Language:
    """Return the language of a message: French unless English was asked for."""
    return "en" if language == "en" else "fr"


@dataclass(frozen=True)
class Post:
    """One change of one appointment, about to be told to both sides."""

    community: Community
    appointment: Appointment
    links: Links
    now: datetime
    is_cancelled: bool = False

    def facts(self) -> dict[str, Any]:
        """Return what every message says: when, where, and the link of the patient."""
        return dict(self._facts)

    @cached_property
    def _facts(self) -> Mapping[str, Any]:
        return {
            "starts_at": self.appointment.starts_at,
            "place": self.appointment.site.name,
            "address": self.appointment.site.address,
            "link": self.links.booking(self.appointment.reference),
            "zone": self.community.zone,
            "language": language_of(self.appointment.language),
            "own": self.community.wording,
        }

    def to_patient(self, said: Message) -> Iterator[Draft]:
        """Return the SMS or the call, and the mail beside it, that this patient can get."""
        phone, email = self.appointment.phone, self.appointment.email
        if phone and takes_sms(phone):
            yield Draft(
                **self._common(said),
                channel=Channel.SMS,
                recipient=phone,
                text=said.sms(),
                fallbacks=_call_ways(said, phone),
            )
        elif phone and takes_call(phone):
            for call in _call_ways(said, phone):
                yield Draft(**self._common(said), **vars(call))
        if email:
            shown = patient_entry(
                self.appointment, is_cancelled=self.is_cancelled, links=self.links
            )
            yield self._mail(said, shown, email, has_accepted=False)

    def reminder(self) -> Iterator[Draft]:
        """Return the one reminder of an appointment of another day: SMS, call or mail, no more."""
        starts_at = self.appointment.starts_at
        moment = reminders.reminder_at(starts_at, booked_at=self.now, zone=self.community.zone)
        drafts = list(self.to_patient(BookingReminder(**self.facts()))) if moment else []
        for first in drafts[:1]:
            by_mail = mail_ways(BookingReminder(**self.facts()), self.appointment.email)
            # No calendar entry: the one of the confirmation stands.
            yield replace(
                first,
                send_at=moment or self.now,
                invitation=None,
                fallbacks=() if first.channel is Channel.EMAIL else by_mail,
            )

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
            "language": said.language,
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
