from dataclasses import replace

import pytest

from booking.triage import engine, loading, proofs
from booking.triage.facts import Facts, Patient, Pregnant, Sex, Truth
from booking.triage.people import people
from booking.triage.protocol import Level
from tests.unit.triage_builders import A_SIGN, DISCIPLINES, LAWS, a_document, as_yaml, written


def gorge(document):
    return document["complaints"][0]


def signs(count, words=1, **more):
    return [{"id": f"x{n}", "text": "mot " * words, **A_SIGN, **more} for n in range(count)]


def rule(**more):
    return {"id": "neuve", "level": "SAME_DAY", "because": "Neuve.", "source": "comite"} | more


def for_ages(complaint, **limits):
    """Return the same complaint for these ages only, under other names."""
    copy = {**complaint, "id": f"gorge_{len(limits)}", "questions": ["salive", "fievre"]}
    return copy | {"rules": [], "routes": complaint["routes"][1:], "scope": {"age_years": limits}}


def test_a_sound_protocol_has_nothing_to_say():
    assert proofs.prove(written(a_document()), DISCIPLINES) == []


PLANTED = {
    "ten universal signs": (lambda d: d["universal"].extend(signs(9)), "10 signes et"),
    "a universal sign of eleven words": (
        lambda d: d["universal"].extend(signs(1, 11)),
        "« x0 » a 11 mots, 10 au plus",
    ),
    "sixty-one universal words": (lambda d: d["universal"].extend(signs(8, 8)), "66 mots, 9 et 60"),
    "a universal sign for women": (
        lambda d: d["universal"].extend(signs(1, asked_if={"sex": "female"})),
        "« x0 » dépend de la personne, or l'étape 1 est lue à tous",
    ),
    "a universal sign that may be booked": (
        lambda d: d["universal"][0].update(level="SAME_DAY"),
        "« u_mal » n'envoie pas au 15",
    ),
    "a universal question that decides nothing": (
        lambda d: d["universal"].append({"id": "vaine", "text": "Vaine"}),
        "« vaine » est lue à tous mais ne décide de rien",
    ),
    "five signs for one baby": (
        lambda d: d["stage2"].extend(signs(4, asked_if={"age_months": {"below": 1}})),
        "étape 2 : 5 signes",
    ),
    "forty-six words for one baby": (
        lambda d: d["stage2"].extend(signs(3, 15, asked_if={"age_months": {"below": 1}})),
        "47 mots, 4 et 45",
    ),
    "a stage 2 sign for everybody": (
        lambda d: d["stage2"].extend(signs(1)),
        "« x0 » est lu à tous ; ajoutez asked_if",
    ),
    "a question of sixteen words": (
        lambda d: gorge(d)["questions"][0].update(text="mot " * 16),
        "« salive » a 16 mots, 15 au plus",
    ),
    "an unknown source": (
        lambda d: gorge(d)["rules"][0].update(source="wiki"),
        "« longtemps » cite « wiki »",
    ),
    "a source cited nowhere": (
        lambda d: d["sources"].update(seul={"title": "Seul", "dated": "2026"}),
        "la source « seul » n'est citée nulle part",
    ),
    "an unknown discipline": (
        lambda d: gorge(d)["routes"][1].update(discipline="XX"),
        "aucune profession ne s'appelle « XX »",
    ),
    "no route": (lambda d: gorge(d).update(routes=[]), "gorge : personne ne le reçoit"),
    "a route for emergencies": (
        lambda d: gorge(d)["routes"][1].update(at_most="CALL_15"),
        "MG ne peut pas recevoir une urgence",
    ),
    "a safety net without the 15": (
        lambda d: gorge(d).update(safety_net="Reposez-vous."),
        "ne dit pas quand appeler le 15",
    ),
    "a complaint without red flags": (
        lambda d: gorge(d)["questions"][0].update(level="SAME_DAY"),
        "gorge : aucun signe d'alerte à lui",
    ),
    "a scope that is nobody's": (
        lambda d: gorge(d).update(scope={"sex": "male", "pregnant": True}),
        "gorge : son scope n'est celui de personne",
    ),
    "a rule that can never hold": (
        lambda d: gorge(d)["rules"].append(
            rule(when={"sex": "male", "pregnant": True, "answers": {"fievre": "yes"}})
        ),
        "« neuve » ne peut jamais être vraie",
    ),
    "a rule for people outside the scope": (
        lambda d: (
            gorge(d).update(scope={"age_years": {"from": 15}}),
            gorge(d)["rules"].append(rule(when={"age_years": {"below": 15}})),
        ),
        "« neuve » ne peut jamais être vraie",
    ),
    "a sign for people outside the scope": (
        lambda d: (
            gorge(d).update(scope={"sex": "female"}),
            gorge(d)["questions"].extend(signs(1, asked_if={"sex": "male"})),
        ),
        "« x0 » ne peut jamais être vraie",
    ),
    "a threshold beyond the question": (
        lambda d: gorge(d)["rules"][1]["when"]["answers"].update(degres={"at_least": 50}),
        "« chaud » ne peut jamais être vraie",
    ),
    "a rule no graver than otherwise": (
        lambda d: gorge(d).update(otherwise="SAME_DAY"),
        "« longtemps » n'est pas plus grave que `otherwise`",
    ),
    "a rule behind a graver one": (
        lambda d: gorge(d)["rules"].append(
            rule(level="WITHIN_24H", when={"answers": {"duree": "long", "fievre": "yes"}})
        ),
        "« neuve » ne change jamais un niveau",
    ),
    "a level that nobody reaches": (
        lambda d: (
            gorge(d).update(scope={"age_months": {"below": 1}}),
            d["floors"][0].update(level="CALL_15_ADVICE"),
        ),
        "personne n'atteint SAME_DAY",
    ),
    "an otherwise that nobody reaches": (
        lambda d: gorge(d)["rules"].append(rule(when={})),
        "personne n'atteint NOT_UNSCHEDULED",
    ),
    "a question that nothing stands on": (
        lambda d: gorge(d)["questions"].append({"id": "vaine", "text": "Vaine ?"}),
        "« vaine » est posée mais ne change rien",
    ),
    "a question of which every answer does": (
        lambda d: (
            gorge(d)["questions"].append({"id": "vaine", "text": "Vaine ?"}),
            gorge(d)["rules"][0]["when"]["answers"].update(vaine=["yes", "no"]),
        ),
        "« vaine » est posée mais ne change rien",
    ),
    "a route that nobody gets": (
        lambda d: gorge(d)["routes"][0]["when"]["answers"].update(salive="yes"),
        "PH (test) n'est jamais proposé",
    ),
    "an idle floor": (
        lambda d: d["floors"][0].update(level="NOT_UNSCHEDULED"),
        "« plancher » ne change jamais un niveau",
    ),
    "silence that does not alarm": (
        lambda d: (
            [d["universal"][0].update(level="CALL_15_ADVICE")]
            + [c["questions"][0].update(level="CALL_15_ADVICE") for c in d["complaints"]]
        ),
        "un questionnaire vide n'envoie pas au 15",
    ),
    "a gap between ages": (
        lambda d: (
            d["complaints"].append(for_ages(gorge(d), below=15)),
            gorge(d).update(scope={"age_years": {"from": 16}}),
            d.update(families={"mal_de_gorge": ["gorge", "gorge_1"]}),
        ),
        "« mal_de_gorge » n'a aucun motif pour cette personne : fille ou femme de 15 ans",
    ),
    "a sex without a complaint": (
        lambda d: (
            gorge(d).update(scope={"sex": "female"}),
            d.update(families={"mal_de_gorge": ["gorge"]}),
        ),
        "n'a aucun motif pour cette personne : garçon ou homme de 0 mois",
    ),
    "pregnant women without a complaint": (
        lambda d: (
            gorge(d).update(scope={"pregnant": False}),
            d.update(families={"mal_de_gorge": ["gorge"]}),
        ),
        "n'a aucun motif pour cette personne : fille ou femme de 10 ans, enceinte",
    ),
}


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_found_and_said_with_its_line(error):
    plant, words = PLANTED[error]
    document = a_document()
    plant(document)
    protocol = loading.read(as_yaml(document), LAWS, "essai.v1.yaml")

    found = [fault for fault in proofs.prove(protocol, DISCIPLINES) if words in fault]

    assert found
    assert found[0].startswith("essai.v1.yaml, ligne ")
    assert found[0].line > 1


