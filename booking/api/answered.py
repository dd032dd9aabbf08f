"""What clients are answered, typed. Every moment carries the offset of the community's zone."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from booking.models import BookingStatus, RequestStatus, Scope
from schedules.models import Mode

LevelName = Literal["NOT_UNSCHEDULED", "WITHIN_24H", "SAME_DAY", "CALL_15_ADVICE", "CALL_15"]
Moment = datetime


class Answered(BaseModel):
    """Anything that we send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return self.model_dump(mode="json")


class Reason(Answered):
    """A code for programs, and one short sentence for people."""

    code: str
    text: str


class TriageReason(Reason):
    """A rule that counted, and the level that it alone asks for."""

    level: LevelName


class Emergency(Answered):
    """What to tell the patient at once. Nothing can be booked."""

    call: Literal["15"] = "15"
    text: str
    numbers: list[str] = ["15", "112", "114", "3114"]


class Professional(Answered):
    """Who gives the care: national codes, and the word that people use."""

    reference: UUID
    name: str
    profession: str = Field(description="TRE_G15 code.")
    speciality: str | None = Field(description="TRE_R38 code.")
    discipline: str = Field(description="The protocol's word: MG, PH, SF…")
    label: str


class Place(Answered):
    """Where."""

    name: str
    address: str
    phone: str
    is_wheelchair_accessible: bool


class Proposal(Answered):
    """A free slot in time, and why it is proposed."""

    slot: UUID
    starts_at: Moment
    ends_at: Moment
    mode: Mode
    professional: Professional
    site: Place
    distance_km: float | None
    reasons: list[Reason]


class Request(Answered):
    """Where a request stands, and what triage said."""

    reference: UUID
    status: RequestStatus
    level: LevelName | None
    deadline: Moment | None = Field(description="Care is owed before this moment.")
    valid_until: Moment | None = Field(
        description="From this moment the warning signs are asked again before anything is booked."
    )
    needs_doctor: bool = Field(
        description="Nothing is free today: tell the patient to call the 15 if it gets worse."
    )
    second_check: Moment | None = Field(
        description="Until then a second person looks at this advice, and may call the patient."
    )
    reasons: list[TriageReason] = Field(description="The gravest first.")
    safety_net: str | None = Field(description="To be read to the patient in any case.")
    emergency: Emergency | None


class Triaged(Request):
    """What a new request is answered: best proposals first; none for an emergency."""

    proposals: list[Proposal] | None = Field(description="Null: the key is not for `slots:read`.")


class Booked(Answered):
    """An appointment. `code` is for saying aloud; it opens nothing.

    `slot` may be another place than was asked for, of the same time and professional.
    """

    reference: UUID
    code: str
    slot: UUID
    starts_at: Moment
    ends_at: Moment
    status: BookingStatus


class Links(Answered):
    """Addresses that belong to the patient alone: whoever has them can cancel."""

    appointment: str
    calendar: str


class Confirmation(Answered):
    """An appointment that was just made, or was already there."""

    booking: Booked
    links: Links


class Standing(Request):
    """A request with its live appointment, if it has one."""

    booking: Booked | None
    links: Links | None = Field(description="Null also where the key is not for `bookings:write`.")


class Held(Answered):
    """Until when the slot waits for this patient."""

    held_until: Moment


class FieldError(Answered):
    """What is wrong with one field. The value that was sent is never repeated."""

    field: str
    detail: str


class Problem(BaseModel):
    """A refusal (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "https://rdv.example/api/openapi.json#/x-problems/invalid",
                    "title": "Des champs sont à corriger.",
                    "status": 422,
                    "detail": "Des champs sont à corriger.",
                    "errors": [
                        {
                            "field": "person.phone",
                            "detail": "Un numéro de téléphone français est attendu.",
                        }
                    ],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None
    alternatives: list[Proposal] | None = Field(
        default=None, description="With slot-taken: three other slots at most."
    )
    emergency: Emergency | None = Field(
        default=None, description="With level-forbids, when the 15 must be called."
    )
    scope: Scope | None = Field(
        default=None, description="With beyond-scope: what the key would have to be for."
    )
