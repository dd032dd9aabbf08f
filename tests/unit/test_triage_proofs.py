from dataclasses import replace

import pytest

from booking.triage import engine, proofs
from booking.triage.facts import Truth
from booking.triage.protocol import Level
from tests.unit.triage_builders import A_SIGN, DISCIPLINES, a_document, written


def gorge(document):
    return document["complaints"][0]


def signs(count, words=1, **more):
    return [{"id": f"x{n}", "text": "mot " * words, **A_SIGN, **more} for n in range(count)]


def rule(**more):
    return {"id": "neuve", "level": "SAME_DAY", "because": "Neuve.", "source": "comite"} | more


def test_a_sound_protocol_has_nothing_to_say():
    assert proofs.prove(written(a_document()), DISCIPLINES) == []


PLANTED = {
    "ten universal signs": (lambda d: d["universal"].extend(signs(9)), "10 signs"),
    "a universal sign of eleven words": (lambda d: d["universal"].extend(signs(1, 11)), "11 words"),
    "sixty-one universal words": (lambda d: d["universal"].extend(signs(8, 8)), "66 words"),
    "a universal sign for women": (
        lambda d: d["universal"].extend(signs(1, asked_if={"sex": "female"})),
        "read to everybody",
    ),
    "a universal sign that may be booked": (
        lambda d: d["universal"][0].update(level="SAME_DAY"),
        "does not send to the 15",
    ),
    "five signs for one baby": (
        lambda d: d["stage2"].extend(signs(4, asked_if={"age_months": {"below": 1}})),
        "stage 2 asks 5 signs",
    ),
    "forty-six words for one baby": (
        lambda d: d["stage2"].extend(signs(3, 15, asked_if={"age_months": {"below": 1}})),
        "47 words",
    ),
    "a stage 2 sign for everybody": (
        lambda d: d["stage2"].extend(signs(1)),
        "belongs to stage 1",
    ),
    "a question of sixteen words": (
        lambda d: gorge(d)["questions"][0].update(text="mot " * 16),
        "16 words",
    ),
    "an unknown source": (lambda d: gorge(d)["rules"][0].update(source="wiki"), "wiki"),
    "a source cited nowhere": (
        lambda d: d["sources"].update(seul={"title": "Seul", "dated": "2026"}),
        "cited nowhere",
    ),
    "an unknown discipline": (lambda d: gorge(d)["routes"][0].update(discipline="XX"), "«XX»"),
    "no route": (lambda d: gorge(d).update(routes=[]), "nobody receives it"),
    "a route for emergencies": (
        lambda d: gorge(d)["routes"][1].update(at_most="CALL_15"),
        "may not receive an emergency",
    ),
    "a safety net without the 15": (
        lambda d: gorge(d).update(safety_net="Reposez-vous."),
        "safety net",
    ),
    "a complaint without red flags": (
        lambda d: gorge(d)["questions"][0].update(level="SAME_DAY"),
        "no red flag",
    ),
    "a scope that is nobody's": (
        lambda d: gorge(d).update(scope={"age_years": {"from": 20, "below": 20}}),
        "nobody's",
    ),
    "a rule that can never hold": (
        lambda d: gorge(d)["rules"].append(
            rule(when={"age_years": {"from": 20, "below": 20}, "answers": {"fievre": "yes"}})
        ),
        "«neuve» can never hold",
    ),
    "a threshold beyond the question": (
        lambda d: gorge(d)["rules"][1]["when"]["answers"].update(degres={"at_least": 50}),
        "«chaud» can never hold",
    ),
    "a rule no graver than otherwise": (
        lambda d: gorge(d).update(otherwise="SAME_DAY"),
        "no graver than when nothing holds",
    ),
    "a rule behind a graver one": (
        lambda d: gorge(d)["rules"].append(
            rule(level="WITHIN_24H", when={"answers": {"duree": "long", "fievre": "yes"}})
        ),
        "«neuve» never makes a difference",
    ),
    "a question that changes nothing": (
        lambda d: gorge(d)["questions"].append({"id": "vaine", "text": "Vaine ?"}),
        "«vaine» is asked but changes nothing",
    ),
    "an otherwise that nobody reaches": (
        lambda d: gorge(d)["rules"].append(rule(when={})),
        "nobody reaches NOT_UNSCHEDULED",
    ),
    "a route that nobody gets": (
        lambda d: gorge(d)["routes"][0]["when"]["answers"].update(salive="yes"),
        "PH (test) is never offered",
    ),
    "an idle floor": (
        lambda d: d["floors"][0].update(level="NOT_UNSCHEDULED"),
        "«plancher» never makes a difference",
    ),
    "silence that does not alarm": (
        lambda d: (
            [d["universal"][0].update(level="CALL_15_ADVICE")]
            + [c["questions"][0].update(level="CALL_15_ADVICE") for c in d["complaints"]]
        ),
        "an empty form is not sent to the 15",
    ),
}


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_found_and_said(error):
    plant, words = PLANTED[error]
    document = a_document()
    plant(document)

    failures = proofs.prove(written(document), DISCIPLINES)

    assert [failure for failure in failures if words in failure]


def test_an_engine_that_takes_doubt_for_no_is_found(monkeypatch):
    def careless(protocol, patient, complaints, answers):
        said = engine.assess(protocol, patient, complaints, answers)
        sure = [step.level for step in said.trace if step.held is Truth.YES]
        return replace(said, level=max(sure))

    monkeypatch.setattr(proofs, "assess", careless)
    failures = proofs.prove(written(a_document()), DISCIPLINES)

    assert "gorge: not knowing «salive» reassures" in failures
    assert "gorge: not knowing «degres» reassures" in failures
    assert "autre: an empty form is not sent to the 15" in failures


def test_the_committee_is_told_of_calm_people_sent_to_the_15():
    document = a_document()
    gorge(document)["rules"].append(rule(level="CALL_15_ADVICE", when={"age_years": {"from": 90}}))

    warned = proofs.warnings(written(document))

    assert warned == ["gorge: «neuve» sends to the 15 although every answer is calm"]


def test_the_committee_is_told_of_more_than_five_red_flags():
    document = a_document()
    gorge(document)["questions"].extend(signs(5))

    assert proofs.warnings(written(document)) == ["gorge: 6 red flags for one patient, 5 wished"]


def test_every_level_is_tried_from_the_least_to_the_gravest():
    assert list(Level) == sorted(Level)
    assert [level for level in Level if level.is_bookable] == [Level.WITHIN_24H, Level.SAME_DAY]
