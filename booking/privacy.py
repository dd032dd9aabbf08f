"""Forget what is past its term: what was answered, then who it was; what is left names nobody.

How long each kind is kept is said in booking/retention.py. Of a request stay its moments, its level
and how it ended: what figures are made of.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import (
    CTE,
    ColumnElement,
    and_,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from booking.audit import chain
from booking.desk import quiet_accounts
from booking.models import (
    Assessment,
    Booking,
    BookingStatus,
    CareRequest,
    HalfSignIn,
    IdempotencyKey,
    Invitation,
    KnownDevice,
    NationalProof,
    PasswordReset,
    RequestStatus,
    SignInFailure,
    SmsAsked,
    StaffSession,
    Tombstone,
    VisitorAct,
    VisitorDid,
)
from booking.retention import TERMS, Kind, Terms
from config.database import Base, OpenTransaction
from notifications.models import InboundMessage, OutboxMessage, Status
from schedules.models import Slot

BATCH = 500
"""Rows of each kind in one transaction: nobody who books waits for this."""

PATIENCE = text("SET LOCAL statement_timeout = '60s'")
"""It looks through whole tables at night, unlike any page."""


@dataclass(frozen=True)
class Forgotten:
    """How many rows of each kind were emptied or deleted."""

    drafts: int = 0
    answers: int = 0
    assessments: int = 0
    identities: int = 0
    messages: int = 0
    replies: int = 0
    sessions: int = 0
    sign_in_failures: int = 0
    sign_in_steps: int = 0
    known_devices: int = 0
    sms_asked: int = 0
    visits: int = 0
    idempotency_keys: int = 0
    invitations: int = 0
    accounts: int = 0
    audit_lines: int = 0
    tombstones: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(astuple(self))

    def __add__(self, other: Self) -> "Forgotten":
        """Return the sum, kind by kind."""
        return Forgotten(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def forget(session: Session, *, now: datetime, terms: Terms = TERMS) -> Forgotten:
    """Empty or delete up to 500 rows of each kind that are past their term.

    Done again it takes the next ones; once there are none it does nothing. Rows that somebody
    is changing at this moment are left for the next time.
    """
    session.execute(PATIENCE)
    past = {kind: now - kept for kind, kept in terms.items()}
    quiet_accounts.remember(session, before=past[Kind.SESSIONS])
    quiet_accounts.warn(session, kept=terms[Kind.ACCOUNTS], now=now)
    return Forgotten(
        drafts=_emptied(
            session, CareRequest, _is_left(past[Kind.DRAFTS]), {**NO_ANSWERS, **NO_IDENTITY}
        ),
        answers=_emptied(session, CareRequest, _has_answers(past[Kind.ANSWERS]), NO_ANSWERS),
        assessments=_emptied(session, Assessment, _has_reasons(past[Kind.ANSWERS]), NO_REASONS),
        identities=_emptied(session, CareRequest, _has_identity(past[Kind.IDENTITY]), NO_IDENTITY),
        messages=_emptied(session, OutboxMessage, _has_text(past[Kind.MESSAGES]), NO_TEXT),
        replies=_deleted(session, InboundMessage, InboundMessage.came_at <= past[Kind.REPLIES]),
        sessions=_deleted(session, StaffSession, StaffSession.last_seen_at <= past[Kind.SESSIONS]),
        sign_in_failures=_deleted(session, SignInFailure, SignInFailure.at <= past[Kind.SIGN_INS]),
        sign_in_steps=_deleted(session, HalfSignIn, HalfSignIn.made_at <= past[Kind.SIGN_INS])
        + _deleted(session, PasswordReset, PasswordReset.asked_at <= past[Kind.SIGN_INS])
        + _deleted(session, NationalProof, NationalProof.made_at <= past[Kind.SIGN_INS]),
        known_devices=_deleted(
            session, KnownDevice, KnownDevice.last_seen_at <= past[Kind.KNOWN_DEVICES]
        ),
        sms_asked=_deleted(session, SmsAsked, SmsAsked.at <= past[Kind.SIGN_INS]),
        visits=_deleted(session, VisitorAct, _is_past(past)),
        idempotency_keys=forget_keys(session, now=now, terms=terms),
        invitations=_deleted(session, Invitation, Invitation.ended_at <= past[Kind.INVITATIONS]),
        accounts=quiet_accounts.close(session, kept=terms[Kind.ACCOUNTS], now=now),
        audit_lines=chain.forget(session, past=past[Kind.AUDIT]),
        tombstones=_deleted(session, Tombstone, Tombstone.erased_at <= past[Kind.TOMBSTONES]),
    )


def _is_past(past: Mapping[Kind, datetime]) -> ColumnElement[bool]:
    has_booked = VisitorAct.kind == VisitorDid.BOOKED
    return or_(
        and_(~has_booked, VisitorAct.at <= past[Kind.VISITORS]),
        VisitorAct.at <= past[Kind.VISITORS_WHO_BOOKED],
    )


def forget_keys(session: Session, *, now: datetime, terms: Terms = TERMS) -> int:
    """Delete up to 500 answers to partners' writes that nobody may repeat any more."""
    past = now - terms[Kind.PARTNER_ANSWERS]
    return _deleted(session, IdempotencyKey, IdempotencyKey.created_at <= past)


