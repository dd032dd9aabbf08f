"""The tenant: a CPTS, and what it has chosen for itself."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, CheckConstraint, Identity, SmallInteger, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config import sealed
from config.database import Base, Reference


class Community(sealed.Row, Base):
    """A CPTS: the tenant. Every other row belongs to exactly one."""

    __tablename__ = "community"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    reference: Mapped[Reference] = mapped_column(unique=True)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    """Short name for addresses and commands: `cpts-vallee-de-l-orbe`."""
    finess: Mapped[str | None]
    zone_name: Mapped[str] = mapped_column(server_default="Europe/Paris")
    phone: Mapped[str]
    """The line where somebody fills the form with the caller, as people read it."""
    email: Mapped[str]
    """Mailbox that exists: organiser of every calendar entry."""
    opens_at: Mapped[time]
    closes_at: Mapped[time]
    """Wall time, in the zone, between which the line is answered, Monday to Saturday."""
    legal_rules: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    """What of the law this community uses: ids of config/legal_rules.yaml, none until chosen."""
    ladder: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """To whom unused reserved time is released, and when: see schedules.ladder."""
    holidays: Mapped[str] = mapped_column(server_default="FR")
    """Whose public holidays count: `FR`, or its ISO 3166-2 part as `FR-57`, `FR-974`."""
    school_zone: Mapped[str | None]
    """Zone A, B or C, or an overseas territory, for school holidays; none where nobody asks."""
    alarm_percents: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger), server_default="{50,75,90}"
    )
    """After how much of a promise's time operators, coordinator and who is on call have to look."""
    on_call_phone = sealed.text()
    """E.164: whoever is called last when nobody else has found an appointment."""
    wording: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What it tells patients in its own words, by case, part and language; ours for all others.

    With the community itself and not in a table of its own: whoever writes a message has the
    community at hand, so that a booking costs no query more. See notifications.own_words.
    """
    cascade: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """Whether professionals are asked when nothing is free, and how: see booking.desk.cascade."""
    promises_checked_at: Mapped[datetime | None]
    promises_wrong: Mapped[int] = mapped_column(server_default="0")
    """Requests whose promise was not as it should be, when all were last checked."""

    __table_args__ = (
        CheckConstraint(
            "cardinality(alarm_percents) = 3 AND alarm_percents[1] >= 1"
            " AND alarm_percents[2] > alarm_percents[1] AND alarm_percents[3] > alarm_percents[2]"
            " AND alarm_percents[3] <= 99",
            name="alarms_follow_each_other",
        ),
    )

    @property
    def zone(self) -> ZoneInfo:
        """The zone of every hour that people of this territory read."""
        return ZoneInfo(self.zone_name)
