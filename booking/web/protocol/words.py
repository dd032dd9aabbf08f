"""A protocol in the words of a medical committee: conditions, rules, professions, differences."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext

from booking.governance.states import State
from booking.models import Act
from booking.triage.facts import NO, UNKNOWN, YES, Age, Facts, Heard, Sex, When
from booking.triage.protocol import Complaint, Level, Protocol, Question, Route, Rule
from booking.triage.protocol import Kind as Asked
from booking.triage.reading import Aloud
from booking.web import staff_words, wording
from schedules import legal, nomenclature

STATES = {
    State.DRAFT: lazy("Brouillon"),
    State.TESTED: lazy("Essayée, à signer"),
    State.TO_COME: lazy("Signée, à venir"),
    State.IN_FORCE: lazy("En vigueur"),
    State.REPLACED: lazy("Remplacée"),
    State.EXPIRED: lazy("Expirée"),
    State.WITHDRAWN: lazy("Retirée"),
}
ACTS = {
    Act.IMPORTED: lazy("Importée"),
    Act.DRAFTED: lazy("Brouillon commencé"),
    Act.EDITED: lazy("Modifiée"),
    Act.TESTED: lazy("Essayée"),
    Act.APPROVED: lazy("Signée"),
    Act.WITHDRAWN: lazy("Retirée"),
    Act.RULES_CHOSEN: lazy("Règles de droit choisies"),
}
BLOCKS = {
    "universal": lazy("Étape 1 : signes lus à tous"),
    "stage2": lazy("Étape 2 : signes selon l’âge, le sexe, la grossesse"),
    "floors": lazy("Planchers : niveau minimal selon la personne"),
    "shared": lazy("Questions communes à plusieurs motifs"),
    "danger_words": lazy("Mots de danger"),
    "emergency_advice": lazy("Texte d’urgence"),
    "groups": lazy("Rubriques des motifs"),
    "families": lazy("Familles de motifs qui couvrent tous les âges"),
    "deadline_hours": lazy("Délais en heures"),
    "sources": lazy("Sources"),
}
ONE_YEAR, TWO_YEARS = 12, 24


def level(reached: Level) -> str:
    """Return « Le jour même »."""
    return str(staff_words.LEVELS[reached])


def discipline(code: str) -> str:
    """Return « Médecin généraliste »."""
    return wording.capital(nomenclature.label(code, wording.language()))


def age(span: Age) -> str:
    """Return the ages in words: « de 3 mois à moins de 15 ans »; nothing for any age."""
    first, below = span.first or None, span.below
    if first is None and below is None:
        return ""
    if first is None:
        return str(_("moins de %(age)s", age=_months(below or 0)))
    if below is None:
        return str(_("%(age)s et plus", age=_months(first)))
    return str(_("de %(first)s à moins de %(below)s", first=_months(first), below=_months(below)))


def _months(count: int) -> str:
    if count % ONE_YEAR == 0 and (count >= TWO_YEARS or count == ONE_YEAR):
        return str(ngettext("%(num)d an", "%(num)d ans", count // ONE_YEAR))
    return str(ngettext("%(num)d mois", "%(num)d mois", count))


def people(facts: Facts) -> list[str]:
    """Return who is meant, each condition in words; nothing where it is everybody."""
    said = [age(facts.age)]
    if facts.sex is not None:
        said.append(str(_("femme")) if facts.sex is Sex.FEMALE else str(_("homme")))
    if facts.pregnant is not None:
        said.append(
            str(_("grossesse certaine ou possible"))
            if facts.pregnant
            else str(_("pas de grossesse"))
        )
    return [each for each in said if each]


def whom(facts: Facts) -> str:
    """Return who is meant, in one line: « femme, de 16 ans à moins de 66 ans », or everybody."""
    return ", ".join(people(facts)) or str(_("tout le monde"))


def heard(condition: Heard, question: Question | None) -> str:
    """Return a condition on one answer: « Fièvre ? » oui."""
    text = question.text if question else condition.question
    if condition.accepted:
        choices = dict(question.choices) if question else {}
        known = {YES: _("oui"), NO: _("non"), UNKNOWN: _("ne sait pas")} | choices
        ordered = [each for each in known if each in condition.accepted]
        answer = _(" ou ").join(str(known[each]) for each in ordered)
        return f"« {text} » {answer or ', '.join(sorted(condition.accepted))}"
    unit = f" {question.unit}" if question and question.unit else ""
    low, high = condition.at_least, condition.below
    if low is not None and high is not None:
        limits = _("de %(low)s à moins de %(high)s", low=_number(low), high=_number(high) + unit)
    elif low is not None:
        limits = _("%(low)s ou plus", low=_number(low) + unit)
    else:
        limits = _("moins de %(high)s", high=_number(high or 0) + unit)
    return f"« {text} » {limits}"


def _number(number: float) -> str:
    return f"{number:g}".replace(".", "," if wording.language() == wording.FRENCH else ".")


def when(conditions: When, protocol: Protocol) -> str:
    """Return what a rule or a profession stands on: « femme, et « Fièvre ? » oui »."""
    known = protocol.questions
    said = [*people(conditions.facts)]
    said += [heard(each, known.get(each.question)) for each in conditions.answers]
    return _(" et ").join(said) or str(_("toujours"))


def rule(each: Rule, protocol: Protocol) -> dict[str, Any]:
    """Return a rule as one line: the condition, the level, why, on whose word."""
    return {
        "id": each.id,
        "when": when(each.when, protocol),
        "level": level(each.level),
        "is_emergency": each.level.is_emergency,
        "because": each.because,
        "source": source(each.source, protocol),
    }


def question(each: Question, protocol: Protocol) -> dict[str, Any]:
    """Return a question as it is read aloud, whom it is for, and what « oui » means."""
    return {
        "id": each.id,
        "text": each.text,
        "answers": answers(each),
        "asked_if": ", ".join(people(each.asked_if)),
        "level": None if each.level is None else level(each.level),
        "is_emergency": each.is_red_flag,
        "because": each.because,
        "source": source(each.source, protocol) if each.source else "",
    }


def answers(each: Question) -> str:
    """Return how it may be answered: « oui, non », its choices, or a number and its limits."""
    if each.kind is Asked.CHOICE:
        return " / ".join(text for _code, text in each.choices)
    if each.kind is Asked.YES_NO:
        return ""
    limits = [_number(edge) for edge in (each.lowest, each.highest) if edge is not None]
    return " ".join(filter(None, (str(_("nombre")), "–".join(limits), each.unit)))


def route(each: Route, protocol: Protocol) -> dict[str, Any]:
    """Return a profession with its conditions and the legal rule that it stands on."""
    law = legal.rules().get(each.law or "")
    return {
        "discipline": discipline(each.discipline),
        "when": when(each.when, protocol),
        "law": law.title if law else (each.law or ""),
        "law_source": law.source if law else "",
        "law_until": law and law.valid_until and wording.birth_day(law.valid_until),
        "needs": ", ".join(each.needs),
        "at_most": level(each.at_most),
        "because": each.because,
        "source": source(each.source, protocol),
    }


def source(name: str, protocol: Protocol) -> str:
    """Return a source's title and date; its name where the protocol has no such source."""
    for each in protocol.sources:
        if each.id == name:
            return f"{each.title} ({each.dated})"
    return name


