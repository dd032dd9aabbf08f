import hashlib
from datetime import date

import pytest
import yaml

from booking.triage import loading
from booking.triage.documents import ProtocolInvalid
from booking.triage.facts import Age, Sex
from booking.triage.protocol import Level
from tests.unit.triage_builders import LAWS, a_document, as_yaml, written


def gorge(document):
    return document["complaints"][0]


def pharmacist(document):
    return gorge(document)["routes"][0]


def refusal(document):
    with pytest.raises(ProtocolInvalid) as refused:
        loading.read(as_yaml(document), LAWS, "essai.v1.yaml")
    return refused.value.faults


def test_the_digest_is_that_of_the_files_bytes():
    text = as_yaml(a_document())

    assert loading.read(text, LAWS).digest == hashlib.sha256(text).hexdigest()


def test_a_protocol_says_how_long_each_level_may_wait():
    protocol = written(a_document())

    assert protocol.hours(Level.SAME_DAY) == 12
    assert protocol.hours(Level.CALL_15) is None


REFUSED = {
    "an unknown key": (lambda d: d.update(titel="x"), "« titel » n'existe pas ici", "« title »"),
    "a missing key": (lambda d: d.pop("title"), "il manque ici la ligne « title: … »", "ajoutez"),
    "an unknown level": (
        lambda d: gorge(d).update(otherwise="SOON"),
        "« SOON » n'est pas un niveau",
        "écrivez NOT_UNSCHEDULED",
    ),
    "a level that is a number": (
        lambda d: gorge(d).update(otherwise=4),
        "« 4 » n'est pas un niveau",
        "écrivez NOT_UNSCHEDULED",
    ),
    "an id with a capital": (
        lambda d: gorge(d).update(id="Gorge"),
        "« Gorge » n'est pas un id",
        "minuscules",
    ),
    "a text that is a number": (
        lambda d: gorge(d).update(title=3),
        "un texte est attendu pour « title »",
        "guillemets",
    ),
    "a text of two letters": (
        lambda d: gorge(d).update(title="ab"),
        "« title » est trop court",
        "3",
    ),
    "a date that is none": (
        lambda d: d.update(valid_from="hier"),
        "une date est attendue pour « valid_from »",
        "2026-11-30",
    ),
    "a version in words": (lambda d: d.update(version="un"), "un nombre est attendu", "guillemets"),
    "version zero": (lambda d: d.update(version=0), "« version » est trop petit", "au moins 1"),
    "a list that is none": (
        lambda d: gorge(d).update(synonyms="angine"),
        "une liste est attendue pour « synonyms »",
        "crochets",
    ),
    "lines that are none": (
        lambda d: gorge(d).update(scope="adulte"),
        "des lignes « clé: valeur » sont attendues pour « scope »",
        "lignes",
    ),
    "a question that is a number": (
        lambda d: gorge(d)["questions"].append(7),
        "un mot, une liste entre crochets ou des accolades sont attendus",
        "mot",
    ),
    "an unknown sex": (
        lambda d: gorge(d).update(scope={"sex": "femme"}),
        "« femme » n'est pas prévu pour « sex »",
        "écrivez female ou male",
    ),
    "an unknown sex that the engine has": (
        lambda d: gorge(d).update(scope={"sex": "unknown"}),
        "« unknown » n'est pas prévu",
        "écrivez female ou male",
    ),
    "a truth value that is none": (
        lambda d: gorge(d).update(scope={"pregnant": "peut-être"}),
        "« pregnant » se dit true ou false",
        "true",
    ),
    "an age in years and months": (
        lambda d: d["floors"][0]["when"].update(age_years={"below": 3}),
        "en années ou en mois",
        "gardez",
    ),
    "ages without anybody": (
        lambda d: gorge(d).update(scope={"age_years": {"from": 20, "below": 20}}),
        "aucun âge n'est entre ces limites",
        "plus petit",
    ),
    "an unknown group": (
        lambda d: gorge(d).update(group="tet"),
        "le groupe « tet » n'existe pas",
        "« tete »",
    ),
    "an unknown question in a complaint": (
        lambda d: gorge(d)["questions"].append("fievr"),
        "la question « fievr » n'existe pas",
        "vouliez-vous dire « fievre » ?",
    ),
    "a question that nothing resembles": (
        lambda d: gorge(d)["questions"].append("zzz"),
        "la question « zzz » n'existe pas",
        "écrivez son id comme dans `shared`, ou ajoutez-la",
    ),
    "a question asked twice": (
        lambda d: gorge(d)["questions"].append("fievre"),
        "« fievre » est posée deux fois",
        "enlevez",
    ),
    "a rule on a question not asked": (
        lambda d: gorge(d)["rules"][0]["when"]["answers"].update(douleur="yes"),
        "le motif « gorge » ne pose pas « douleur »",
        "ajoutez-la à ses questions",
    ),
    "a rule on a question that is none": (
        lambda d: gorge(d)["rules"][0]["when"]["answers"].update(dure="long"),
        "la question « dure » n'existe pas",
        "« duree »",
    ),
    "an answer the question lacks": (
        lambda d: gorge(d)["rules"][0]["when"]["answers"].update(duree="jamais"),
        "« duree » n'a pas la réponse « jamais »",
        "écrivez court, long",
    ),
    "a number for a word": (
        lambda d: gorge(d)["rules"][0]["when"]["answers"].update(duree={"at_least": 3}),
        "« duree » n'a pas la réponse « un nombre »",
        "écrivez court, long",
    ),
    "a word for a number": (
        lambda d: gorge(d)["rules"][1]["when"]["answers"].update(degres="haut"),
        "« degres » attend un nombre",
        "{at_least: …}",
    ),
    "a question defined twice": (
        lambda d: d["universal"].append(d["universal"][0]),
        "« u_mal » est définie deux fois",
        "changez son id",
    ),
    "a rule called like a question": (
        lambda d: gorge(d)["rules"][0].update(id="salive"),
        "« salive » est déjà l'id",
        "changez-le",
    ),
    "a sign without a reason": (
        lambda d: d["universal"][0].pop("because"),
        "« u_mal » est un signe",
        "ajoutez because et source",
    ),
    "a sign that is a choice": (
        lambda d: gorge(d)["questions"][2].update(level="CALL_15"),
        "seul un oui ou non peut être un signe",
        "enlevez level",
    ),
    "a choice called yes": (
        lambda d: gorge(d)["questions"][2]["choices"].update(unknown="Bof"),
        "un choix ne s'appelle pas « unknown »",
        "autre id",
    ),
    "a choice without choices": (
        lambda d: gorge(d)["questions"][2].pop("choices"),
        "« duree » est un choix sans choix",
        "ajoutez choices",
    ),
    "choices of a yes or no": (
        lambda d: gorge(d)["questions"][0].update(choices={"un": "Une fois"}),
        "« salive » a des choix",
        "kind: choice",
    ),
    "limits on words": (
        lambda d: gorge(d)["questions"][0].update(lowest=1),
        "« salive » a des limites",
        "kind: number",
    ),
    "limits the wrong way round": (
        lambda d: gorge(d)["questions"][3].update(lowest=50),
        "lowest doit être plus petit",
        "highest",
    ),
    "a shared question asked nowhere": (
        lambda d: d["shared"].append({"id": "oubli", "text": "Oubliée ?"}),
        "« oubli » n'est posée par aucun motif",
        "enlevez-la",
    ),
    "a floor on answers": (
        lambda d: d["floors"][0]["when"].update(answers={"fievre": True}),
        "le plancher « plancher » ne regarde que l'âge",
        "règle d'un motif",
    ),
    "no complaint for who names none": (
        lambda d: d["complaints"].pop(),
        "il manque le motif « autre »",
        "ajoutez-le",
    ),
    "two complaints of one name": (
        lambda d: d["complaints"].append({**d["complaints"][1], "questions": []}),
        "le motif « autre » est défini deux fois",
        "changez son id",
    ),
    "an end before its beginning": (
        lambda d: d.update(valid_until="2025-01-01"),
        "valid_until est avant valid_from",
        "corrigez",
    ),
    "an unknown level with hours": (
        lambda d: d["deadline_hours"].update(SOON=1),
        "aucun niveau ne s'appelle « SOON »",
        "écrivez NOT_UNSCHEDULED",
    ),
    "danger words of a complaint's question": (
        lambda d: d.update(danger_words={"salive": ["bave"]}),
        "« salive » n'est pas un signe des étapes 1 et 2",
        "écrivez l'id d'un signe",
    ),
    "danger words of nothing": (
        lambda d: d.update(danger_words={"u_mall": ["mal"]}),
        "« u_mall » n'existe pas",
        "« u_mal »",
    ),
    "danger words without a word": (
        lambda d: d.update(danger_words={"u_mal": ["!!!"]}),
        "« !!! » n'a aucun mot",
        "corrigez-le",
    ),
    "a family of unknown complaints": (
        lambda d: d.update(families={"mal": ["gorge", "gorges"]}),
        "le motif « gorges », qui n'existe pas",
        "« gorge »",
    ),
    "a law that is none": (
        lambda d: pharmacist(d).update(requires="tests"),
        "aucune règle légale ne s'appelle « tests »",
        "« test »",
    ),
    "a law for another profession": (
        lambda d: pharmacist(d).update(discipline="IDE"),
        "la règle légale « test » n'est pas pour IDE",
        "elle est pour PH",
    ),
    "a law that asks what the complaint does not": (
        lambda d: d["complaints"][1]["routes"].append(
            {"discipline": "PH", "requires": "test", "because": "Test.", "source": "comite"}
        ),
        "repose la question « fievre », que le motif « autre » ne pose pas",
        "ajoutez-la à ses questions",
    ),
    "ages that the law excludes": (
        lambda d: pharmacist(d).update(when={"age_years": {"below": 6}}),
        "contredit la règle légale « test » (à partir de 10 ans et avant 6 ans s'excluent)",
        "enlevez de la condition",
    ),
    "an answer that the law excludes": (
        lambda d: pharmacist(d).update(when={"answers": {"fievre": "yes"}}),
        "contredit la règle légale « test » (fievre : « no » et « yes » s'excluent)",
        "enlevez de la condition",
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_file_that_cannot_be_meant_is_refused_with_its_line_and_a_remedy(reason):
    change, words, remedy = REFUSED[reason]
    document = a_document()
    change(document)

    faults = refusal(document)

    assert [f for f in faults if words in f and remedy in f], faults
    assert all(f.startswith("essai.v1.yaml, ligne ") and f.line for f in faults)


def test_the_line_is_that_of_the_mistake():
    text = as_yaml(a_document()).decode().replace("text: Fièvre ?", "texte: Fièvre ?")
    line = text.splitlines().index("  texte: Fièvre ?") + 1

    with pytest.raises(ProtocolInvalid) as refused:
        loading.read(text.encode(), LAWS)

    assert [f.line for f in refused.value.faults if "« texte »" in f] == [line]
    assert [f.line for f in refused.value.faults if "« text: … »" in f] == [line - 1]


def test_every_mistake_is_said_at_once():
    document = a_document()
    for change in ("an unknown group", "a question asked twice", "a law that is none"):
        REFUSED[change][0](document)
    document["valid_until"] = date(2020, 1, 1)

    assert len(refusal(document)) == 4


def test_a_protocol_knows_the_line_of_its_parts():
    text = as_yaml(a_document())
    lines = text.decode().splitlines()

    places = loading.read(text, LAWS, "essai.v1.yaml").places

    assert lines[places.lines["rule", "longtemps"] - 1] == "  - id: longtemps"
    assert lines[places.lines["asked", "gorge", "fievre"] - 1] == "  - fievre"
    assert lines[places.lines["route", "gorge", "1"] - 1] == "  - discipline: MG"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "des lignes"),
        (b"[1", "ce n'est pas du YAML"),
        (b"id: a\nid: b", "ligne 2 : « id » est écrit deux fois ; gardez-en un"),
        (b"a:\n- {b: 1, b: 2}\n- {c: 1, c: 2}", "ligne 3 : « c » est écrit deux fois"),
        (b"- 1", "des lignes"),
        (b"\xff\xfe\x00", "ce n'est pas du YAML"),
        (b"&a [*a, *a]", "des lignes"),
        (b"!!python/object:os.x {}", "ce n'est pas du YAML"),
        (b"[" * 100_000, "ce n'est pas du YAML"),
        (b"valid_from: 2026-13-45", "ce n'est pas du YAML"),
    ],
)
def test_what_is_no_protocol_at_all_is_refused(text, words):
    with pytest.raises(ProtocolInvalid, match=words):
        loading.read(text, LAWS)


