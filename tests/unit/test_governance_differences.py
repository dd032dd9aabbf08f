"""Two versions side by side: every change is found, and what it does to every case."""

from dataclasses import replace

import pytest

from booking.governance import differences
from booking.governance.differences import Kind
from booking.governance.texts import Texts
from booking.triage.protocol import Level
from tests.small_protocol import CASES, DOCUMENT, FIRST

CHANGES = [
    ("Mal de gorge", "Gorge", (Kind.TITLE, "gorge")),
    ("group: corps", "group: divers", (Kind.GROUP, "gorge")),
    ("[angine, avaler]", "[angine]", (Kind.SYNONYMS, "gorge")),
    ("otherwise: WITHIN_24H", "otherwise: SAME_DAY", (Kind.OTHERWISE, "gorge")),
    ("avaler ou respirer", "respirer", (Kind.SAFETY_NET, "gorge")),
    ("Salive impossible", "Salive difficile", (Kind.WORDING, "gorge")),
    ("38 °C ou plus", "39 °C ou plus", (Kind.WORDING, "gorge")),
    ("level: SAME_DAY, when", "level: CALL_15, when", (Kind.RULE_LEVEL, "gorge")),
    ("{answers: {fievre: yes}}", "{answers: {fievre: no}}", (Kind.RULE_WHEN, "gorge")),
    ("id: g_fievre, level", "id: g_autre, level", (Kind.RULE, "gorge")),
    (
        'avaler ?", level: CALL_15,',
        'avaler ?", level: CALL_15_ADVICE,',
        (Kind.SIGN_LEVEL, "gorge"),
    ),
    ("{age_months: {below: 3}}", "{age_months: {below: 6}}", (Kind.ASKED_IF, "stage2")),
    ("difficulté à respirer", "gêne pour respirer", (Kind.WORDING, "universal")),
    ("Détresse.", "Grave.", (Kind.BECAUSE, "universal")),
    ('MG, because: "Regarder', 'CSNP, because: "Regarder', (Kind.ROUTE, "gorge")),
    (
        'MG, because: "Regarder',
        'MG, at_most: WITHIN_24H, because: "Regarder',
        (Kind.ROUTE_WHEN, "gorge"),
    ),
    ("Restez près", "Demeurez près", (Kind.GENERAL, "")),
    ("SAME_DAY: 12", "SAME_DAY: 6", (Kind.GENERAL, "")),
    ("Choix du comité", "Le comité", (Kind.SOURCE, "")),
    ("      - fievre\n", "", None),
]


def changed(old, new):
    assert old in DOCUMENT
    return replace(FIRST, document=DOCUMENT.replace(old, new, 1), english=None)


def test_a_version_beside_itself_differs_in_nothing():
    assert differences.between(FIRST.french, FIRST.numbered(2).french) == []


@pytest.mark.parametrize(("old", "new", "found"), [c for c in CHANGES if c[2]])
def test_every_change_is_found_with_its_place(old, new, found):
    after = changed(old, new).french

    changes = differences.between(FIRST.french, after)

    assert found in {(change.kind, change.place) for change in changes}
    assert {change.place for change in changes} == {found[1]}


def test_a_complaint_that_is_new_or_gone_is_one_change():
    start, end = DOCUMENT.index("  - id: gorge"), DOCUMENT.index("  - id: autre")
    block = DOCUMENT[start:end]
    nose = block.replace("id: gorge", "id: nez").replace("g_", "n_")
    longer = replace(FIRST, document=DOCUMENT.replace(block, block + nose), english=None).french

    [added] = differences.between(FIRST.french, longer)
    [removed] = differences.between(longer, FIRST.french)

    assert (added.kind, added.place, added.before) == (Kind.COMPLAINT, "nez", None)
    assert (removed.kind, removed.after) == (Kind.COMPLAINT, None)


def effects(after: Texts):
    examples = (*FIRST.examples, *after.examples)
    return differences.effects(FIRST.french, after.french, examples)


def test_the_same_version_changes_no_case():
    assert effects(FIRST.numbered(2)) == ([], 6)


def test_who_is_seen_later_comes_before_who_is_seen_sooner():
    weaker = changed('level: CALL_15, because: "Abcès."', 'level: SAME_DAY, because: "Abcès."')
    both = replace(
        weaker,
        document=weaker.document.replace("otherwise: WITHIN_24H", "otherwise: SAME_DAY").replace(
            "rules:\n      - {id: g_fievre, level: SAME_DAY",
            "rules:\n      - {id: g_fievre, level: CALL_15_ADVICE",
        ),
    )

    found, tried = effects(both)

    assert tried == 6
    assert [(e.case.id, e.lowers, e.raises) for e in found] == [
        ("gorge_bave", True, False),
        ("gorge_simple", False, True),
        ("gorge_fievre", False, True),
    ]
    assert (found[0].before.level, found[0].after.level) == (Level.CALL_15, Level.SAME_DAY)


def test_a_case_that_was_taken_out_or_told_otherwise_is_tried_as_it_was():
    quiet = "\n".join(line for line in CASES.splitlines() if "gorge_bave" not in line)
    tamer = quiet.replace(
        "answers: {fievre: yes}, level: SAME_DAY", "answers: {fievre: no}, level: SAME_DAY"
    )
    after = replace(FIRST, cases=tamer)

    _, tried = effects(after)
    told = differences.retold(FIRST.examples, after.examples)

    assert tried == 7
    assert [(one.id, other and other.id) for one, other in told] == [
        ("gorge_fievre", "gorge_fievre"),
        ("gorge_bave", None),
    ]


def test_a_complaint_that_is_gone_counts_as_seen_later():
    [effect] = [
        differences.Effect(FIRST.examples[0], differences.Outcome(Level.WITHIN_24H, "MG"), None)
    ]

    assert effect.lowers
    assert not effect.raises
