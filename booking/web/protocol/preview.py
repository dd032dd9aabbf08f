"""Try a version on one made-up person: what is asked of them, and what their answers would give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from booking import guards
from booking.extensions import db
from booking.triage import engine
from booking.triage.cases import calmly
from booking.triage.engine import Step
from booking.triage.facts import UNKNOWN, Patient, Pregnant, Sex, Truth
from booking.triage.protocol import Kind, Protocol, Question
from booking.web import staff_forms, staff_words
from booking.web.protocol import words
from booking.web.protocol.door import READERS, protocol, readable, room, shown
from config.database import transaction

MOST_COMPLAINTS = 3


@dataclass(frozen=True)
class Person:
    """Somebody made up: nothing of it is kept."""

    patient: Patient
    complaints: tuple[str, ...]


@protocol.get("/protocole/versions/<uuid:reference>/apercu")
@guards.open_to(*READERS)
def preview(reference: UUID) -> ResponseReturnValue:
    """Show what somebody of this age and sex is asked, and what their answers would give."""
    with transaction(db.session) as session:
        here = room(session)
        found = here.find(reference)
        read = readable(found)
        if read is None:
            abort(404)
        about, community = shown(found, here), here.community
    errors: dict[str, str] = {}
    somebody = _person(read, errors) if "age" in request.args else None
    page = render_template(
        "protocol/preview.html",
        errors=errors,
        typed=staff_forms.typed(request.args),
        chosen=request.args.getlist("motif"),
        community=community,
        version=about,
        complaints=[
            (heading, [{"value": c.id, "text": c.title} for c in under])
            for heading, under in read.grouped(read.complaints)
        ],
        asked=somebody and _asked(read, somebody),
        said=somebody and "juger" in request.args and _said(read, somebody),
    )
    return page, 422 if errors else 200


def _person(read: Protocol, errors: dict[str, str]) -> Person | None:
    typed = staff_forms.typed(request.args)
    try:
        age = float(typed.get("age", "").replace(",", "."))
    except ValueError:
        errors["age"] = _("Indiquez un âge, par exemple 34")
        return None
    complaints = [c for c in request.args.getlist("motif") if c in read.by_complaint]
    if len(complaints) > MOST_COMPLAINTS:
        errors["motif"] = _("Choisissez trois motifs au plus")
        return None
    sex = typed.get("sexe", "")
    pregnant = typed.get("enceinte", "")
    patient = Patient.aged(
        **{"months" if typed.get("unite") == "mois" else "years": age},
        sex=Sex(sex) if sex in set(Sex) else Sex.UNKNOWN,
        pregnant=Pregnant(pregnant) if pregnant in set(Pregnant) else Pregnant.UNKNOWN,
    )
    return Person(patient, tuple(complaints))


def _asked(read: Protocol, somebody: Person) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the questions under the name of their stage, with what was answered so far."""
    asked = engine.questions_for(read, somebody.patient, somebody.complaints)
    stages = {
        words.BLOCKS["universal"]: asked.universal,
        words.BLOCKS["stage2"]: asked.stage2,
        _("Questions du motif"): asked.complaint,
    }
    return [(str(name), [_field(q, read) for q in each]) for name, each in stages.items() if each]


def _field(question: Question, read: Protocol) -> dict[str, Any]:
    said = request.args.get(question.id, "")
    choices = dict(question.choices) or {"no": _("Non"), "yes": _("Oui")}
    return {
        **words.question(question, read),
        "is_number": question.kind is Kind.NUMBER,
        "unit": question.unit,
        "options": [
            {"value": value, "text": str(text)}
            for value, text in (*choices.items(), (UNKNOWN, _("Ne sait pas")))
        ],
        "said": said,
    }


def _said(read: Protocol, somebody: Person) -> dict[str, Any]:
    """Return the level and the whole trace: what held, what might hold, what did not."""
    answers = request.args.to_dict()
    if answers.get("calme") == "oui":
        asked = engine.questions_for(read, somebody.patient, somebody.complaints).all()
        answers = {q.id: answers.get(q.id) or calmly(q) for q in asked}
    said = engine.assess(read, somebody.patient, somebody.complaints, answers)
    return {
        "level": words.level(said.level),
        "is_emergency": said.level.is_emergency,
        "hours": said.deadline_hours,
        "routes": [words.route(each, read) for each in said.routes],
        "safety_net": said.safety_net,
        "held": steps((s for s in said.trace if s.held), read),
        "not_held": steps((s for s in said.trace if not s.held), read),
    }


def steps(trace: Any, read: Protocol) -> list[dict[str, Any]]:
    """Return steps of a trace in words, gravest first."""
    gravest_first = sorted(trace, key=lambda step: -step.level)
    return [step(each, read) for each in gravest_first]


def step(each: Step, read: Protocol) -> dict[str, Any]:
    """Return one rule that was looked at: what it heard, and whether it surely held."""
    return {
        "rule": each.rule,
        "level": words.level(each.level),
        "complaint": read.by_complaint[each.complaint].title if each.complaint else "",
        "because": each.because,
        "source": words.source(each.source, read) if each.source else "",
        "heard": heard(dict(each.heard), read) or ([] if each.held else [_("autre personne")]),
        "is_doubt": each.held is Truth.MAYBE,
    }


def heard(answers: Mapping[str, Any], read: Protocol) -> list[str]:
    """Return questions with their answers, as they were heard: « Fièvre ? » oui."""
    return [f"« {question} » {answer}" for question, answer in staff_words.answers(answers, read)]
