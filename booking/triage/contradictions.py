"""What is well formed in a protocol file but cannot be meant, each with the way to its line."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from booking.triage.danger import folded
from booking.triage.documents import (
    ComplaintDoc,
    LawDoc,
    ProtocolDoc,
    QuestionDoc,
    RouteDoc,
    RuleDoc,
    WhenDoc,
)
from booking.triage.facts import NO, UNKNOWN, YES, Heard
from booking.triage.lines import Loc
from booking.triage.protocol import FALLBACK, Kind, Level, Question
from booking.triage.refusals import near

Laws = Mapping[str, LawDoc]
"""Legal rules by id: what routes stand on that no doctor has to allow."""

Fault = tuple[Loc, str]


def found(doc: ProtocolDoc, laws: Laws) -> Iterator[Fault]:
    """Yield everything that contradicts itself, French, with its remedy."""
    bank: dict[str, QuestionDoc] = {}
    for loc, question in questions_in(doc):
        if question.id in bank:
            yield loc, f"la question « {question.id} » est définie deux fois ; changez son id"
        bank.setdefault(question.id, question)
        yield from _in_question(loc, question)
    yield from _in_header(doc)
    yield from _in_names(doc, bank)
    yield from _unused(doc, bank)
    for number, floor in enumerate(doc.floors):
        if floor.when.answers:
            yield (
                ("floors", number, "when", "answers"),
                (
                    f"le plancher « {floor.id} » ne regarde que l'âge, le sexe et la grossesse ; "
                    "enlevez answers, ou faites-en une règle d'un motif"
                ),
            )
    known = {each.id: each.question() for each in bank.values()}
    for number, complaint in enumerate(doc.complaints):
        yield from _Complaint(("complaints", number), complaint, doc.groups, known, laws).faults()


def questions_in(doc: ProtocolDoc) -> Iterator[tuple[Loc, QuestionDoc]]:
    """Yield every question that the file defines, with the way to it."""
    for name, asked in (
        ("universal", doc.universal),
        ("stage2", doc.stage2),
        ("shared", doc.shared),
    ):
        for number, question in enumerate(asked):
            yield (name, number), question
    for place, complaint in enumerate(doc.complaints):
        for number, own in enumerate(complaint.questions):
            if isinstance(own, QuestionDoc):
                yield ("complaints", place, "questions", number), own


def rules_in(doc: ProtocolDoc) -> Iterator[tuple[Loc, RuleDoc]]:
    """Yield every floor and rule of the file, with the way to it."""
    for number, floor in enumerate(doc.floors):
        yield ("floors", number), floor
    for place, complaint in enumerate(doc.complaints):
        for number, rule in enumerate(complaint.rules):
            yield ("complaints", place, "rules", number), rule


def _in_header(doc: ProtocolDoc) -> Iterator[Fault]:
    if doc.valid_until < doc.valid_from:
        yield ("valid_until",), "valid_until est avant valid_from ; corrigez l'une des deux dates"
    for level in doc.deadline_hours:
        if level not in Level.__members__:
            names = ", ".join(Level.__members__)
            yield (
                ("deadline_hours", level),
                f"aucun niveau ne s'appelle « {level} » ; écrivez {names}",
            )
    complaints = [each.id for each in doc.complaints]
    if FALLBACK not in complaints:
        yield (
            ("complaints",),
            f"il manque le motif « {FALLBACK} » ; ajoutez-le, pour qui ne nomme aucun motif",
        )
    for family, members in doc.families.items():
        for member in members:
            if member not in complaints:
                yield (
                    ("families", family),
                    f"la famille « {family} » nomme le motif « {member} », qui n'existe pas"
                    + (near(member, complaints) or " ; enlevez-le"),
                )


def _in_names(doc: ProtocolDoc, bank: Mapping[str, QuestionDoc]) -> Iterator[Fault]:
    """Yield the ids that two things have: complaints among themselves, rules and questions."""
    seen: set[str] = set()
    for number, complaint in enumerate(doc.complaints):
        if complaint.id in seen:
            yield (
                ("complaints", number),
                f"le motif « {complaint.id} » est défini deux fois ; changez son id",
            )
        seen.add(complaint.id)
    taken = set(bank)
    for loc, rule in rules_in(doc):
        if rule.id in taken:
            yield (
                loc,
                f"« {rule.id} » est déjà l'id d'une règle ou d'une question ; changez-le",
            )
        taken.add(rule.id)


def _unused(doc: ProtocolDoc, bank: Mapping[str, QuestionDoc]) -> Iterator[Fault]:
    asked = {each for c in doc.complaints for each in c.questions if isinstance(each, str)}
    for number, shared in enumerate(doc.shared):
        if shared.id not in asked:
            yield (
                ("shared", number),
                (
                    f"la question commune « {shared.id} » n'est posée par aucun motif ; "
                    "enlevez-la, ou citez-la dans les questions d'un motif"
                ),
            )
    signs = [each.id for each in (*doc.universal, *doc.stage2)]
    for sign, phrases in doc.danger_words.items():
        for number, phrase in enumerate(phrases):
            if not folded(phrase):
                here = ("danger_words", sign, number)
                yield here, f"danger_words : « {phrase} » n'a aucun mot ; corrigez-le"
        if sign not in signs:
            known = "n'est pas un signe" if sign in bank else "n'existe pas"
            yield (
                ("danger_words", sign),
                f"danger_words : « {sign} » {known} des étapes 1 et 2"
                + (near(sign, signs) or " ; écrivez l'id d'un signe de `universal` ou `stage2`"),
            )


def _in_question(loc: Loc, question: QuestionDoc) -> Iterator[Fault]:
    here = f"la question « {question.id} »"
    if question.kind is Kind.CHOICE and not question.choices:
        yield loc, f"{here} est un choix sans choix ; ajoutez choices"
    if question.kind is not Kind.CHOICE and question.choices:
        yield loc, f"{here} a des choix ; ajoutez kind: choice"
    for choice in question.choices:
        if choice in (YES, NO, UNKNOWN):
            yield loc, f"{here} : un choix ne s'appelle pas « {choice} » ; donnez-lui un autre id"
    low, high = question.lowest, question.highest
    if question.kind is not Kind.NUMBER and (low, high) != (None, None):
        yield loc, f"{here} a des limites ; enlevez-les, ou ajoutez kind: number"
    if low is not None and high is not None and low >= high:
        yield loc, f"{here} : lowest doit être plus petit que highest"
    if question.level is None:
        return
    if question.kind is not Kind.YES_NO:
        yield loc, f"{here} : seul un oui ou non peut être un signe ; enlevez level ou kind"
    if not question.because or not question.source:
        yield loc, f"{here} est un signe ; ajoutez because et source"


@dataclass(frozen=True)
class _Complaint:
    """One complaint, and what it may name."""

    loc: tuple[str | int, ...]
    doc: ComplaintDoc
    groups: Collection[str]
    bank: Mapping[str, Question]
    laws: Laws

    @cached_property
    def asked(self) -> list[str]:
        """Return the ids of its questions, in order."""
        return [each if isinstance(each, str) else each.id for each in self.doc.questions]

    def faults(self) -> Iterator[Fault]:
        """Yield what cannot be meant in it."""
        if self.doc.group not in self.groups:
            remedy = near(self.doc.group, self.groups) or " ; ajoutez-le à `groups`"
            yield (*self.loc, "group"), f"le groupe « {self.doc.group} » n'existe pas{remedy}"
        for number, asked in enumerate(self.asked):
            loc = (*self.loc, "questions", number)
            if asked not in self.bank:
                yield loc, f"la question « {asked} » n'existe pas" + self._asking(asked, self.bank)
            elif asked in self.asked[:number]:
                yield loc, f"la question « {asked} » est posée deux fois ; enlevez-en une"
        for number, rule in enumerate(self.doc.rules):
            yield from self._conditions((*self.loc, "rules", number), rule.when)
        for number, route in enumerate(self.doc.routes):
            loc = (*self.loc, "routes", number)
            yield from self._conditions(loc, route.when)
            if route.requires is not None:
                yield from self._law(loc, route, route.requires)

    def _asking(self, question: str, known: Iterable[str]) -> str:
        return near(question, known) or " ; écrivez son id comme dans `shared`, ou ajoutez-la"

    def _conditions(self, loc: Loc, when: WhenDoc) -> Iterator[Fault]:
        for heard in when.when().answers:
            here = (*loc, "when", "answers", heard.question)
            if heard.question not in self.bank:
                remedy = self._asking(heard.question, self.asked)
                yield here, f"la question « {heard.question} » n'existe pas{remedy}"
            elif heard.question not in self.asked:
                yield (
                    here,
                    (
                        f"le motif « {self.doc.id} » ne pose pas « {heard.question} » ; "
                        "ajoutez-la à ses questions, ou enlevez la condition"
                    ),
                )
            else:
                yield from _in_condition(here, self.bank[heard.question], heard)

    def _law(self, loc: Loc, route: RouteDoc, name: str) -> Iterator[Fault]:
        law, here = self.laws.get(name), (*loc, "requires")
        if law is None:
            remedy = near(name, self.laws) or " ; écrivez un id de legal_rules.yaml"
            yield here, f"aucune règle légale ne s'appelle « {name} »{remedy}"
            return
        if route.discipline not in law.disciplines:
            allowed = ", ".join(law.disciplines)
            yield (
                here,
                (
                    f"la règle légale « {name} » n'est pas pour {route.discipline} ; "
                    f"elle est pour {allowed}"
                ),
            )
        for question in law.when.answers:
            if question not in self.asked:
                yield (
                    here,
                    (
                        f"la règle légale « {name} » repose la question « {question} », "
                        f"que le motif « {self.doc.id} » ne pose pas ; ajoutez-la à ses questions"
                    ),
                )
        try:
            law.when.when() & route.when.when()
        except ValueError as contradiction:
            yield (
                here,
                (
                    f"la condition contredit la règle légale « {name} » ({contradiction}) ; "
                    "enlevez de la condition ce que la règle dit déjà"
                ),
            )


def _in_condition(loc: Loc, question: Question, heard: Heard) -> Iterator[Fault]:
    here = f"la question « {question.id} »"
    if question.kind is Kind.NUMBER:
        if heard.accepted or (heard.at_least is None and heard.below is None):
            yield loc, f"{here} attend un nombre ; écrivez {{at_least: …}} ou {{below: …}}"
        return
    known = ", ".join(sorted(question.words_known))
    for each in sorted(heard.accepted) or ["un nombre"]:
        if each not in question.words_known:
            yield loc, f"{here} n'a pas la réponse « {each} » ; écrivez {known}"