def test_a_file_is_named_in_its_refusal(tmp_path):
    file = tmp_path / "essai.v1.yaml"
    file.write_bytes(b"id: x")

    with pytest.raises(ProtocolInvalid, match=r"essai\.v1\.yaml, ligne 1 : il manque ici"):
        loading.load(file, LAWS)


def test_yes_and_no_mean_the_answers_although_yaml_reads_them_as_truth_values():
    text = yaml.safe_dump(a_document()).replace("fievre: 'yes'", "fievre: [yes, no]").encode()

    rule = loading.read(text, LAWS).by_complaint["gorge"].rules[0]

    assert {frozenset({"yes", "no"}), frozenset({"long"})} == {
        h.accepted for h in rule.when.answers
    }


def test_a_route_takes_its_dates_ages_and_exclusions_from_the_law():
    [route, _] = written(a_document()).by_complaint["gorge"].routes

    assert (route.law, route.requires) == ("test", "test_angine")
    assert (route.valid_from, route.valid_until) == (date(2026, 3, 1), date(2026, 11, 30))
    assert route.when.facts.age == Age(120, None)
    assert {h.question: set(h.accepted) for h in route.when.answers} == {
        "fievre": {"no"},
        "duree": {"court"},
    }


def test_a_route_may_be_narrower_than_the_law():
    document = a_document()
    pharmacist(document)["when"] = {"age_years": {"from": 15, "below": 50}, "sex": "female"}

    [route, _] = written(document).by_complaint["gorge"].routes

    assert (route.when.facts.age, route.when.facts.sex) == (Age(180, 600), Sex.FEMALE)


def test_a_route_without_a_law_has_no_dates():
    [_, doctor] = written(a_document()).by_complaint["gorge"].routes

    assert (doctor.law, doctor.requires, doctor.valid_from, doctor.valid_until) == (None,) * 4
