import hashlib

import pytest
import yaml

from booking.triage import loading
from booking.triage.documents import ProtocolInvalid
from booking.triage.protocol import Level
from tests.unit.triage_builders import a_document, written


def test_the_digest_is_that_of_the_files_bytes():
    text = yaml.safe_dump(a_document()).encode()

    assert loading.read(text).digest == hashlib.sha256(text).hexdigest()


def test_a_protocol_says_how_long_each_level_may_wait():
    protocol = written(a_document())

    assert protocol.hours(Level.SAME_DAY) == 12
    assert protocol.hours(Level.CALL_15) is None


def gorge(document):
    return document["complaints"][0]


REFUSED = {
    "an unknown key": (lambda d: d.update(colour="red"), "colour"),
    "an unknown level": (lambda d: gorge(d).update(otherwise="SOON"), "otherwise"),
    "an unknown question in a complaint": (lambda d: gorge(d)["questions"].append("xx"), "«xx»"),
    "a rule on a question not asked": (
        lambda d: gorge(d)["rules"][0]["when"]["answers"].update(douleur="yes"),
        "«douleur» is used but not among its questions",
    ),
    "an answer the question lacks": (
        lambda d: gorge(d)["rules"][0]["when"]["answers"].update(duree="jamais"),
        "has no answer «jamais»",
    ),
    "a word for a number": (
        lambda d: gorge(d)["rules"][1]["when"]["answers"].update(degres="haut"),
        "is a number",
    ),
    "a question defined twice": (
        lambda d: d["universal"].append(d["universal"][0]),
        "«u_mal» is defined twice",
    ),
    "a rule called like a question": (
        lambda d: gorge(d)["rules"][0].update(id="salive"),
        "«salive» is defined twice",
    ),
    "a sign without a reason": (lambda d: d["universal"][0].pop("because"), "because"),
    "a sign that is a choice": (
        lambda d: gorge(d)["questions"][2].update(level="CALL_15"),
        "only a yes_no",
    ),
    "a choice called yes": (
        lambda d: gorge(d)["questions"][2]["choices"].update(unknown="Bof"),
        "may not be called",
    ),
    "a choice without choices": (lambda d: gorge(d)["questions"][2].pop("choices"), "choices"),
    "limits on words": (lambda d: gorge(d)["questions"][0].update(lowest=1), "limits"),
    "a shared question asked nowhere": (
        lambda d: d["shared"].append({"id": "oubli", "text": "Oubliée ?"}),
        "asked nowhere",
    ),
    "a floor on answers": (
        lambda d: d["floors"][0]["when"].update(answers={"fievre": True}),
        "floor",
    ),
    "an age in years and months": (
        lambda d: d["floors"][0]["when"].update(age_years={"below": 3}),
        "not both",
    ),
    "no complaint for who names none": (lambda d: d["complaints"].pop(), "autre"),
    "two complaints of one name": (
        lambda d: d["complaints"].append({**d["complaints"][1], "questions": []}),
        "«autre» is defined twice",
    ),
    "an end before its beginning": (lambda d: d.update(valid_until="2025-01-01"), "valid_until"),
    "an unknown level with hours": (lambda d: d["deadline_hours"].update(SOON=1), "SOON"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_file_that_cannot_be_meant_is_refused_in_plain_words(reason):
    change, words = REFUSED[reason]
    document = a_document()
    change(document)

    with pytest.raises(ProtocolInvalid, match=words):
        written(document)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[1",
        b"id: a\nid: b",
        b"- 1",
        b"\xff\xfe\x00",
        b"&a [*a, *a]",
        b"!!python/object:os.x {}",
    ],
)
def test_what_is_no_protocol_at_all_is_refused(text):
    with pytest.raises(ProtocolInvalid):
        loading.read(text)


def test_a_file_is_named_in_its_refusal(tmp_path):
    file = tmp_path / "essai.v1.yaml"
    file.write_bytes(b"id: x")

    with pytest.raises(ProtocolInvalid, match=r"essai\.v1\.yaml"):
        loading.load(file)


def test_yes_and_no_mean_the_answers_although_yaml_reads_them_as_truth_values():
    text = yaml.safe_dump(a_document()).replace("fievre: 'yes'", "fievre: [yes, no]").encode()

    rule = loading.read(text).by_complaint["gorge"].rules[0]

    assert {frozenset({"yes", "no"}), frozenset({"long"})} == {
        h.accepted for h in rule.when.answers
    }
