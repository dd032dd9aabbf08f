"""The public contract of triage: what the command and the API take and give, as plain JSON."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from booking.triage import danger
from booking.triage.engine import Assessment, assess, existing, routes_in_force
from booking.triage.facts import EVERYBODY, YES, Age, Facts, Patient, Pregnant, Sex
from booking.triage.protocol import Kind, Protocol, Question

LONGEST_TEXT = 200
MOST_ITEMS = 500
LARGEST_NUMBER = 1e9
LONGEST_NOTE = 10_000
"""Beyond these it is no questionnaire of ours: refused before anything reads it."""

Line = Mapping[str, Any]


class BadInput(ValueError):
    """A line that is not an answered questionnaire; the message is French, for who sent it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} : {message}")
        self.field = field
        self.message = message


def questionnaire(protocol: Protocol) -> dict[str, Any]:
    """Return every question of the protocol, as DESIGN §5.1 says.

    The signs of stage 2 follow the universal ones, with the `asked_if` of each: ages in
    months, from `from_months` up to and without `below_months`.
    """
    return {
        "protocol": protocol.id,
        "version": protocol.version,
        "universal": [_asked(each) for each in (*protocol.universal, *protocol.stage2)],
        "complaints": [
            {
                "id": complaint.id,
                "title": complaint.title,
                "scope": _facts(complaint.scope),
                "questions": [_asked(each) for each in complaint.questions],
            }
            for complaint in protocol.complaints
        ],
    }


def parse(line: object, protocol: Protocol) -> tuple[Patient, tuple[str, ...], dict[str, Any]]:
    """Return the patient, the complaints and the answers of one line.

    Values that a question or a fact does not know (an age of 200, an answer «perhaps»)
    are kept: they are doubts, and the engine takes them for the worst. Answers to unknown
    questions are kept too, and count for nothing, like fields that the contract lacks.

    Raises:
        BadInput: another shape or type, a number that is not one, an unknown complaint.
    """
    whole = _mapping(line, "ligne")
    patient = _patient(_mapping(whole.get("patient", {}), "patient"))
    complaints = _complaints(whole.get("complaints", []), protocol)
    answers = _mapping(whole.get("answers", {}), "answers")
    return patient, complaints, {q: _answer(q, said) for q, said in answers.items()}


def answer(protocol: Protocol, line: object, on: date) -> dict[str, Any]:
    """Return the line that answers one line, with the routes that the law allows on that day.

    A line with a free `text` gets `reask`: the signs that its words make us ask again. They
    change no level; whoever asks them sends the line once more with their answers.

    Raises:
        BadInput: the line is not an answered questionnaire.
    """
    patient, complaints, answers = parse(line, protocol)
    whole = _mapping(line, "ligne")
    said = _line(assess(protocol, patient, complaints, answers), on)
    if whole.get("text") is not None:
        signs = existing(danger.raised(protocol, _note(whole["text"])), patient)
        said["reask"] = [sign.id for sign in signs if answers.get(sign.id) != YES]
    return {"id": _identifier(whole["id"]), **said} if "id" in whole else said


def _line(assessment: Assessment, on: date) -> dict[str, Any]:
    routes = routes_in_force(assessment.routes, on)
    return {
        "level": assessment.level.name,
        "deadline_hours": assessment.deadline_hours,
        "professions": list(dict.fromkeys(route.discipline for route in routes)),
        "reasons": [
            {
                "rule": reason.rule,
                "question": reason.question,
                "answer": reason.answer,
                "level": reason.level.name,
                "because": reason.because,
            }
            for reason in assessment.reasons
        ],
        "safety_net": assessment.safety_net,
        "protocol": assessment.protocol,
        "version": assessment.version,
        "digest": assessment.digest,
    }


def _asked(question: Question) -> dict[str, Any]:
    said: dict[str, Any] = {"id": question.id, "text": question.text, "kind": question.kind.value}
    if question.kind is Kind.CHOICE:
        said["choices"] = [choice for choice, _ in question.choices]
        said["choice_texts"] = dict(question.choices)
    if question.unit:
        said["unit"] = question.unit
    if question.kind is Kind.NUMBER:
        said["lowest"], said["highest"] = question.lowest, question.highest
    if question.asked_if != EVERYBODY:
        said["asked_if"] = _facts(question.asked_if)
    return said


def _facts(facts: Facts) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if facts.age != Age():
        limits = {"from_months": facts.age.first, "below_months": facts.age.below}
        said |= {name: limit for name, limit in limits.items() if limit is not None}
    if facts.sex is not None:
        said["sex"] = facts.sex.value
    if facts.pregnant is not None:
        said["pregnant"] = "yes" if facts.pregnant else "no"
    return said


def _mapping(said: object, field: str) -> Mapping[str, Any]:
    if not isinstance(said, Mapping) or len(said) > MOST_ITEMS:
        raise BadInput(field, "un objet JSON est attendu")
    if any(not isinstance(key, str) or len(key) > LONGEST_TEXT for key in said):
        raise BadInput(field, "une clé est trop longue ou n'est pas un texte")
    return said


def _note(said: object) -> str:
    if not isinstance(said, str) or len(said) > LONGEST_NOTE:
        raise BadInput("text", f"un texte de {LONGEST_NOTE} signes au plus est attendu")
    return said


def _identifier(said: object) -> str | int:
    if isinstance(said, str) and len(said) <= LONGEST_TEXT:
        return said
    if isinstance(said, int) and not isinstance(said, bool) and abs(said) <= LARGEST_NUMBER:
        return said
    raise BadInput("id", "un texte court ou un nombre entier est attendu")


def _patient(said: Line) -> Patient:
    return Patient.aged(
        years=_number(said.get("age_years"), "patient.age_years"),
        months=_number(said.get("age_months"), "patient.age_months"),
        sex=Sex(_word(said.get("sex"), "patient.sex", list(Sex))),
        pregnant=Pregnant(_word(said.get("pregnant"), "patient.pregnant", list(Pregnant))),
    )


def _word(said: object, field: str, known: list[Any]) -> str:
    if said is None:
        return "unknown"
    if not isinstance(said, str) or said not in known:
        raise BadInput(field, f"une de ces valeurs est attendue : {', '.join(known)}")
    return said


def _number(said: object, field: str) -> float | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise BadInput(field, "un nombre est attendu")
    if not abs(said) <= LARGEST_NUMBER:  # also false of NaN
        raise BadInput(field, "ce nombre n'est pas possible")
    return said


def _complaints(said: object, protocol: Protocol) -> tuple[str, ...]:
    if not isinstance(said, list) or len(said) > MOST_ITEMS:
        raise BadInput("complaints", "une liste de motifs est attendue")
    for each in said:
        if not isinstance(each, str) or each not in protocol.by_complaint:
            named = repr(each[:LONGEST_TEXT]) if isinstance(each, str) else "ce n'est pas un texte"
            raise BadInput("complaints", f"motif inconnu : {named}")
    return tuple(said)


def _answer(question: str, said: object) -> str | float | None:
    if said is None or (isinstance(said, str) and len(said) <= LONGEST_TEXT):
        return said
    if isinstance(said, str | bool):
        raise BadInput(f"answers.{question}", "« yes », « no », « unknown » ou un choix attendu")
    return _number(said, f"answers.{question}")