def complaint(each: Complaint, protocol: Protocol) -> dict[str, Any]:
    """Return all of a complaint: what is asked, what it means, who may receive, what is said."""
    return {
        "id": each.id,
        "title": each.title,
        "synonyms": ", ".join(each.synonyms),
        "scope": whom(each.scope),
        "questions": [question(q, protocol) for q in each.questions],
        "rules": [rule(r, protocol) for r in each.rules],
        "otherwise": level(each.otherwise),
        "routes": [route(r, protocol) for r in each.routes],
        "safety_net": each.safety_net,
        "source": source(each.source, protocol),
    }


def aloud(time: Aloud) -> str:
    """Return « 24 questions, 180 mots, 68 s à voix haute »."""
    questions = ngettext("%(num)d question", "%(num)d questions", time.questions)
    return str(
        _(
            "%(questions)s, %(words)s mots, %(seconds)s s à voix haute",
            questions=questions,
            words=time.words,
            seconds=time.seconds,
        )
    )


def signs_aloud(time: Aloud) -> str:
    """Return « 9 signes, 57 mots, 21 s à voix haute », the price of stage 1."""
    signs = ngettext("%(num)d signe", "%(num)d signes", time.questions)
    return str(
        _(
            "%(questions)s, %(words)s mots, %(seconds)s s à voix haute",
            questions=signs,
            words=time.words,
            seconds=time.seconds,
        )
    )


def counted(numbers: Mapping[str, int]) -> str:
    """Return « 9 signes, 57 motifs, 411 questions, 820 règles, 290 cas »."""
    words = {
        "signs": ngettext("%(num)d signe", "%(num)d signes", numbers.get("signs", 0)),
        "complaints": ngettext("%(num)d motif", "%(num)d motifs", numbers.get("complaints", 0)),
        "questions": ngettext("%(num)d question", "%(num)d questions", numbers.get("questions", 0)),
        "rules": ngettext("%(num)d règle", "%(num)d règles", numbers.get("rules", 0)),
        "cases": ngettext("%(num)d cas", "%(num)d cas", numbers.get("cases", 0)),
    }
    return ", ".join(text for name, text in words.items() if name in numbers)
