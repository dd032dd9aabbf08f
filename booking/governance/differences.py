"""What differs between two versions, thing by thing, and what that changes for every case."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from typing import Protocol as Shape

from booking.triage import cases
from booking.triage.cases import Case
from booking.triage.protocol import Complaint, Level, Protocol, Question, Route, Rule


class Kind(StrEnum):
    """What sort of thing was added, removed or changed."""

    GENERAL = "GENERAL"
    """A text or a number of the whole protocol; `what` is its key."""
    COMPLAINT = "COMPLAINT"
    TITLE = "TITLE"
    GROUP = "GROUP"
    SYNONYMS = "SYNONYMS"
    SCOPE = "SCOPE"
    OTHERWISE = "OTHERWISE"
    SAFETY_NET = "SAFETY_NET"
    QUESTION = "QUESTION"
    WORDING = "WORDING"
    CHOICES = "CHOICES"
    ASKED_IF = "ASKED_IF"
    SIGN_LEVEL = "SIGN_LEVEL"
    QUESTION_ORDER = "QUESTION_ORDER"
    RULE = "RULE"
    RULE_LEVEL = "RULE_LEVEL"
    RULE_WHEN = "RULE_WHEN"
    BECAUSE = "BECAUSE"
    ROUTE = "ROUTE"
    ROUTE_WHEN = "ROUTE_WHEN"
    ROUTE_ORDER = "ROUTE_ORDER"
    SOURCE = "SOURCE"


@dataclass(frozen=True)
class Change:
    """One difference. `before` is None for what was added, `after` for what was removed.

    `place` is the id of the complaint, `universal`, `stage2`, `floors`, or nothing for the whole;
    `what` the id of the thing. Values are of the protocol's own types.
    """

    kind: Kind
    place: str
    what: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Outcome:
    """What a version says of a caller: the level, and the discipline that comes first."""

    level: Level
    first: str | None


@dataclass(frozen=True)
class Effect:
    """A case of which the two versions say something else; None where one does not know it."""

    case: Case
    before: Outcome | None
    after: Outcome | None

    @property
    def lowers(self) -> bool:
        """Whether the later version sees it later, or not at all: to be read first."""
        return self.after is None or (
            self.before is not None and self.after.level < self.before.level
        )

    @property
    def raises(self) -> bool:
        """Whether the later version sees it sooner."""
        return (
            self.before is not None
            and self.after is not None
            and (self.after.level > self.before.level)
        )


class _Named(Shape):
    @property
    def id(self) -> str: ...


_Thing = TypeVar("_Thing", bound=_Named)


def between(before: Protocol, after: Protocol) -> list[Change]:
    """Return every difference that means something to who reads the protocol, place by place.

    Numbers, dates and signatures of the versions themselves are left out.
    """
    return [
        *_general(before, after),
        *_questions("universal", before.universal, after.universal),
        *_questions("stage2", before.stage2, after.stage2),
        *_rules("floors", before.floors, after.floors),
        *_complaints(before, after),
    ]


def effects(
    before: Protocol, after: Protocol, examples: Iterable[Case]
) -> tuple[list[Effect], int]:
    """Return the cases that end otherwise, those that are lowered first, and how many were tried.

    A case that both versions tell alike counts once; told otherwise, each telling is tried. What a
    version cannot be asked, it does not know.
    """
    tried = {_story(case): case for case in examples}
    found = [Effect(case, _outcome(before, case), _outcome(after, case)) for case in tried.values()]
    differing = [effect for effect in found if effect.before != effect.after]
    differing.sort(key=lambda effect: (not effect.lowers, not effect.raises))
    return differing, len(found)


def _story(case: Case) -> tuple[object, ...]:
    """Return what happens in a case, without what is expected of it."""
    said = sorted((question, str(answer)) for question, answer in case.answers.items())
    return case.id, case.patient, case.complaints, tuple(said)


def retold(before: Iterable[Case], after: Iterable[Case]) -> list[tuple[Case | None, Case | None]]:
    """Return cases that were added, removed, or of which another thing is told or expected."""
    old, new = {case.id: case for case in before}, {case.id: case for case in after}
    pairs = [(old.get(name), new.get(name)) for name in dict.fromkeys((*new, *old))]
    return [(one, other) for one, other in pairs if _whole(one) != _whole(other)]


def _whole(case: Case | None) -> tuple[object, ...] | None:
    if case is None:
        return None
    return (*_story(case), case.says, case.level, case.first, case.rule)


def _outcome(protocol: Protocol, case: Case) -> Outcome | None:
    if not set(case.complaints) <= protocol.by_complaint.keys():
        return None
    said = cases.assessed(protocol, case)
    return Outcome(said.level, said.routes[0].discipline if said.routes else None)


def _general(before: Protocol, after: Protocol) -> Iterator[Change]:
    for key in ("title", "emergency_advice", "deadline_hours", "groups", "families"):
        yield from _if_changed(Kind.GENERAL, "", key, getattr(before, key), getattr(after, key))
    words = dict(before.danger_words), dict(after.danger_words)
    for sign in dict.fromkeys((*words[0], *words[1])):
        yield from _if_changed(
            Kind.GENERAL, "", f"danger_words {sign}", words[0].get(sign), words[1].get(sign)
        )
    sources = ({s.id: s for s in before.sources}, {s.id: s for s in after.sources})
    for each in dict.fromkeys((*sources[0], *sources[1])):
        yield from _if_changed(Kind.SOURCE, "", each, sources[0].get(each), sources[1].get(each))


def _complaints(before: Protocol, after: Protocol) -> Iterator[Change]:
    for one, other in _paired(before.complaints, after.complaints):
        if one is None or other is None:
            known = one or other
            assert known is not None
            yield Change(Kind.COMPLAINT, known.id, known.id, one, other)
        elif one != other:
            yield from _within(one, other)


def _within(one: Complaint, other: Complaint) -> Iterator[Change]:
    place = other.id
    for kind, key in (
        (Kind.TITLE, "title"),
        (Kind.GROUP, "group"),
        (Kind.SCOPE, "scope"),
        (Kind.OTHERWISE, "otherwise"),
        (Kind.SAFETY_NET, "safety_net"),
        (Kind.SYNONYMS, "synonyms"),
        (Kind.SOURCE, "source"),
    ):
        yield from _if_changed(kind, place, place, getattr(one, key), getattr(other, key))
    yield from _questions(place, one.questions, other.questions)
    yield from _rules(place, one.rules, other.rules)
    yield from _routes(place, one.routes, other.routes)


def _questions(
    place: str, before: tuple[Question, ...], after: tuple[Question, ...]
) -> Iterator[Change]:
    for one, other in _paired(before, after):
        if one is None or other is None:
            known = one or other
            assert known is not None
            yield Change(Kind.QUESTION, place, known.id, one, other)
            continue
        yield from _if_changed(Kind.WORDING, place, other.id, one.text, other.text)
        yield from _if_changed(Kind.ASKED_IF, place, other.id, one.asked_if, other.asked_if)
        yield from _if_changed(Kind.SIGN_LEVEL, place, other.id, one.level, other.level)
        yield from _if_changed(Kind.CHOICES, place, other.id, _answers(one), _answers(other))
        yield from _if_changed(Kind.BECAUSE, place, other.id, one.because, other.because)
        yield from _if_changed(Kind.SOURCE, place, other.id, one.source, other.source)
    yield from _order(Kind.QUESTION_ORDER, place, before, after)


def _answers(question: Question) -> tuple[object, ...]:
    limits = (question.lowest, question.highest)
    return (question.kind, question.choices, question.unit, *limits)


def _rules(place: str, before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[Change]:
    for one, other in _paired(before, after):
        if one is None or other is None:
            known = one or other
            assert known is not None
            yield Change(Kind.RULE, place, known.id, one, other)
            continue
        yield from _if_changed(Kind.RULE_LEVEL, place, other.id, one.level, other.level)
        yield from _if_changed(Kind.RULE_WHEN, place, other.id, one.when, other.when)
        yield from _if_changed(Kind.BECAUSE, place, other.id, one.because, other.because)
        yield from _if_changed(Kind.SOURCE, place, other.id, one.source, other.source)


def _routes(place: str, before: tuple[Route, ...], after: tuple[Route, ...]) -> Iterator[Change]:
    """Yield what differs between routes, which have no name: the discipline and its law are one."""
    old, new = _numbered(before), _numbered(after)
    for name in dict.fromkeys((*old, *new)):
        one, other = old.get(name), new.get(name)
        what = (one or other or before[0]).discipline
        kind = Kind.ROUTE if one is None or other is None else Kind.ROUTE_WHEN
        yield from _if_changed(kind, place, what, one, other)
    kept = [name for name in old if name in new]
    if kept != [name for name in new if name in old]:
        order = ([each.discipline for each in before], [each.discipline for each in after])
        yield Change(Kind.ROUTE_ORDER, place, place, *order)


def _numbered(routes: tuple[Route, ...]) -> dict[tuple[str, str | None, int], Route]:
    named: dict[tuple[str, str | None, int], Route] = {}
    for route in routes:
        number = sum(key[:2] == (route.discipline, route.law) for key in named)
        named[route.discipline, route.law, number] = route
    return named


def _paired(
    before: Iterable[_Thing], after: Iterable[_Thing]
) -> Iterator[tuple[_Thing | None, _Thing | None]]:
    old, new = {each.id: each for each in before}, {each.id: each for each in after}
    for name in dict.fromkeys((*new, *old)):
        yield old.get(name), new.get(name)


def _order(
    kind: Kind, place: str, before: Iterable[_Named], after: Iterable[_Named]
) -> Iterator[Change]:
    """Yield that what stayed stands in another order: it is asked in another order."""
    old, new = [each.id for each in before], [each.id for each in after]
    stayed = [each for each in old if each in new], [each for each in new if each in old]
    if stayed[0] != stayed[1]:
        yield Change(kind, place, place, *stayed)


def _if_changed(
    kind: Kind, place: str, what: str, before: object, after: object
) -> Iterator[Change]:
    if before != after:
        yield Change(kind, place, what, before, after)
