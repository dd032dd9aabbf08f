"""Pure: what a patient has said so far → which page comes next, and which may be seen at all."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from booking.triage.engine import Asked, questions_for
from booking.triage.facts import UNKNOWN, YES, Facts, Patient, Truth
from booking.triage.protocol import Level, Protocol, Question


class Step(StrEnum):
    """One page of the form; the value stands in its address."""

    SIGNS = "signes"
    BIRTH = "naissance"
    SEX = "sexe"
    PREGNANCY = "grossesse"
    MORE_SIGNS = "signes-suite"
    COMMUNE = "commune"
    COMPLAINT = "motif"
    QUESTIONS = "questions"
    REGULAR_DOCTOR = "medecin-traitant"
    APPOINTMENT = "rendez-vous"
    NAME = "nom"
    PHONE = "telephone"
    CHECK = "verifier"

    EMERGENCY = "urgence"
    ADVICE = "conseil"
    CALL_BACK = "rappel"
    BOOKED = "confirme"
    OVER = "fin"


@dataclass(frozen=True)
class State:
    """All that decides which page comes next; nothing that is shown."""

    protocol: Protocol
    patient: Patient = Patient()
    answers: Mapping[str, object] = ()  # type: ignore[assignment]
    has_birth_date: bool = False
    is_sex_said: bool = False
    is_pregnancy_said: bool = False
    has_commune: bool = False
    complaints: tuple[str, ...] = ()
    level: Level | None = None
    is_doctor_said: bool = False
    has_slot: bool = False
    has_name: bool = False
    has_phone: bool = False
    is_booked: bool = False
    is_over: bool = False

    @property
    def asked(self) -> Asked:
        """Return the questions that exist for this patient with these complaints."""
        return questions_for(self.protocol, self.patient, self.complaints)
