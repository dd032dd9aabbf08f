"""The life of a version: drafted, edited by its author, tested, signed by another, taken back.

Whoever calls has locked the version (`by_reference(…, lock=True)`), so that two people, or two
tabs, wait for each other. What is refused here is refused by the database too.
"""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, undefer

from booking.governance import blocks, journal, states
from booking.governance.journal import Signatory
from booking.governance.texts import Texts, fingerprint
from booking.governance.trial import Trial
from booking.models import (
    Act,
    Assessment,
    CareRequest,
    ProtocolVersion,
    RequestStatus,
    VersionStatus,
)
from schedules.models import Community

LONGEST_WAIT = timedelta(days=90)
"""How long a signature may wait for its first day: later, it is a judgement of another season."""

LONGEST_REASON = 500


class NoSuchVersion(LookupError):
    """No version of that name in this community."""


class NotYours(Exception):
    """A draft is changed by its author alone: who else changed it could then not sign it."""


class NotADraft(Exception):
    """It was signed or taken back: a change is a new draft."""


class NotTested(Exception):
    """Its proofs and cases have not passed since the last change."""


class SamePerson(Exception):
    """Who wrote a version does not approve it."""


class WrongDay(Exception):
    """A first day in the past, or further away than a signature may wait."""


class ChangedMeanwhile(Exception):
    """The text is another than the one that was looked at."""


class ReasonMissing(Exception):
    """Nothing is taken back without a reason."""


def listed(session: Session, community_id: int) -> list[ProtocolVersion]:
    """Return every version of a community, newest first, without its texts."""
    return list(
        session.scalars(
            select(ProtocolVersion)
            .where(ProtocolVersion.community_id == community_id)
            .order_by(ProtocolVersion.number.desc(), ProtocolVersion.id.desc())
        )
    )


def by_reference(
    session: Session, community_id: int, reference: UUID, *, lock: bool = False
) -> ProtocolVersion:
    """Return a version with its texts, locked if it is to be changed.

    Raises:
        NoSuchVersion: if this community has none of that name.
    """
    wanted = (
        select(ProtocolVersion)
        .where(ProtocolVersion.community_id == community_id, ProtocolVersion.reference == reference)
        .options(
            undefer(ProtocolVersion.document),
            undefer(ProtocolVersion.cases),
            undefer(ProtocolVersion.english),
        )
        .execution_options(populate_existing=True)
    )
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NoSuchVersion
    return found


def texts_of(version: ProtocolVersion) -> Texts:
    """Return what a version says."""
    return Texts(version.document, version.cases, version.english)


def draft(
    session: Session,
    community_id: int,
    texts: Texts,
    *,
    protocol: str,
    based_on: ProtocolVersion | None = None,
    by: Signatory,
    now: datetime,
) -> ProtocolVersion:
    """Begin a new version with these texts, under the next free number; `by` is its author.

    A text that says a higher number than any before keeps it, and so keeps its digest.

    Raises:
        blocks.NotBlocks: if a text says no version, or is no YAML.
    """
    numbered = texts.numbered(_next_number(session, community_id, protocol, texts))
    made = ProtocolVersion(
        community_id=community_id,
        reference=uuid4(),
        protocol=protocol,
        number=blocks.version_of(numbered.document),
        based_on_id=based_on and based_on.id,
        status=VersionStatus.DRAFT,
        written_by_id=by.account_id,
        written_by_name=by.name,
        written_at=now,
        **_written(numbered, now),
    )
    session.add(made)
    session.flush()
    act = Act.IMPORTED if based_on is None else Act.DRAFTED
    journal.note(session, made, act, by=by, now=now, detail={"digest": made.digest})
    return made


def _next_number(session: Session, community_id: int, protocol: str, texts: Texts) -> int:
    # One at a time: two people who begin a draft together get two numbers.
    session.execute(
        select(Community.id).where(Community.id == community_id).with_for_update(key_share=True)
    )
    last = session.scalar(
        select(func.max(ProtocolVersion.number)).where(
            ProtocolVersion.community_id == community_id, ProtocolVersion.protocol == protocol
        )
    )
    return max(blocks.version_of(texts.document), (last or 0) + 1)


def _written(texts: Texts, now: datetime) -> dict[str, Any]:
    english = texts.english
    return {
        "document": texts.document,
        "cases": texts.cases,
        "english": english,
        "digest": texts.digest,
        "english_digest": None if english is None else fingerprint(english),
        "changed_at": now,
    }