def forget_all(
    open_transaction: OpenTransaction, *, now: datetime, terms: Terms = TERMS
) -> Forgotten:
    """Forget everything that is past its term, in short transactions, and return what it was."""
    whole = Forgotten()
    while True:
        with open_transaction() as session:
            part = forget(session, now=now, terms=terms)
            if not part.total:
                quiet_accounts.tell_of_the_last(session, kept=terms[Kind.ACCOUNTS], now=now)
                return whole
        whole += part


NO_ANSWERS: Mapping[str, Any] = {
    "complaints": [],
    "answers": None,
    "note": None,
    "pregnant": None,
    # The signs that somebody's own words made us ask again betray the words.
    "reasked": [],
}
NO_REASONS: Mapping[str, Any] = {
    "patient": None,
    "complaints": [],
    "answers": None,
    "reasons": None,
    # These two betray the complaint as well as its name would.
    "routes": [],
    "safety_net": None,
}
NO_IDENTITY: Mapping[str, Any] = {
    "family_name": None,
    "given_name": None,
    "name_keys": [],
    "phone": None,
    "phone_key": None,
    "email": None,
    "current_address": None,
    "birth_date": None,
    "age_months": None,
    "sex": None,
    "commune_insee": None,
    "latitude": None,
    "longitude": None,
    "has_regular_doctor": None,
    "regular_doctor": None,
    "call_back_hours": None,
    "link_hash": None,
}
NO_TEXT: Mapping[str, Any] = {
    "text": None,
    "subject": None,
    "recipient": None,
    # Two mails of one change differ by their recipient alone, and stay two.
    "recipient_key": func.uuid_send(OutboxMessage.reference),
    "invitation": None,
    "fallbacks": None,
    "provider_id": None,
}


def _is_over(past: datetime) -> ColumnElement[bool]:
    """Whether the request, and the appointment it led to, had ended by then."""
    appointment = (
        select(func.max(Slot.ends_at))
        .join(Booking, and_(Booking.community_id == Slot.community_id, Booking.slot_id == Slot.id))
        .where(
            Booking.community_id == CareRequest.community_id,
            Booking.request_id == CareRequest.id,
            Booking.status != BookingStatus.CANCELLED,
        )
        .correlate(CareRequest)
        .scalar_subquery()
    )
    return and_(
        CareRequest.created_at <= past,
        or_(appointment.is_(None), appointment <= past),
    )


def _is_left(past: datetime) -> ColumnElement[bool]:
    """Whether nobody finished this form, and no call was promised: that is owed all the same."""
    return and_(
        CareRequest.status == RequestStatus.DRAFT,
        CareRequest.call_back_asked_at.is_(None),
        CareRequest.created_at <= past,
        or_(_says_what(), _says_who()),
    )


def _has_answers(past: datetime) -> ColumnElement[bool]:
    return and_(_says_what(), _is_over(past))


def _says_what() -> ColumnElement[bool]:
    return or_(
        CareRequest.answers.is_not(None),
        func.cardinality(CareRequest.complaints) > 0,
        CareRequest.note.is_not(None),
        CareRequest.pregnant.is_not(None),
    )


def _has_reasons(past: datetime) -> ColumnElement[bool]:
    request_is_over = (
        select(CareRequest.id)
        .where(
            CareRequest.community_id == Assessment.community_id,
            CareRequest.id == Assessment.request_id,
            _is_over(past),
        )
        .correlate(Assessment)
        .exists()
    )
    return and_(
        or_(
            Assessment.patient.is_not(None),
            Assessment.answers.is_not(None),
            func.cardinality(Assessment.complaints) > 0,
            Assessment.safety_net.is_not(None),
        ),
        Assessment.assessed_at <= past,
        request_is_over,
    )


def _has_identity(past: datetime) -> ColumnElement[bool]:
    return and_(_says_who(), _is_over(past))


def _says_who() -> ColumnElement[bool]:
    return or_(
        *(getattr(CareRequest, name).is_not(None) for name in NO_IDENTITY if name != "name_keys")
    )


def _has_text(past: datetime) -> ColumnElement[bool]:
    return and_(
        OutboxMessage.text.is_not(None),
        OutboxMessage.expires_at <= past,
        OutboxMessage.status.not_in((Status.WAITING, Status.SENDING)),
    )


def _picked(table: type[Base], past: ColumnElement[bool]) -> CTE:
    """Choose a batch and lock it, passing over what somebody else has locked."""
    keys = table.__table__.primary_key.columns  # type: ignore[attr-defined]  # __table__ is typed FromClause
    return (select(*keys).where(past).limit(BATCH).with_for_update(skip_locked=True, of=table)).cte(
        "picked"
    )


def _is_in(table: type[Base], picked: CTE) -> ColumnElement[bool]:
    keys = table.__table__.primary_key.columns  # type: ignore[attr-defined]  # as above
    return tuple_(*keys).in_(select(picked))


def _emptied(
    session: Session, table: type[Base], past: ColumnElement[bool], nothing: Mapping[str, Any]
) -> int:
    picked = _picked(table, past)
    done = session.execute(
        update(table)
        .where(_is_in(table, picked))
        .values(**nothing)
        .execution_options(synchronize_session=False)
    )
    return done.rowcount  # type: ignore[no-any-return,attr-defined]  # a CursorResult, typed Result


def _deleted(session: Session, table: type[Base], past: ColumnElement[bool]) -> int:
    picked = _picked(table, past)
    done = session.execute(
        delete(table).where(_is_in(table, picked)).execution_options(synchronize_session=False)
    )
    return done.rowcount  # type: ignore[no-any-return,attr-defined]  # as above
