"""Small protocols and random ones, and the people to try them on."""

from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from booking import protocols as published
from booking.triage import loading
from booking.triage.documents import LawDoc, WhenDoc
from booking.triage.facts import Age, Facts, Heard, Patient, Pregnant, Sex, When
from booking.triage.protocol import Complaint, Kind, Level, Protocol, Question, Route, Rule
from schedules import nomenclature

PROTOCOLS = Path(__file__).parents[2] / "config" / "protocols"
DISCIPLINES = frozenset(nomenclature.disciplines())

A_SIGN = {"level": "CALL_15", "because": "Grave.", "source": "comite"}
DOCUMENT: dict[str, Any] = {
    "id": "essai",
    "version": 1,
    "title": "Essai",
    "language": "fr",
    "valid_from": date(2026, 1, 1),
    "valid_until": date(2026, 12, 31),
    "reviewed_by": [],
    "sources": {"comite": {"title": "Comité", "dated": "2026"}},
    "deadline_hours": {"SAME_DAY": 12, "WITHIN_24H": 24},
    "emergency_advice": "Appelez le 15.",
    "groups": {"tete": "Tête", "divers": "Divers"},
    "universal": [{"id": "u_mal", "text": "Très mal", **A_SIGN}],
    "stage2": [
        {"id": "s_bebe", "text": "Bébé mou", "asked_if": {"age_months": {"below": 3}}} | A_SIGN
    ],
    "shared": [{"id": "fievre", "text": "Fièvre ?"}],
    "floors": [
        {"id": "plancher", "level": "WITHIN_24H", "when": {"age_months": {"below": 1}}}
        | {"because": "Tout petit.", "source": "comite"}
    ],
    "complaints": [
        {
            "id": "gorge",
            "title": "Mal de gorge",
            "group": "tete",
            "source": "comite",
            "questions": [
                {"id": "salive", "text": "Salive impossible à avaler ?", **A_SIGN},
                "fievre",
                {"id": "duree", "text": "Depuis quand ?", "kind": "choice"}
                | {"choices": {"court": "Peu", "long": "Longtemps"}},
                {
                    "id": "degres",
                    "text": "Combien ?",
                    "kind": "number",
                    "lowest": 30,
                    "highest": 45,
                },
            ],
            "rules": [
                {"id": "longtemps", "level": "SAME_DAY", "because": "Long.", "source": "comite"}
                | {"when": {"answers": {"duree": "long", "fievre": "yes"}}},
                {"id": "chaud", "level": "SAME_DAY", "because": "Chaud.", "source": "comite"}
                | {"when": {"answers": {"degres": {"at_least": 40}}}},
            ],
            "otherwise": "NOT_UNSCHEDULED",
            "routes": [
                {"discipline": "PH", "because": "Test.", "source": "comite", "requires": "test"}
                | {"when": {"answers": {"duree": "court"}}},
                {"discipline": "MG", "because": "Médecin.", "source": "comite"},
            ],
            "safety_net": "Rappelez le 15 si c'est pire.",
        },
        {
            "id": "autre",
            "title": "Autre chose",
            "group": "divers",
            "source": "comite",
            "questions": [{"id": "douleur", "text": "Douleur énorme ?", **A_SIGN}],
            "otherwise": "SAME_DAY",
            "routes": [{"discipline": "MG", "because": "Médecin.", "source": "comite"}],
            "safety_net": "Rappelez le 15 au moindre doute.",
        },
    ],
}

LAWS = {
    "test": LawDoc(
        id="test",
        disciplines=("PH",),
        enabling="test_angine",
        valid_from=date(2026, 3, 1),
        valid_until=date(2026, 11, 30),
        when=WhenDoc.model_validate({"age_years": {"from": 10}, "answers": {"fievre": "no"}}),
    )
}
"""One legal rule: pharmacists test throats without fever, from ten years on."""


def shipped() -> Protocol:
    """Return the newest protocol that is published with the product, in French."""
    return loading.load(shipped_file(), published.laws())


def shipped_file() -> Path:
    """Return the file of the newest protocol that is published with the product."""
    return max(published.files(PROTOCOLS), key=lambda file: int(file.suffixes[-2][2:]))