def test_the_line_is_that_of_the_rule():
    document = a_document()
    PLANTED["a rule behind a graver one"][0](document)
    text = as_yaml(document)

    faults = proofs.prove(loading.read(text, LAWS), DISCIPLINES)

    [fault] = [fault for fault in faults if "« neuve »" in fault]
    assert text.decode().splitlines()[fault.line - 1] == "  - id: neuve"


def test_an_engine_that_takes_doubt_for_no_is_found(monkeypatch):
    def careless(protocol, patient, complaints, answers):
        said = engine.assess(protocol, patient, complaints, answers)
        sure = [step.level for step in said.trace if step.held is Truth.YES]
        return replace(said, level=max(sure))

    def careless_of_one(complaint, patient, answers):
        said = engine.weigh(complaint, patient, answers)
        sure = [r.level for r, held in zip(said.rules, said.held, strict=True) if held is Truth.YES]
        return replace(said, level=max(sure))

    monkeypatch.setattr(proofs, "assess", careless)
    monkeypatch.setattr(proofs, "weigh", careless_of_one)
    failures = "\n".join(proofs.prove(written(a_document()), DISCIPLINES))

    assert "gorge : ne pas savoir « salive » rassure" in failures
    assert "gorge : ne pas savoir « degres » rassure" in failures
    assert "autre : ne pas savoir « u_mal » rassure" in failures
    assert "autre : un questionnaire vide n'envoie pas au 15" in failures


