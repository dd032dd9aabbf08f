"""Who acts at the desk, as the database knows them: what an account may decide is never typed."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from booking.models import Account, Role
from booking.models.calls import MIDWIFE
from booking.triage.protocol import Level
from schedules.models import DOCTOR, Professional

CLINICIANS = (DOCTOR, MIDWIFE)
"""Whose own account may lower a level: doctors, and midwives for what no 15 is called for.

Regulation is an act of a doctor (SR-08); midwives examine and prescribe in their own field. A
coordinator's, operator's or secretary's account never may, whoever sits before it.
"""


class NoSuchActor(LookupError):
    """No open account of that name in this community."""


@dataclass(frozen=True)
class Actor:
    """Somebody on the staff, at the moment at which they act."""

    account: UUID
    name: str
    role: Role
    professional_id: int | None = None
    profession: str | None = None
    """TRE_G15 code, of a professional's own account."""

    @property
    def is_clinician(self) -> bool:
        """Whether this account may lower a level at all."""
        return self.profession in CLINICIANS

    def may_lower(self, level: Level) -> bool:
        """Return whether this account may lower a request that stands at this level."""
        return self.profession == DOCTOR or (self.is_clinician and not level.is_emergency)


def actor(session: Session, community_id: int, account: UUID) -> Actor:
    """Return who acts, with the profession that their own account stands for.

    Raises:
        NoSuchActor: if this community has no open account of that name.
    """
    found = session.execute(
        select(Account, Professional)
        .outerjoin(
            Professional,
            and_(
                Professional.community_id == Account.community_id,
                Professional.id == Account.professional_id,
            ),
        )
        .where(
            Account.community_id == community_id,
            Account.reference == account,
            Account.closed_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        raise NoSuchActor
    row, who = found
    return Actor(
        account=row.reference,
        name=row.display_name,
        role=row.role,
        professional_id=who.id if who else None,
        profession=who.profession if who else None,
    )
