"""Reads a protocol file and refuses what is not one, in words its author understands."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError as DocumentInvalid

from booking.triage.documents import (
    ComplaintDoc,
    ProtocolDoc,
    ProtocolInvalid,
    QuestionDoc,
    RouteDoc,
    RuleDoc,
    document,
)
from booking.triage.facts import NO, UNKNOWN, YES, Heard
from booking.triage.protocol import (
    FALLBACK,
    Complaint,
    Kind,
    Level,
    Protocol,
    Question,
    Route,
    Rule,
    Source,
)


def load(path: Path) -> Protocol:
    """Return the protocol in this file, its digest that of the file's bytes.

    Raises:
        ProtocolInvalid: with the file, the place and the reason.
        OSError: the file cannot be read.
    """
    try:
        return read(path.read_bytes())
    except ProtocolInvalid as error:
        raise ProtocolInvalid(f"{path.name}: {error}") from error


def read(text: bytes) -> Protocol:
    """Return the protocol that a YAML text describes.

    Raises:
        ProtocolInvalid: with the place and the reason.
    """
    try:
        doc = ProtocolDoc.model_validate(document(text))
        protocol = _protocol(doc, hashlib.sha256(text).hexdigest())
    except DocumentInvalid as error:
        raise ProtocolInvalid(_places(error)) from error
    for failure in _contradictions(protocol, doc):
        raise ProtocolInvalid(failure)
    return protocol


def _places(error: DocumentInvalid) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def _protocol(doc: ProtocolDoc, digest: str) -> Protocol:
    bank: dict[str, Question] = {}
    for each in (*doc.universal, *doc.stage2, *doc.shared, *_own(doc)):
        if each.id in bank:
            raise ProtocolInvalid(f"question «{each.id}» is defined twice")
        bank[each.id] = _question(each)
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
        deadline_hours=tuple((_named(k), hours) for k, hours in doc.deadline_hours.items()),
        emergency_advice=doc.emergency_advice,
        universal=tuple(bank[each.id] for each in doc.universal),
        stage2=tuple(bank[each.id] for each in doc.stage2),
        floors=tuple(_rule(each) for each in doc.floors),
        complaints=tuple(_complaint(each, bank) for each in doc.complaints),
    )


def _own(doc: ProtocolDoc) -> Iterator[QuestionDoc]:
    for complaint in doc.complaints:
        yield from (each for each in complaint.questions if isinstance(each, QuestionDoc))


def _named(level: str) -> Level:
    if level not in Level.__members__:
        raise ProtocolInvalid(f"deadline_hours: no level is called «{level}»")
    return Level[level]


def _question(doc: QuestionDoc) -> Question:
    return Question(
        id=doc.id,
        text=doc.text,
        kind=doc.kind,
        choices=tuple(doc.choices.items()),
        unit=doc.unit,
        lowest=doc.lowest,
        highest=doc.highest,
        asked_if=doc.asked_if.facts(),
        level=doc.level,
        because=doc.because,
        source=doc.source,
    )


def _rule(doc: RuleDoc) -> Rule:
    return Rule(doc.id, doc.level, doc.when.when(), doc.because, doc.source)


def _route(doc: RouteDoc) -> Route:
    return Route(
        doc.discipline,
        doc.requires,
        tuple(doc.needs),
        doc.at_most,
        doc.when.when(),
        doc.valid_from,
        doc.valid_until,
        doc.because,
        doc.source,
    )


def _complaint(doc: ComplaintDoc, bank: dict[str, Question]) -> Complaint:
    ids = [each if isinstance(each, str) else each.id for each in doc.questions]
    for each in ids:
        if each not in bank:
            raise ProtocolInvalid(f"complaint «{doc.id}»: no question is called «{each}»")
    return Complaint(
        id=doc.id,
        title=doc.title,
        otherwise=doc.otherwise,
        safety_net=doc.safety_net,
        source=doc.source,
        synonyms=tuple(doc.synonyms),
        scope=doc.scope.facts(),
        questions=tuple(bank[each] for each in dict.fromkeys(ids)),
        rules=tuple(_rule(each) for each in doc.rules),
        routes=tuple(_route(each) for each in doc.routes),
    )


def _contradictions(protocol: Protocol, doc: ProtocolDoc) -> Iterator[str]:
    """Yield what is well formed but cannot be meant."""
    yield from _repeated([each.id for each in protocol.complaints], "complaint")
    rules = [*protocol.floors, *(rule for each in protocol.complaints for rule in each.rules)]
    yield from _repeated([*protocol.questions, *(rule.id for rule in rules)], "rule or question")
    if FALLBACK not in protocol.by_complaint:
        yield f"complaint «{FALLBACK}» is missing: it is for who names none"
    if protocol.valid_until < protocol.valid_from:
        yield "valid_until is before valid_from"
    for each in doc.shared:
        if each.id not in protocol.questions:
            yield f"shared question «{each.id}» is asked nowhere"
    for question in protocol.questions.values():
        yield from _wrong_in_question(question)
    for rule in protocol.floors:
        if rule.when.answers:
            yield f"floor «{rule.id}» may only look at the patient, not at answers"
    for complaint in protocol.complaints:
        yield from _wrong_in_complaint(complaint)


def _repeated(ids: list[str], what: str) -> Iterator[str]:
    yield from (f"{what} «{each}» is defined twice" for each in ids if ids.count(each) > 1)


def _wrong_in_question(question: Question) -> Iterator[str]:
    here = f"question «{question.id}»"
    if (question.kind is Kind.CHOICE) != bool(question.choices):
        yield f"{here}: choices belong to a choice, and a choice has some"
    if any(choice in (YES, NO, UNKNOWN) for choice, _ in question.choices):
        yield f"{here}: a choice may not be called yes, no or unknown"
    if question.kind is not Kind.NUMBER and (question.lowest, question.highest) != (None, None):
        yield f"{here}: only a number has limits"
    if question.level is None:
        return
    if question.kind is not Kind.YES_NO:
        yield f"{here}: only a yes_no question can be a sign"
    if not question.because or not question.source:
        yield f"{here}: a sign says because and source"


def _wrong_in_complaint(complaint: Complaint) -> Iterator[str]:
    here, known = f"complaint «{complaint.id}»", {q.id: q for q in complaint.questions}
    conditions = [rule.when for rule in complaint.rules]
    conditions += [route.when for route in complaint.routes]
    for heard in (each for when in conditions for each in when.answers):
        if heard.question not in known:
            yield f"{here}: «{heard.question}» is used but not among its questions"
        else:
            yield from _wrong_in_condition(here, known[heard.question], heard)


def _wrong_in_condition(here: str, question: Question, heard: Heard) -> Iterator[str]:
    if question.kind is Kind.NUMBER:
        if heard.accepted or (heard.at_least is None and heard.below is None):
            yield f"{here}: «{question.id}» is a number: say at_least or below"
        return
    for each in heard.accepted or {"a number"}:
        if question.hear(each) == UNKNOWN:
            yield f"{here}: «{question.id}» has no answer «{each}»"
