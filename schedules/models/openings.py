"""Tables of reserved time: openings, the days they skip, absences, and what may be undone."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, CommunityId, Id, Reference
from schedules.models.supply import AppointmentType, Codes, Mode

WEEKDAYS_ARE_DAYS = "weekdays <@ '{1,2,3,4,5,6,7}' AND cardinality(weekdays) > 0"


class Opening(Base):
    """Time that a professional reserves at a site, once or week after week; it makes slots.

    Days and hours are those of walls in the community's zone: nine o'clock stays nine o'clock
    when clocks change. Who changes an opening ends this row and writes another: what was booked
    of it keeps pointing here.
    """

    __tablename__ = "opening"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int] = mapped_column(BigInteger)
    site_id: Mapped[int] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """The last day, included; the first day for one that happens once; none: until ended."""
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    """ISO numbers, Monday is 1."""
    every_weeks: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """2 for alternate weeks, counted from the week of `starts_on`."""
    from_time: Mapped[time]
    until_time: Mapped[time]
    slot_minutes: Mapped[int] = mapped_column(SmallInteger)
    pause_minutes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    most_slots: Mapped[int | None] = mapped_column(SmallInteger)
    """No more slots than this a day, the first ones; none: as many as fit."""
    capacity: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """How many patients come at the same time: each is a slot, in a lane of its own."""
    mode: Mapped[Mode] = mapped_column(server_default="AMB")
    appointment_type: Mapped[AppointmentType] = mapped_column(server_default="ROUTINE")
    visibility: Mapped[list[str]] = mapped_column(Codes)
    complaints: Mapped[list[str]] = mapped_column(Codes, server_default="{}")
    only_own_patients: Mapped[bool] = mapped_column(server_default="false")
    """Nobody whom this professional does not know: no first-time patients."""
    on_public_holidays: Mapped[bool] = mapped_column(server_default="false")
    in_school_holidays: Mapped[bool] = mapped_column(server_default="true")
    ladder: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    """Its own steps (see schedules.ladder); none: the community's."""
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    made_until: Mapped[date | None]
    """The last day for which its slots were made: the night goes on from there."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        ForeignKeyConstraint(["community_id", "site_id"], ["site.community_id", "site.id"]),
        UniqueConstraint("community_id", "reference", name="uq_opening_reference"),
        CheckConstraint("until_time > from_time", name="ends_after_start"),
        CheckConstraint("ends_on >= starts_on", name="last_day_after_first"),
        CheckConstraint(WEEKDAYS_ARE_DAYS, name="weekdays_are_days"),
        CheckConstraint("every_weeks BETWEEN 1 AND 4", name="weeks_are_few"),
        CheckConstraint("slot_minutes BETWEEN 5 AND 60", name="slot_is_a_visit"),
        CheckConstraint("pause_minutes BETWEEN 0 AND 60", name="pause_is_short"),
        CheckConstraint("most_slots > 0", name="makes_slots"),
        CheckConstraint("capacity BETWEEN 1 AND 12", name="capacity_is_small"),
        CheckConstraint(
            "visibility <@ '{PUBLIC,PRO,SNP,CPTS}' AND cardinality(visibility) > 0",
            name="visibility_is_national",
        ),
        Index(
            "ix_opening_live",
            "community_id",
            "professional_id",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class OpeningSkip(Base):
    """A day on which an opening makes no slots, although its pattern says so."""

    __tablename__ = "opening_skip"

    community_id: Mapped[CommunityId]
    opening_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "opening_id"], ["opening.community_id", "opening.id"]
        ),
    )


class Absence(Base):
    """When a professional is not there, once or week after week: no opening makes slots then."""

    __tablename__ = "absence"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int] = mapped_column(BigInteger)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    every_weeks: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    from_time: Mapped[time | None]
    """None, with `until_time`: the whole day."""
    until_time: Mapped[time | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        UniqueConstraint("community_id", "reference", name="uq_absence_reference"),
        CheckConstraint("ends_on >= starts_on", name="last_day_after_first"),
        CheckConstraint("(from_time IS NULL) = (until_time IS NULL)", name="hours_are_whole"),
        CheckConstraint("until_time > from_time", name="ends_after_start"),
        CheckConstraint(WEEKDAYS_ARE_DAYS, name="weekdays_are_days"),
        CheckConstraint("every_weeks BETWEEN 1 AND 4", name="weeks_are_few"),
        Index(
            "ix_absence_live",
            "community_id",
            "professional_id",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class ActKind(StrEnum):
    """What somebody did to a professional's time, and may undo."""

    PUBLISHED = "PUBLISHED"
    WITHDRAWN = "WITHDRAWN"
    OPENING_MADE = "OPENING_MADE"
    OPENING_ENDED = "OPENING_ENDED"
    OPENING_CHANGED = "OPENING_CHANGED"
    DAY_SKIPPED = "DAY_SKIPPED"
    ABSENCE_MADE = "ABSENCE_MADE"
    ABSENCE_ENDED = "ABSENCE_ENDED"
    RELOCATED = "RELOCATED"


class Act(Base):
    """One thing that was done to slots or openings: it can be undone for some minutes."""

    __tablename__ = "supply_act"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[ActKind]
    touched: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """References of the slots, openings or absences that it made, ended or brought back."""
    by: Mapped[UUID | None]
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        UniqueConstraint("community_id", "reference", name="uq_supply_act_reference"),
        Index("ix_supply_act_at", "community_id", "professional_id", "at"),
    )
