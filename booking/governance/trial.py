"""Tries a version before anybody signs it: can it be read, does it prove, do its cases agree."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from booking.governance.texts import Fault, Part, Texts
from booking.triage import cases, proofs
from booking.triage.places import Fault as Found
from booking.triage.protocol import Protocol


@dataclass(frozen=True)
class Trial:
    """What was found on exactly these texts. Warnings forbid nothing: who signs has read them."""

    texts: Texts
    faults: tuple[Fault, ...]
    warnings: tuple[str, ...] = ()
    counted: tuple[tuple[str, int], ...] = ()
    """How many signs, complaints, questions, rules and cases there are."""

    @property
    def is_sound(self) -> bool:
        """Whether it may be signed."""
        return not self.faults

    def written(self) -> dict[str, Any]:
        """Return what the database keeps of it."""
        return {
            "is_sound": self.is_sound,
            "faults": [
                {"part": fault.part.value, "line": fault.line, "text": fault.text}
                for fault in self.faults
            ],
            "warnings": list(self.warnings),
            "counted": dict(self.counted),
        }


def run(texts: Texts, *, protocol: str, number: int, disciplines: Collection[str]) -> Trial:
    """Return what shape, proofs and all cases say of these texts; takes seconds.

    They must be of this protocol, under this number: what assessments will keep of them.
    """
    faults = (*texts.faults(),)
    if faults:
        return Trial(texts, faults)
    french, examples = texts.french, texts.examples
    few = cases.missing(french, examples)
    found = [*_misnamed(french, protocol, number)]
    found += [told(Part.DOCUMENT, each) for each in proofs.prove(french, disciplines)]
    # Of each complaint three callers at least; how many in all is for who signs to weigh.
    found += [told(Part.DOCUMENT, each) for each in few if each.line is not None]
    found += [told(Part.CASES, each) for each in cases.failures(french, examples)]
    known = [*(each for each in few if each.line is None), *proofs.warnings(french)]
    return Trial(texts, tuple(found), tuple(each.text for each in known), counted(texts))


def told(part: Part, found: Found) -> Fault:
    """Return what triage says is wrong as a fault of one of the texts."""
    return Fault(part, found.line, found.text)


def _misnamed(french: Protocol, protocol: str, number: int) -> Iterator[Fault]:
    if french.id != protocol:
        yield Fault(Part.DOCUMENT, None, f"id : écrivez « {protocol} », le nom de ce protocole")
    if french.version != number:
        yield Fault(Part.DOCUMENT, None, f"version : écrivez {number}, le numéro de cette version")


def counted(texts: Texts) -> tuple[tuple[str, int], ...]:
    """Return how many there are of what a committee counts.

    Raises:
        ProtocolInvalid: if the texts cannot be read.
    """
    french = texts.french
    return (
        ("signs", len(french.universal)),
        ("complaints", len(french.complaints)),
        ("questions", len(french.questions)),
        (
            "rules",
            len(french.general_rules) + sum(len(c.all_rules) for c in french.complaints),
        ),
        ("cases", len(texts.examples)),
    )
