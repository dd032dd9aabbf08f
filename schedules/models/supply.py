"""Tables of supply: communities, places, professionals, and the slots they reserve."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from config import sealed
from config.database import Base, CommunityId, Id, Reference, SameCommunityId

Codes = ARRAY(String)
"""A short list of national codes, or of what can be asked of a slot."""


DOCTOR = "10"
"""TRE_G15 code of « médecin », the profession that a médecin traitant is of."""

WHEELCHAIR = "fauteuil"
"""What a slot offers where the site can be entered in a wheelchair."""


class Visibility(StrEnum):
    """Who may be offered a slot: codes of TRE_R314-TypeCreneau."""

    PUBLIC = "PUBLIC"
    PRO = "PRO"
    SNP = "SNP"
    CPTS = "CPTS"


class Mode(StrEnum):
    """How care is given: HL7 ActCode, as the SAS asks for it in Slot.serviceType."""

    AMB = "AMB"
    """At the site."""
    HH = "HH"
    """At the patient's home."""
    VR = "VR"
    """By video."""


class AppointmentType(StrEnum):
    """HL7 v2-0276, as the SAS asks for it in Slot.appointmentType."""

    ROUTINE = "ROUTINE"
    WALKIN = "WALKIN"


class Commune(Base):
    """A town of the territory, so that distance needs no outside service."""

    __tablename__ = "commune"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    insee: Mapped[str]
    name: Mapped[str]
    postal_code: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]

    __table_args__ = (UniqueConstraint("community_id", "insee", name="uq_commune_insee"),)


class Site(Base):
    """A place where care is given."""

    __tablename__ = "site"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    name: Mapped[str]
    structure: Mapped[str]
    """TRE_R66 code: 603 maison de santé, 124 centre de santé, 620 officine, …"""
    finess: Mapped[str | None]
    address_line: Mapped[str]
    postal_code: Mapped[str]
    city: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    phone: Mapped[str]
    is_wheelchair_accessible: Mapped[bool]
    equipment: Mapped[list[str]] = mapped_column(Codes, server_default="{}")
    """What can be done here: `ecg`, `radio`, `suture`… as protocols' routes call it."""

    __table_args__ = (UniqueConstraint("community_id", "reference", name="uq_site_reference"),)

    @property
    def address(self) -> str:
        """Where to go, on one line."""
        return f"{self.address_line}, {self.postal_code} {self.city}"


class Professional(sealed.Row, Base):
    """Somebody who gives care, known by their national number."""

    __tablename__ = "professional"

    community_id: Mapped[CommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    rpps: Mapped[str]
    civility: Mapped[str] = mapped_column(server_default="")
    """What stands before the name on screens: « Dr », or nothing."""
    family_name: Mapped[str]
    given_name: Mapped[str]
    profession: Mapped[str]
    """TRE_G15 code."""
    speciality: Mapped[str | None]
    """TRE_R38 code, where the profession has specialities."""
    discipline: Mapped[str]
    """The word by which protocols call them, from the two codes: see schedules.nomenclature."""
    languages: Mapped[list[str]] = mapped_column(Codes, server_default="{fr}")
    email: Mapped[str | None]
    mobile = sealed.text()
    """E.164, theirs alone: where they are asked to take somebody for whom nothing is free."""
    accepts_calls_for_help: Mapped[bool] = mapped_column(server_default="true")
    """They may be asked that; their own tick, on their own page."""
    suspended_at: Mapped[datetime | None]
    """Since then nothing of theirs is offered, and their account lets nobody in."""

    __table_args__ = (
        UniqueConstraint("community_id", "reference", name="uq_professional_reference"),
        UniqueConstraint("community_id", "rpps", name="uq_professional_rpps"),
        CheckConstraint("rpps ~ '^[0-9]{11}$'", name="rpps_is_eleven_digits"),
    )

    @property
    def name(self) -> str:
        """The name that patients and colleagues read."""
        return " ".join(filter(None, (self.civility, self.given_name, self.family_name)))


class ProfessionalSite(Base):
    """Where a professional gives care."""

    __tablename__ = "professional_site"

    community_id: Mapped[CommunityId]
    professional_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    site_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        ForeignKeyConstraint(["community_id", "site_id"], ["site.community_id", "site.id"]),
    )


