"""One judgement, explained from what was kept of it, and judged again by the same version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from booking.models import Assessment, CareRequest, ProtocolVersion
from booking.triage import engine
from booking.triage.engine import ComplaintUnknown, Step
from booking.triage.facts import OLDEST_MONTHS, Patient, Pregnant, Sex
from booking.triage.protocol import Protocol

DECISION = "decision"
"""The reason that stands for what a human decided: no rule of a protocol."""


@dataclass(frozen=True)
class Replay:
    """What the same version says today of the same answers.

    `is_same` compares the level and the rules that counted, not who could receive the patient:
    that depends on the law of the day and on the community, and was kept as it was. Where a human
    decided the level, the rules alone are compared: the decision stands beside them.
    """

    said: engine.Assessment
    is_same: bool

    @property
    def held(self) -> list[Step]:
        """Return the rules that counted, gravest first."""
        return sorted((s for s in self.said.trace if s.held), key=lambda step: -step.level)

    @property
    def not_held(self) -> list[Step]:
        """Return the rules that were looked at and surely did not hold."""
        return [step for step in self.said.trace if not step.held]


@dataclass(frozen=True)
class Explained:
    """All that one page says of one judgement. No `replay` when it cannot be judged again.

    `protocol` is None when neither the community nor the product has that version any more.
    """

    request: CareRequest
    kept: Assessment
    protocol: Protocol | None
    version: ProtocolVersion | None
    replay: Replay | None

    @property
    def is_forgotten(self) -> bool:
        """Whether the answers were erased at the end of their term."""
        return not self.kept.patient


def patient_of(kept: Mapping[str, Any]) -> Patient:
    """Return the patient as an assessment has kept them; what is missing is unknown."""
    return Patient(
        kept.get("age_months"),
        Sex(kept.get("sex") or Sex.UNKNOWN),
        Pregnant(kept.get("pregnant") or Pregnant.UNKNOWN),
        min(int(kept.get("older_by_months") or 0), OLDEST_MONTHS),
    )


def replayed(kept: Assessment, protocol: Protocol) -> Replay | None:
    """Judge again what was kept, by this version; None if it does not know a complaint."""
    try:
        said = engine.assess(protocol, patient_of(kept.patient), kept.complaints, kept.answers)
    except ComplaintUnknown:
        return None
    is_decided = kept.decision_id is not None
    rules = {reason["rule"] for reason in kept.reasons} - ({DECISION} if is_decided else set())
    same_rules = {reason.rule for reason in said.reasons} == rules
    return Replay(said, same_rules and (is_decided or said.level is kept.level))


def explained(
    request: CareRequest,
    kept: Assessment,
    found: tuple[Mapping[str, Protocol], ProtocolVersion | None] | None,
    language: str,
) -> Explained:
    """Return what explains a judgement; `found` is the version that made it, where it is."""
    if found is None:
        return Explained(request, kept, None, None, None)
    version, row = found
    protocol = version.get(language, version["fr"])
    replay = replayed(kept, protocol) if kept.patient else None
    return Explained(request, kept, protocol, row, replay)