def a_document() -> dict[str, Any]:
    """Return a small sound protocol as YAML would give it, to change at will."""
    return deepcopy(DOCUMENT)


def written(document: dict[str, Any]) -> Protocol:
    """Return the protocol that this document, written to YAML, is read as."""
    return loading.read(as_yaml(document), LAWS)


def as_yaml(document: dict[str, Any]) -> bytes:
    """Return this document as a file has it."""
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode()


months = st.one_of(st.none(), st.integers(0, 110 * 12))
patients = st.builds(
    Patient,
    months,
    st.sampled_from(Sex),
    st.sampled_from(Pregnant),
    older_by_months=st.sampled_from([0, 11]),
)
ages = st.builds(
    Age, st.one_of(st.none(), st.integers(0, 900)), st.one_of(st.none(), st.integers(1, 1200))
)
facts = st.one_of(
    st.just(Facts()),
    st.builds(
        Facts,
        ages,
        st.sampled_from([None, Sex.FEMALE, Sex.MALE]),
        st.sampled_from([None, True, False]),
    ),
)
levels = st.sampled_from(Level)
said = st.one_of(
    st.sampled_from(["yes", "no", "unknown", "a", "b", "ailleurs", None, True, float("nan")]),
    st.floats(allow_nan=True),
    st.integers(-5, 50),
)


@st.composite
def questions(draw: st.DrawFn, name: str) -> Question:
    kind = draw(st.sampled_from(Kind))
    sign = draw(levels) if kind is Kind.YES_NO and draw(st.booleans()) else None
    choices = (("a", "A"), ("b", "B")) if kind is Kind.CHOICE else ()
    low, high = (0, 45) if kind is Kind.NUMBER else (None, None)
    return Question(name, name, kind, choices, None, low, high, draw(facts), sign, "parce que", "s")


@st.composite
def whens(draw: st.DrawFn, known: list[Question]) -> When:
    used = draw(st.lists(st.sampled_from(known), unique=True, max_size=3))
    return When(draw(facts), tuple(_heard(draw, question) for question in used))


def _heard(draw: st.DrawFn, question: Question) -> Heard:
    if question.kind is Kind.NUMBER:
        return Heard(question.id, at_least=draw(st.integers(0, 44)))
    options = ["yes", "no"] if question.kind is Kind.YES_NO else ["a", "b"]
    return Heard(question.id, frozenset(draw(st.sets(st.sampled_from(options), min_size=1))))


@st.composite
def complaints(draw: st.DrawFn, name: str) -> Complaint:
    asked = [draw(questions(f"{name}_{n}")) for n in range(draw(st.integers(1, 4)))]
    rules = [
        Rule(f"{name}_r{n}", draw(levels), draw(whens(asked)), "parce que", "s")
        for n in range(draw(st.integers(0, 4)))
    ]
    routes = [
        Route(discipline, when=draw(whens(asked)))
        for discipline in draw(st.lists(st.sampled_from(["PH", "IDE", "MG"]), max_size=3))
    ]
    return Complaint(
        name,
        name,
        "groupe",
        draw(levels),
        "Rappelez le 15.",
        "s",
        scope=draw(facts),
        questions=tuple(asked),
        rules=tuple(rules),
        routes=tuple(routes),
    )


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    return Protocol(
        id="hasard",
        version=1,
        title="Hasard",
        language="fr",
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        reviewed_by=(),
        sources=(),
        digest="0",
        deadline_hours=((Level.SAME_DAY, 12), (Level.WITHIN_24H, 24)),
        emergency_advice="Appelez le 15.",
        universal=(Question("u", "u", level=Level.CALL_15, because="grave", source="s"),),
        stage2=(draw(questions("s")),),
        floors=(Rule("f", draw(levels), When(draw(facts)), "plancher", "s"),),
        complaints=tuple(draw(complaints(name)) for name in ("un", "deux", "autre")),
    )


names = st.lists(st.sampled_from(["un", "deux", "autre"]), min_size=1, unique=True)
sheets = st.dictionaries(
    st.sampled_from(["u", "s", *(f"{c}_{n}" for c in ("un", "deux", "autre") for n in range(4))]),
    said,
)
