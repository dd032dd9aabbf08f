"""Reads a protocol file and refuses what is not one, in words its author understands."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from booking.triage import contradictions
from booking.triage.documents import (
    ComplaintDoc,
    ProtocolDoc,
    ProtocolInvalid,
    QuestionDoc,
    RouteDoc,
)
from booking.triage.lines import Loc, read_yaml
from booking.triage.places import Part, Places
from booking.triage.protocol import Complaint, Level, Protocol, Question, Route, Source
from booking.triage.refusals import shaped

Laws = contradictions.Laws


def load(path: Path, laws: Laws) -> Protocol:
    """Return the protocol in this file, its digest that of the file's bytes.

    Raises:
        ProtocolInvalid: with all that is wrong, each with file, line and remedy, in French.
        OSError: the file cannot be read.
    """
    return read(path.read_bytes(), laws, path.name)


def read(text: bytes, laws: Laws, file: str = "") -> Protocol:
    """Return the protocol that a YAML text describes, its routes bound by these laws.

    `file` is the name to begin messages with.

    Raises:
        ProtocolInvalid: with all that is wrong, each with line and remedy, in French.
    """
    written = read_yaml(text, file)
    doc = shaped(ProtocolDoc, written)
    faults = [written.fault(loc, said) for loc, said in contradictions.found(doc, laws)]
    if faults:
        raise ProtocolInvalid(*faults)
    digest = hashlib.sha256(text).hexdigest()
    lines = {part: written.line(loc) for part, loc in _places(doc)}
    return _protocol(doc, digest, laws, Places(file, lines))


def _protocol(doc: ProtocolDoc, digest: str, laws: Laws, places: Places) -> Protocol:
    bank = {each.id: each.question() for _, each in contradictions.questions_in(doc)}
    return Protocol(
        id=doc.id,
        version=doc.version,
        title=doc.title,
        language=doc.language,
        valid_from=doc.valid_from,
        valid_until=doc.valid_until,
        reviewed_by=tuple(doc.reviewed_by),
        sources=tuple(Source(k, s.title, s.dated) for k, s in doc.sources.items()),
        digest=digest,
        deadline_hours=tuple((Level[name], hours) for name, hours in doc.deadline_hours.items()),
        emergency_advice=doc.emergency_advice,
        universal=tuple(bank[each.id] for each in doc.universal),
        stage2=tuple(bank[each.id] for each in doc.stage2),
        floors=tuple(each.rule() for each in doc.floors),
        complaints=tuple(_complaint(each, bank, laws) for each in doc.complaints),
        groups=tuple(doc.groups.items()),
        danger_words=tuple((sign, tuple(words)) for sign, words in doc.danger_words.items()),
        families=tuple((name, tuple(members)) for name, members in doc.families.items()),
        places=places,
    )


def _complaint(doc: ComplaintDoc, bank: dict[str, Question], laws: Laws) -> Complaint:
    asked = (each.id if isinstance(each, QuestionDoc) else each for each in doc.questions)
    return Complaint(
        id=doc.id,
        title=doc.title,
        group=doc.group,
        otherwise=doc.otherwise,
        safety_net=doc.safety_net,
        source=doc.source,
        synonyms=tuple(doc.synonyms),
        scope=doc.scope.facts(),
        questions=tuple(bank[each] for each in asked),
        rules=tuple(each.rule() for each in doc.rules),
        routes=tuple(_route(each, laws) for each in doc.routes),
    )


def _route(doc: RouteDoc, laws: Laws) -> Route:
    """Return a route; on a legal rule, it takes the rule's dates, patients and exclusions."""
    route = Route(
        discipline=doc.discipline,
        needs=tuple(doc.needs),
        at_most=doc.at_most,
        when=doc.when.when(),
        because=doc.because,
        source=doc.source,
    )
    if doc.requires is None:
        return route
    law = laws[doc.requires]
    return replace(
        route,
        law=law.id,
        requires=law.enabling,
        when=law.when.when() & route.when,
        valid_from=law.valid_from,
        valid_until=law.valid_until,
    )


def _places(doc: ProtocolDoc) -> Iterator[tuple[Part, Loc]]:
    """Yield the way to each part that a proof may have to name."""
    for name in ("universal", "stage2", "floors", "complaints"):
        yield (name,), (name,)
    for loc, question in contradictions.questions_in(doc):
        yield ("question", question.id), loc
    for loc, rule in contradictions.rules_in(doc):
        yield ("rule", rule.id), loc
    for source in doc.sources:
        yield ("source", source), ("sources", source)
    for family in doc.families:
        yield ("family", family), ("families", family)
    for place, complaint in enumerate(doc.complaints):
        here = ("complaints", place)
        yield ("complaint", complaint.id), here
        yield ("otherwise", complaint.id), (*here, "otherwise")
        for number, asked in enumerate(complaint.questions):
            named = asked if isinstance(asked, str) else asked.id
            yield ("asked", complaint.id, named), (*here, "questions", number)
        for number in range(len(complaint.routes)):
            yield ("route", complaint.id, str(number)), (*here, "routes", number)