def edit(
    session: Session,
    version: ProtocolVersion,
    texts: Texts,
    *,
    what: str,
    by: Signatory,
    now: datetime,
) -> None:
    """Keep other texts for a draft; what was tested is so no more. `what` names the block.

    Raises:
        NotADraft: if it was signed or taken back.
        NotYours: if somebody else is its author.
    """
    if version.status not in (VersionStatus.DRAFT, VersionStatus.TESTED):
        raise NotADraft
    if version.written_by_id != by.account_id:
        raise NotYours
    if texts == texts_of(version):
        return
    version.status = VersionStatus.DRAFT
    version.trial = version.tested_by_id = version.tested_by_name = version.tested_at = None
    for name, value in _written(texts, now).items():
        setattr(version, name, value)
    session.flush()
    journal.note(session, version, Act.EDITED, by=by, now=now, detail={"what": what})


def record_trial(
    session: Session, version: ProtocolVersion, trial: Trial, *, by: Signatory, now: datetime
) -> None:
    """Keep what proofs and cases said of exactly these texts; sound ones are TESTED.

    Raises:
        NotADraft: if it was signed or taken back meanwhile.
        ChangedMeanwhile: if its texts are no longer those that were tried.
    """
    if version.status not in (VersionStatus.DRAFT, VersionStatus.TESTED):
        raise NotADraft
    if trial.texts != texts_of(version):
        raise ChangedMeanwhile
    version.status = VersionStatus.TESTED if trial.is_sound else VersionStatus.DRAFT
    version.trial = trial.written()
    version.tested_by_id, version.tested_by_name, version.tested_at = by.account_id, by.name, now
    session.flush()
    journal.note(session, version, Act.TESTED, by=by, now=now, detail={"is_sound": trial.is_sound})


def approve(
    session: Session,
    version: ProtocolVersion,
    *,
    digest: str,
    in_force_from: date,
    today: date,
    by: Signatory,
    now: datetime,
) -> None:
    """Sign a tested version: in force from that day, for twelve months at most.

    `digest` is of the text that was shown to who signs; `today` is where the community is.

    Raises:
        NotTested: if it is no draft whose proofs and cases passed.
        SamePerson: if who signs has written it.
        ChangedMeanwhile: if its text is another than the one that was shown.
        WrongDay: if the first day is over, or too far away.
        ProtocolInvalid: if this program can no longer read it.
    """
    if version.status is not VersionStatus.TESTED:
        raise NotTested
    if version.written_by_id == by.account_id:
        raise SamePerson
    if digest != version.digest:
        raise ChangedMeanwhile
    if not today <= in_force_from <= today + LONGEST_WAIT:
        raise WrongDay
    _ = texts_of(version).version
    version.status = VersionStatus.APPROVED
    version.approved_by_id, version.approved_by_name = by.account_id, by.name
    version.approved_at, version.in_force_from = now, in_force_from
    version.valid_until = states.last_day(in_force_from)
    session.flush()
    detail = {"in_force_from": in_force_from.isoformat(), "digest": digest}
    journal.note(session, version, Act.APPROVED, by=by, now=now, detail=detail)


def withdraw(
    session: Session, version: ProtocolVersion, *, because: str, by: Signatory, now: datetime
) -> None:
    """Take a version back, at once: the one that was in force before it counts again.

    Whoever still waits on its word is asked again before anything is booked, by any door.

    Raises:
        NotADraft: if it was taken back before.
        ReasonMissing: if none is said, or a very long one.
    """
    reason = because.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise ReasonMissing
    if version.status is VersionStatus.WITHDRAWN:
        raise NotADraft
    version.status = VersionStatus.WITHDRAWN
    version.withdrawn_by_id, version.withdrawn_by_name = by.account_id, by.name
    version.withdrawn_at, version.withdrawn_because = now, reason
    session.flush()
    asked_again = _ask_again(session, version.community_id, version.digest)
    journal.note(
        session, version, Act.WITHDRAWN, by=by, now=now, detail={"asked_again": asked_again}
    )


def _ask_again(session: Session, community_id: int, digest: str) -> int:
    """Let the judgements of a text count no more for those who wait; return how many they are."""
    waiting = select(CareRequest.id).where(*_judged_by(community_id, digest))
    done = session.scalars(
        update(CareRequest)
        .where(CareRequest.community_id == community_id, CareRequest.id.in_(waiting))
        .values(assessed_at=None)
        .returning(CareRequest.id)
    )
    return len(done.all())


def _judged_by(community_id: int, digest: str) -> tuple[ColumnElement[bool], ...]:
    theirs = (
        select(Assessment.id)
        .where(
            Assessment.community_id == community_id,
            Assessment.id == CareRequest.assessment_id,
            Assessment.digest == digest,
        )
        .correlate(CareRequest)
    )
    return (
        CareRequest.community_id == community_id,
        CareRequest.status == RequestStatus.OPEN,
        theirs.exists(),
    )


def still_open(session: Session, community_id: int, digest: str) -> int:
    """Return how many people who still wait were judged by the text of this digest."""
    counted = select(func.count()).select_from(CareRequest)
    return session.scalar(counted.where(*_judged_by(community_id, digest))) or 0
