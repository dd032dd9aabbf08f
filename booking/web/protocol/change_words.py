"""What differs between two versions, in the words of a medical committee."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking.governance.differences import Change, Kind, Outcome
from booking.triage.cases import Case
from booking.triage.facts import Facts, When
from booking.triage.protocol import Complaint, Level, Protocol, Question, Route, Rule, Source
from booking.web import wording
from booking.web.protocol.words import discipline, level, route, when, whom
from schedules import nomenclature

KINDS = {
    Kind.COMPLAINT: lazy("Motif"),
    Kind.TITLE: lazy("Titre du motif"),
    Kind.GROUP: lazy("Rubrique"),
    Kind.SYNONYMS: lazy("Synonymes"),
    Kind.SCOPE: lazy("Personnes concernées"),
    Kind.OTHERWISE: lazy("Niveau sans aucune règle"),
    Kind.SAFETY_NET: lazy("Consigne à dire"),
    Kind.QUESTION: lazy("Question"),
    Kind.WORDING: lazy("Texte de la question"),
    Kind.CHOICES: lazy("Réponses possibles"),
    Kind.ASKED_IF: lazy("À qui la question est posée"),
    Kind.SIGN_LEVEL: lazy("Niveau si « oui »"),
    Kind.QUESTION_ORDER: lazy("Ordre des questions"),
    Kind.RULE: lazy("Règle"),
    Kind.RULE_LEVEL: lazy("Niveau de la règle"),
    Kind.RULE_WHEN: lazy("Conditions de la règle"),
    Kind.BECAUSE: lazy("Raison"),
    Kind.ROUTE: lazy("Profession"),
    Kind.ROUTE_WHEN: lazy("Conditions de la profession"),
    Kind.ROUTE_ORDER: lazy("Ordre des professions"),
    Kind.SOURCE: lazy("Source"),
}
PLACES = {
    "": lazy("Tout le protocole"),
    "universal": lazy("Étape 1 : signes lus à tous"),
    "stage2": lazy("Étape 2 : signes selon l’âge, le sexe, la grossesse"),
    "floors": lazy("Planchers"),
}
NOTHING = "–"


def expected(case: Case | None) -> str:
    """Return what a version expects of a case: « Sous 24 heures, pharmacien »."""
    return NOTHING if case is None else outcome(Outcome(case.level, case.first))


def outcome(said: Outcome | None) -> str:
    """Return what a version says of a case: « Sous 24 heures, pharmacien »."""
    if said is None:
        return str(_("motif inconnu de cette version"))
    first = f", {nomenclature.label(said.first, wording.language())}" if said.first else ""
    return level(said.level) + first


def place(name: str, *versions: Protocol) -> str:
    """Return where a difference is: a complaint's title, or a part of the protocol."""
    for version in versions:
        if name in version.by_complaint:
            return version.by_complaint[name].title
    return str(PLACES.get(name, name))


def change(each: Change, before: Protocol, after: Protocol) -> dict[str, str]:
    """Return a difference as a clinician reads it: what, before, after."""
    return {
        "kind": _kind_of(each),
        "what": _named(each, before, after),
        "sort": _("ajouté") if each.before is None else _("retiré") if each.after is None else "",
        "before": NOTHING if each.before is None else value(each.before, before),
        "after": NOTHING if each.after is None else value(each.after, after),
    }


def _kind_of(each: Change) -> str:
    return each.what if each.kind is Kind.GENERAL else str(KINDS[each.kind])


def _named(each: Change, before: Protocol, after: Protocol) -> str:
    """Return what a question says, a discipline is called; a rule keeps its name in the file."""
    if each.kind in (Kind.ROUTE, Kind.ROUTE_WHEN):
        return discipline(each.what)
    known = after.questions.get(each.what) or before.questions.get(each.what)
    if known is not None and each.kind is not Kind.QUESTION:
        return f"« {known.text} »"
    return "" if each.what in (each.place, "") else each.what


def value(said: object, protocol: Protocol) -> str:
    """Return one side of a difference in words."""
    match said:
        case Complaint() | Source():
            words = said.title
        case Level():
            words = level(said)
        case Facts():
            words = whom(said)
        case Question():
            words = said.text + (f" → {level(said.level)}" if said.level is not None else "")
        case Rule():
            words = _if(said, protocol)
        case Route():
            words = _route_in_a_line(said, protocol)
        case When():
            words = when(said, protocol)
        case tuple() | list():
            words = ", ".join(_item(each) for each in said if each is not None)
        case _:
            words = str(said)
    return words or NOTHING


def _if(said: Rule, protocol: Protocol) -> str:
    conditions = when(said.when, protocol)
    return str(_("si %(when)s → %(level)s", when=conditions, level=level(said.level)))


def _route_in_a_line(said: Route, protocol: Protocol) -> str:
    shown = route(said, protocol)
    return " · ".join(filter(None, (shown["when"], shown["law"], shown["needs"], shown["at_most"])))


def _item(each: object) -> str:
    if isinstance(each, tuple):
        return " : ".join(_item(part) for part in each)
    if isinstance(each, Level):
        return level(each)
    if isinstance(each, str) and each in nomenclature.disciplines():
        return discipline(each)
    return str(each)
