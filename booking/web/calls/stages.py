"""Pure: which warning signs are asked at this moment, in three stages, and which are answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from booking.triage.engine import Asked
from booking.triage.facts import NO, UNKNOWN, YES
from booking.triage.protocol import Question


class Stage(StrEnum):
    """When signs are asked: of everybody, by age and sex, by complaint, for somebody’s words."""

    EVERYBODY = "tous"
    AGE = "age"
    COMPLAINT = "motif"
    WORDS = "mots"


@dataclass(frozen=True)
class Signs:
    """The signs of one stage, read aloud as a list; one box, « Aucun », answers for all of them.

    `seal` names what the list was drawn for: « Aucun » counts for the list that was read, and
    for no other. A new birth date, or a judgement grown old, makes another seal.
    """

    stage: Stage
    questions: tuple[Question, ...]
    ticked: frozenset[str]
    is_none: bool
    seal: str

    @property
    def is_heard(self) -> bool:
        """Whether every sign of the list has an answer. Not asked is not « no »."""
        return self.is_none or bool(self.ticked)


def signs(
    stage: Stage,
    questions: Iterable[Question],
    said: Mapping[str, object],
    *,
    drawn_for: object = "",
    is_asked_again: bool = False,
) -> Signs:
    """Return one stage with what was answered; asked again, nothing of « no » counts any more."""
    listed = tuple(questions)
    ticked = frozenset(q.id for q in listed if said.get(q.id) in (YES, UNKNOWN))
    is_none = not ticked and all(said.get(q.id) == NO for q in listed) and not is_asked_again
    ids = " ".join(question.id for question in listed)
    seal = sha256(f"{stage}|{ids}|{drawn_for}".encode()).hexdigest()[:10]
    return Signs(stage, listed, ticked, is_none and bool(listed), seal)


def heard(lists: Iterable[Signs], ticked: Iterable[str], none_of: Iterable[str]) -> dict[str, str]:
    """Return the answer to each sign that has one: ticked is yes, « Aucun » is no for the others.

    `none_of` are seals. A sign that is neither ticked nor in a list of which « none » was said has
    no answer. A ticked sign beside « Aucun » counts: doubt is a sign.
    """
    yes, sealed = set(ticked), set(none_of)
    found: dict[str, str] = {}
    for each in lists:
        is_none = each.seal in sealed
        for question in each.questions:
            if question.id in yes:
                found[question.id] = YES
            elif is_none:
                found[question.id] = NO
    return found


def of_complaint(asked: Asked) -> tuple[Question, ...]:
    """Return the warning signs of the complaint: read as a list, like the others."""
    return tuple(each for each in asked.complaint if each.is_red_flag)


def criteria(asked: Asked) -> tuple[Question, ...]:
    """Return the complaint's other questions: read word for word, one after the other."""
    return tuple(each for each in asked.complaint if not each.is_red_flag)


def is_alarming(asked: Asked, said: Mapping[str, object]) -> bool:
    """Return whether a warning sign of any stage is there, or in doubt: the 15 answers next."""
    return any(q.is_red_flag and said.get(q.id) in (YES, UNKNOWN) for q in asked.all())
