"""What was done to professionals' time in the last minutes, by whom, and taking it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, select
from sqlalchemy.orm import Session

from booking.desk import board, brought_back
from booking.desk.board import Scope
from booking.desk.change import Kept
from booking.links import Links
from schedules import undo as undoing
from schedules.models import Act, ActKind, Opening, Professional, ProfessionalSite, Site, Slot

MOST_SHOWN = 10

NAMES = ("made", "withdrawn", "relocated")
"""Under which an act keeps the slots that it touched."""


class NoSuchAct(LookupError):
    """Nothing of this account's that can be taken back still."""


@dataclass(frozen=True)
class Touched:
    """A slot that somebody opened or took back."""

    reference: UUID
    starts_at: datetime
    ends_at: datetime
    site_name: str
    is_live: bool


@dataclass(frozen=True)
class Done:
    """One thing that was done, with what is needed to say it in words."""

    act: UUID
    kind: ActKind
    at: datetime
    professional: UUID
    professional_name: str
    slots: tuple[Touched, ...]
    skipped: tuple[tuple[datetime, str], ...]
    """Slots that were asked for and not made, and why."""
    is_undone: bool
    may_undo: bool


def note_skipped(
    session: Session, community_id: int, act: UUID, skipped: Sequence[tuple[datetime, str]]
) -> None:
    """Write beside what was opened what was asked for and could not be, and why."""
    row = session.scalars(
        select(Act).where(Act.community_id == community_id, Act.reference == act)
    ).one()
    row.touched = row.touched | {"skipped": [[at.isoformat(), why] for at, why in skipped]}
    session.flush()


def recent(session: Session, scope: Scope, *, now: datetime) -> list[Done]:
    """Return what was done in the last ten minutes to time of this scope, the last first."""
    found = session.execute(
        _acts(scope)
        .where(Act.at > now - undoing.FOR, Act.undone_at.is_(None))
        .order_by(Act.at.desc(), Act.id.desc())
        .limit(MOST_SHOWN)
    ).all()
    return [_done(session, row, now) for row in found if _is_theirs(session, scope, row[0])]


def one(session: Session, scope: Scope, reference: UUID, *, now: datetime) -> Done | None:
    """Return one thing that was done; None where it is not this account's to see."""
    row = session.execute(_acts(scope).where(Act.reference == reference)).one_or_none()
    if row is None or not _is_theirs(session, scope, row[0]):
        return None
    return _done(session, row, now)


def undo(
    session: Session, scope: Scope, reference: UUID, *, by: UUID, links: Links, now: datetime
) -> undoing.Undone:
    """Take one thing back, and return what became of its slots: what patients took stays.

    Appointments that return to the site that they had left are told to both sides.

    Raises:
        NoSuchAct: if it is not this account's.
        schedules.undo.CannotUndo: if it is undone already, too long ago, or changed since.
    """
    act = _theirs(session, scope, reference)
    community = board.community_of(session, scope.community_id)
    # Requests first, as everybody does who changes an appointment.
    returning = brought_back.along(session, act, now=now)
    slots = [kept.slot.reference for kept, _was in returning]
    undone = undoing.undo(session, community, act, along=slots, now=now)
    brought_back.tell(session, returning, by=str(by), links=links, now=now)
    return undone


def to_call(session: Session, scope: Scope, reference: UUID) -> list[Kept]:
    """Return whose appointment went back with what was undone, and whom no message reaches.

    Raises:
        NoSuchAct: if it is not this account's.
    """
    return brought_back.to_call(session, _theirs(session, scope, reference))


def _theirs(session: Session, scope: Scope, reference: UUID) -> Act:
    found = session.execute(_acts(scope).where(Act.reference == reference)).one_or_none()
    if found is None or not _is_theirs(session, scope, found[0]):
        raise NoSuchAct(reference)
    return found[0]


def last_published(session: Session, scope: Scope, *, by: UUID) -> list[Slot]:
    """Return the slots that this account opened last, by time; none before the first time."""
    act = session.scalar(
        select(Act)
        .where(
            Act.community_id == scope.community_id,
            Act.by == by,
            Act.kind == ActKind.PUBLISHED,
            Act.undone_at.is_(None),
        )
        .order_by(Act.at.desc(), Act.id.desc())
        .limit(1)
    )
    wanted = [] if act is None else act.touched.get("made", [])
    return list(
        session.scalars(
            select(Slot)
            .where(scope.slots(), Slot.reference.in_(map(UUID, wanted)))
            .order_by(Slot.starts_at)
        )
    )


def _acts(scope: Scope) -> Select[Act, Professional]:
    theirs: ColumnElement[bool] = Professional.id == scope.professional_id
    if scope.professional_id is None:
        theirs = Professional.id.in_(
            select(ProfessionalSite.professional_id).where(
                ProfessionalSite.community_id == scope.community_id,
                ProfessionalSite.site_id.in_(scope.site_ids),
            )
        )
    return (
        select(Act, Professional)
        .join(
            Professional,
            and_(
                Professional.community_id == Act.community_id,
                Professional.id == Act.professional_id,
            ),
        )
        .where(Act.community_id == scope.community_id, theirs)
        .execution_options(populate_existing=True)
    )


def _done(session: Session, row: Row[Act, Professional], now: datetime) -> Done:
    act, professional = row
    touched = _touched(session, act)
    return Done(
        act=act.reference,
        kind=act.kind,
        at=act.at,
        professional=professional.reference,
        professional_name=professional.name,
        slots=touched,
        skipped=tuple(
            (datetime.fromisoformat(at), why) for at, why in act.touched.get("skipped", [])
        ),
        is_undone=act.undone_at is not None,
        may_undo=act.undone_at is None
        and act.at >= now - undoing.FOR
        and (bool(touched) or act.kind not in (ActKind.PUBLISHED, ActKind.WITHDRAWN)),
    )


def _named(act: Act) -> list[UUID]:
    return [UUID(each) for name in NAMES for each in act.touched.get(name, [])]


def _is_theirs(session: Session, scope: Scope, act: Act) -> bool:
    """Return whether all that was touched is of this scope: a secretary keeps some sites only."""
    if scope.professional_id is not None:
        return True
    if _left_others(session, scope, act):
        return False
    wanted = act.touched.get("opening")
    elsewhere = (
        select(Opening.id).where(
            Opening.reference == UUID(wanted), Opening.site_id.not_in(scope.site_ids)
        )
        if wanted
        else select(Slot.id).where(
            Slot.reference.in_(_named(act)), Slot.site_id.not_in(scope.site_ids)
        )
    )
    return session.scalar(elsewhere.limit(1)) is None


def _left_others(session: Session, scope: Scope, act: Act) -> bool:
    """Return whether slots would go back to a site that this account does not keep."""
    left = {UUID(site) for site in act.touched.get("left", {}).values()}
    others = select(Site.id).where(Site.reference.in_(left), Site.id.not_in(scope.site_ids))
    return bool(left) and session.scalar(others.limit(1)) is not None


def _touched(session: Session, act: Act) -> tuple[Touched, ...]:
    rows = session.execute(
        select(Slot, Site.name)
        .join(Site, and_(Site.community_id == Slot.community_id, Site.id == Slot.site_id))
        .where(Slot.community_id == act.community_id, Slot.reference.in_(_named(act)))
        .order_by(Slot.starts_at)
        .execution_options(populate_existing=True)
    )
    return tuple(
        Touched(s.reference, s.starts_at, s.ends_at, site, s.withdrawn_at is None)
        for s, site in rows
    )