def test_the_committee_is_told_of_calm_people_sent_to_the_15():
    document = a_document()
    gorge(document)["rules"].append(rule(level="CALL_15_ADVICE", when={"age_years": {"from": 90}}))

    [warned] = proofs.warnings(written(document))

    assert warned.text == (
        "gorge : « neuve » envoie au 15 alors que toutes les réponses sont calmes"
    )


def test_the_committee_is_told_of_more_than_five_red_flags():
    document = a_document()
    gorge(document)["questions"].extend(signs(5))

    [warned] = proofs.warnings(written(document))

    assert warned.text == "gorge : 6 signes d'alerte pour une même personne, 5 souhaités"


def test_the_committee_is_told_of_complaints_of_one_family_that_overlap():
    document = a_document()
    document["complaints"].append(for_ages(gorge(document), below=15))
    document["families"] = {"mal_de_gorge": ["gorge", "gorge_1"]}

    [warned] = proofs.warnings(written(document))

    assert "deux motifs pour la même personne (gorge, gorge_1)" in warned


def test_a_family_without_gap_or_overlap_is_sound():
    document = a_document()
    gorge(document)["scope"] = {"age_years": {"from": 15}}
    document["complaints"].append(
        for_ages({**gorge(document), "otherwise": "WITHIN_24H"}, below=15)
    )
    document["families"] = {"mal_de_gorge": ["gorge", "gorge_1"]}

    protocol = written(document)

    assert not [f for f in proofs.prove(protocol, DISCIPLINES) if "famille" in f]
    assert not [w for w in proofs.warnings(protocol) if "famille" in w]


def test_people_stand_on_both_sides_of_every_age():
    limits = Facts(replace(Facts().age, first=37, below=61))

    tried = people([limits])

    assert {limits.hold_for(who) for who in tried} == {Truth.NO, Truth.YES}


def test_people_of_whom_the_same_conditions_hold_are_tried_once():
    women, mothers = Facts(sex=Sex.FEMALE), Facts(pregnant=True)

    tried = people(
        [women, mothers], sexes=(Sex.FEMALE, Sex.MALE), pregnancies=(Pregnant.NO, Pregnant.YES)
    )

    assert len(tried) == len({(women.hold_for(p), mothers.hold_for(p)) for p in tried})
    assert Patient(35 * 12, Sex.FEMALE, Pregnant.NO) in tried


def test_every_level_is_tried_from_the_least_to_the_gravest():
    assert list(Level) == sorted(Level)
    assert [level for level in Level if level.is_bookable] == [Level.WITHIN_24H, Level.SAME_DAY]
