"""Whatever is sent, the answer is a plain one: never a 5xx, never what was typed."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from booking.api.reading import DEEPEST
from booking.models import CareRequest
from config.database import transaction
from schedules.models import Slot
from tests.builders import a_professional, a_site, a_slot
from tests.clockwork import NOON
from tests.integration.test_api_booking import PERSON, wants
from tests.integration.test_api_keys import NOBODY, REQUESTS, a_partner, assert_problem


@pytest.fixture
def partner(session, client, protocol):
    return a_partner(session, client, protocol)


@pytest.fixture
def slot(session, partner):
    with transaction(session):
        site = a_site(session, partner.community)
        doctor = a_professional(session, partner.community, site)
        return a_slot(session, professional=doctor, starts_at=NOON + timedelta(hours=2))


def send_raw(partner, raw, path="", method="POST", mimetype="application/json"):
    headers = {"Authorization": f"Bearer {partner.key}"}
    return partner.client.open(
        REQUESTS + path, method=method, data=raw, headers=headers, content_type=mimetype
    )


NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "half an object": b'{"community": "x"',
    "latin-1": '{"community": "é"}'.encode("latin-1"),
    "utf-16": '{"community": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number without end": b'{"a": 1e999}',
    "a number of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "one name twice": b'{"community": "x", "community": "y"}',
    "NUL": b'{"community": "a\\u0000b"}',
    "NUL in a name": b'{"a\\u0000b": 1}',
    "half a pair": b'{"community": "\\ud83d"}',
    "half a pair in a list": b'{"complaints": ["\\udc00"]}',
    "too deep": b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
    "a bomb of lists": b"[" * 60_000,
    "a bomb of objects": b'{"a":' * 10_000,
    "brackets that never close, in text": b'"' + b'\\"' * 30_000,
}


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_clean_json_is_refused(partner, raw):
    assert_problem(send_raw(partner, raw), 400, "not-json")


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null", b"{}", b"[" * 32 + b"]" * 32])
def test_json_of_another_shape_is_invalid(partner, raw):
    assert_problem(send_raw(partner, raw), 422, "invalid")


def test_brackets_in_a_text_are_not_depth(partner):
    answer = partner.send("POST", "", partner.questionnaire(community='"\\' + "[" * 90))

    said = assert_problem(answer, 422, "invalid")
    assert said["errors"][0]["field"] == "community"


@pytest.mark.parametrize(
    "mimetype", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
)
def test_another_type_than_json_is_refused(partner, mimetype):
    assert_problem(send_raw(partner, b"{}", mimetype=mimetype), 415, "media-type")


def test_more_than_64_kb_is_refused_whatever_other_doors_take(app, partner):
    app.config["MAX_CONTENT_LENGTH"] = 10 * 1024 * 1024
    padding = b" " * (64 * 1024)

    assert_problem(send_raw(partner, b"{}" + padding), 413, "too-large")


@pytest.mark.parametrize(
    ("but", "field"),
    [
        ({"channel": "FAX"}, "channel"),
        ({"channel": None}, "channel"),
        ({"complaints": "trauma_membre"}, "complaints"),
        ({"complaints": ["trauma_membre", "inconnu"]}, "complaints.1"),
        ({"complaints": ["autre"] * 21}, "complaints"),
        ({"answers": []}, "answers"),
        ({"answers": {"q": True}}, "answers.q"),
        ({"answers": {"q": ["yes"]}}, "answers.q"),
        ({"answers": {"q": 1e300}}, "answers.q"),
        ({"answers": {"q": "x" * 201}}, "answers.q"),
        ({"answers": {str(n): "no" for n in range(501)}}, "answers"),
        ({"patient": {"age_years": "34"}}, "patient.age_years"),
        ({"patient": {"sex": "femme"}}, "patient.sex"),
        ({"patient": {"location": {"latitude": 91, "longitude": 0}}}, "patient.location.latitude"),
        ({"patient": {"location": {"latitude": 48}}}, "patient.location.longitude"),
        ({"regular_doctor": "1000"}, "regular_doctor"),
        ({"level": "WITHIN_24H"}, "level"),
        ({"patient": {"level": "WITHIN_24H"}}, "patient.level"),
    ],
)
def test_each_mistake_in_a_questionnaire_is_named(session, partner, but, field):
    answer = partner.send("POST", "", partner.questionnaire(**but))

    said = assert_problem(answer, 422, "invalid")
    assert [error["field"] for error in said["errors"]] == [field]
    assert session.scalars(select(CareRequest)).all() == []


@pytest.mark.parametrize(
    ("but", "field"),
    [
        ({"family_name": ""}, "person.family_name"),
        ({"family_name": " \u00a0 "}, "person.family_name"),
        ({"family_name": "x" * 81}, "person.family_name"),
        ({"given_name": "Lu\ncie"}, "person.given_name"),
        ({"given_name": "\u202eeicuL"}, "person.given_name"),
        ({"given_name": "\u200b\u2060"}, "person.given_name"),
        ({"given_name": "\u0958" * 41}, "person.given_name"),
        ({"birth_date": "02/11/1992"}, "person.birth_date"),
        ({"birth_date": "1992-02-30"}, "person.birth_date"),
        ({"birth_date": 720_000_000}, "person.birth_date"),
        ({"phone": "06"}, "person.phone"),
        ({"phone": "+44 20 7946 0000"}, "person.phone"),
        ({"phone": "08 99 00 00 00"}, "person.phone"),
        ({"email": "lucie"}, "person.email"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "person.email"),
        ({"sex": "female"}, "person.sex"),
    ],
)
def test_each_mistake_about_the_person_is_named(partner, slot, but, field):
    path = f"/{partner.asks()['reference']}/booking"

    answer = partner.send("POST", path, wants(slot.reference, person=PERSON | but))

    said = assert_problem(answer, 422, "invalid")
    assert [error["field"] for error in said["errors"]] == [field]


def test_what_was_typed_is_never_repeated(partner, slot):
    path = f"/{partner.asks()['reference']}/booking"
    person = PERSON | {"phone": "0612", "birth_date": "never", "email": "secret at home"}

    answer = partner.send("POST", path, wants(slot.reference, person=person, consent_sms="oui"))

    assert_problem(answer, 422, "invalid")
    assert not any(word in answer.text for word in ("0612", "never", "secret", "oui", "Morel"))


def test_no_field_of_our_tables_can_be_set_by_a_client(session, partner, slot):
    asked = partner.asks()
    path = f"/{asked['reference']}"
    columns = {column.name for table in (CareRequest, Slot) for column in table.__table__.columns}
    may_be_said = {"channel", "complaints", "answers", "regular_doctor"}

    for name in columns - may_be_said:
        opened = partner.send("POST", "", partner.questionnaire(**{name: "x"}))
        held = partner.send("PUT", f"{path}/hold", {"slot": str(slot.reference), name: "x"})
        assert (opened.status_code, held.status_code) == (422, 422), name


def test_names_are_kept_as_people_write_them(session, partner, slot):
    path = f"/{partner.asks()['reference']}/booking"
    person = PERSON | {"family_name": "  D’Orvanne-Le\u0301ger ", "given_name": "Zoë 王"}

    partner.send("POST", path, wants(slot.reference, person=person))

    kept = session.scalars(select(CareRequest)).one()
    assert (kept.family_name, kept.given_name) == ("D’Orvanne-Léger", "Zoë 王")


text = st.text(max_size=12) | st.sampled_from(
    ["\0", "\ud800", "é" * 90, "👩‍👩‍👧", "'; --", "yes", "no", "autre", NOBODY, "2027-01-01"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


def test_no_body_at_all_makes_us_fail(session, partner, slot):
    reference = partner.asks()["reference"]
    whole: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "", partner.questionnaire()),
        ("PUT", f"/{reference}/hold", {"slot": str(slot.reference)}),
        ("POST", f"/{reference}/booking", wants(slot.reference)),
    ]

    @settings(max_examples=150)
    @given(
        st.sampled_from(whole),
        st.dictionaries(st.sampled_from([*whole[0][2], *whole[2][2], "x"]), json_values),
        st.dictionaries(st.sampled_from([*PERSON, "age_years", "location"]), json_values),
    )
    def fuzz(call, changed, inside):
        method, path, body = call
        said = body | changed
        for name in ("patient", "person"):
            if isinstance(said.get(name), dict):
                said[name] = said[name] | inside
        raw = json.dumps(said).encode()

        answer = send_raw(partner, raw, path, method)

        assert answer.status_code < 500, answer.json
        assert answer.status_code < 400 or answer.mimetype == "application/problem+json"

    fuzz()
    session.rollback()
    assert session.scalar(select(func.count()).select_from(CareRequest)) >= 1


def test_no_bytes_at_all_make_us_fail(partner):
    @settings(max_examples=150)
    @given(st.binary(max_size=60) | json_values.map(lambda said: json.dumps(said).encode()))
    def fuzz(raw):
        assert send_raw(partner, raw).status_code in (400, 422)

    fuzz()


def test_no_address_and_no_header_makes_us_fail(partner):
    @settings(max_examples=100)
    @given(
        st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    )
    def fuzz(method, path, header):
        answer = partner.client.open(
            f"/api/{path}".replace("\\", "%5C"),
            method=method,
            headers={"Authorization": header, "Idempotency-Key": header, "Accept-Language": header},
        )
        assert answer.status_code < 500

    fuzz()