class Slot(Base):
    """One moment that one professional offers: free, then held for a while, then claimed.

    Written only by schedules.slots. `held_by` and `claimed_by` are the claimant's own reference
    and mean nothing here: supply does not know what a booking is. A hold ends by itself: past
    `held_until` it counts for nothing, and no job needs to clear it. Discipline, codes and skills
    are copied from the professional, so that a search reads one index and nothing else.
    """

    __tablename__ = "slot"

    community_id: Mapped[SameCommunityId]
    id: Mapped[Id]
    reference: Mapped[Reference]
    professional_id: Mapped[int] = mapped_column(BigInteger)
    site_id: Mapped[int] = mapped_column(BigInteger)
    discipline: Mapped[str]
    skills: Mapped[list[str]] = mapped_column(Codes, server_default="{}")
    """What can be asked of it: the professional's enablements of that day, the site's equipment."""
    visibility: Mapped[list[str]] = mapped_column(Codes)
    mode: Mapped[Mode] = mapped_column(server_default="AMB")
    appointment_type: Mapped[AppointmentType] = mapped_column(server_default="ROUTINE")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    held_by: Mapped[UUID | None]
    held_until: Mapped[datetime | None]
    claimed_by: Mapped[UUID | None]
    claimed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    opening_id: Mapped[int | None] = mapped_column(BigInteger)
    """The reserved time that made it; none where somebody opened it by hand."""
    lane: Mapped[int | None]
    """Which of several patients at the same time, counted from 0; none: the professional's whole
    attention. It says what else may be at that time, and nothing to the patient."""
    calendar_id: Mapped[int | None] = mapped_column(BigInteger)
    """The calendar in which its owner wrote `#SNP`; none where nobody did."""
    complaints: Mapped[list[str]] = mapped_column(Codes, server_default="{}")
    """The only reasons that are accepted, by the protocol's ids; empty: any."""
    only_own_patients: Mapped[bool] = mapped_column(server_default="false")
    """Offered to patients whose médecin traitant this is, and to nobody else, for the moment."""
    release_at: Mapped[datetime | None]
    """When the next step of its ladder is due; none after the last."""
    release_step: Mapped[int] = mapped_column(server_default="0")
    """How many steps of its ladder it has taken."""
    busy_since: Mapped[datetime | None]
    """Closed since then: the professional's own calendar says that they are busy."""
    conflict_kept_at: Mapped[datetime | None]
    """When somebody said that this appointment stays although the calendar says busy."""
    set_aside_since: Mapped[datetime | None]
    """Its reserved time does not want it any more: a day skipped, an absence, an opening ended.
    Withdrawn if it is free, else once nobody has it; wanted again, it comes back by itself."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["community_id", "professional_id"], ["professional.community_id", "professional.id"]
        ),
        ForeignKeyConstraint(["community_id", "site_id"], ["site.community_id", "site.id"]),
        ForeignKeyConstraint(
            ["community_id", "opening_id"], ["opening.community_id", "opening.id"]
        ),
        ForeignKeyConstraint(
            ["community_id", "calendar_id"], ["busy_calendar.community_id", "busy_calendar.id"]
        ),
        UniqueConstraint("community_id", "reference", name="uq_slot_reference"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("(held_by IS NULL) = (held_until IS NULL)", name="hold_is_whole"),
        CheckConstraint("(claimed_by IS NULL) = (claimed_at IS NULL)", name="claim_is_whole"),
        CheckConstraint("held_by IS NULL OR claimed_by IS NULL", name="claim_ends_hold"),
        CheckConstraint("withdrawn_at IS NULL OR claimed_by IS NULL", name="claimed_stays"),
        CheckConstraint(
            "visibility <@ '{PUBLIC,PRO,SNP,CPTS}' AND cardinality(visibility) > 0",
            name="visibility_is_national",
        ),
        CheckConstraint(
            "lane IS NULL OR (opening_id IS NOT NULL AND lane BETWEEN 0 AND 11)",
            name="lane_is_of_an_opening",
        ),
        ExcludeConstraint(
            # A range of one number stands for «=», so that gist needs no extension.
            (text("int8range(professional_id, professional_id, '[]')"), "&&"),
            # Without a lane it has no upper end: such a slot meets every lane, and its like.
            (text("int4range(COALESCE(lane, 0), lane, '[]')"), "&&"),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            name="slot_no_overlap",
            where=text("withdrawn_at IS NULL"),
        ),
        Index(
            "ix_slot_free",
            "community_id",
            "discipline",
            "starts_at",
            postgresql_where=text(
                "claimed_by IS NULL AND withdrawn_at IS NULL AND busy_since IS NULL"
            ),
            postgresql_include=[
                "ends_at",
                "id",
                "reference",
                "professional_id",
                "site_id",
                "skills",
                "visibility",
                "mode",
                "held_by",
                "held_until",
                "complaints",
                "only_own_patients",
                "set_aside_since",
            ],
        ),
        Index(
            "ix_slot_release",
            "release_at",
            postgresql_where=text(
                "release_at IS NOT NULL AND claimed_by IS NULL AND withdrawn_at IS NULL"
            ),
        ),
        Index(
            "ix_slot_opening",
            "community_id",
            "opening_id",
            "starts_at",
            postgresql_where=text("opening_id IS NOT NULL"),
        ),
        Index(
            "ix_slot_set_aside",
            "starts_at",
            postgresql_where=text("set_aside_since IS NOT NULL AND withdrawn_at IS NULL"),
        ),
        Index(
            "ix_slot_calendar",
            "community_id",
            "calendar_id",
            "starts_at",
            postgresql_where=text("calendar_id IS NOT NULL"),
        ),
        Index("ix_slot_day", "community_id", "professional_id", "starts_at"),
        Index(
            "ix_slot_held",
            "community_id",
            "held_by",
            postgresql_where=text("held_by IS NOT NULL"),
        ),
        Index(
            "ix_slot_claimed",
            "community_id",
            "claimed_by",
            unique=True,
            postgresql_where=text("claimed_by IS NOT NULL"),
        ),
    )
