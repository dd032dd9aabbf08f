from datetime import date

import pytest

from schedules import legal

PRACTICE, HEALTH_HOUSE, PHARMACY = "SA08", "603", "620"
"""TRE_R66: a private practice, a maison de santé, a pharmacy."""


def rule(**more):
    said = {"id": "essai", "title": "Essai", "disciplines": ("PH",), "source": "Décret"}
    dates = {"valid_from": date(2026, 1, 1), "dated": date(2025, 12, 1)}
    return legal.LegalRule(**(said | dates | more))


@pytest.mark.parametrize(
    ("on", "is_in_force"),
    [
        (date(2025, 12, 31), False),
        (date(2026, 1, 1), True),
        (date(2026, 6, 30), True),
        (date(2026, 7, 1), False),
    ],
)
def test_a_rule_applies_from_its_first_day_to_its_last(on, is_in_force):
    assert rule(valid_until=date(2026, 6, 30)).is_in_force(on) is is_in_force


def test_a_rule_without_an_end_still_applies_in_thirty_years():
    assert rule().is_in_force(date(2056, 1, 1))


@pytest.mark.parametrize(
    ("postal_code", "departement"),
    [
        ("59000", "59"),
        ("01000", "01"),
        ("20000", "2A"),
        ("20137", "2A"),
        ("20200", "2B"),
        ("20600", "2B"),
        ("97110", "971"),
        ("97200", "972"),
        ("97300", "973"),
        ("97400", "974"),
        ("97600", "976"),
        ("98800", "988"),
    ],
)
def test_a_departement_is_known_by_the_postal_code(postal_code, departement):
    assert legal.departement_of(postal_code) == departement


def test_a_rule_of_some_departements_is_used_in_them_alone():
    here = rule(departements=("59", "2A", "974"))

    assert here.is_for_place(PRACTICE, "59200")
    assert here.is_for_place(PRACTICE, "20100")
    assert here.is_for_place(PRACTICE, "97460")
    assert not here.is_for_place(PRACTICE, "20250")
    assert not here.is_for_place(PRACTICE, "75011")


def test_a_rule_of_some_structures_is_used_in_them_alone():
    there = rule(structures=(HEALTH_HOUSE,), departements=("59",))

    assert there.is_for_place(HEALTH_HOUSE, "59200")
    assert not there.is_for_place(PRACTICE, "59200")
    assert not there.is_for_place(HEALTH_HOUSE, "75011")


def test_a_rule_without_places_is_used_anywhere():
    assert rule().is_for_place(PRACTICE, "97460")


def test_what_is_declared_is_the_rules_own_id_unless_it_says_otherwise():
    assert (rule().enabling, rule(enabled_as="osys").enabling) == ("essai", "osys")


def test_a_physiotherapist_uses_direct_access_in_a_health_house_not_in_a_practice():
    declared = ["kine-acces-direct", "protocole-lombalgie", "autre-chose"]

    in_house = legal.usable_at(declared, structure=HEALTH_HOUSE, postal_code="75011")
    in_practice = legal.usable_at(declared, structure=PRACTICE, postal_code="75011")

    assert in_house == set(declared)
    assert in_practice == {"autre-chose"}


def test_one_declaration_may_open_several_rules():
    assert legal.usable_at(["osys"], structure=PHARMACY, postal_code="75011") == {"osys"}
    assert legal.usable_at(["osys"], structure=PRACTICE, postal_code="75011") == set()


def test_each_rule_of_the_file_is_dated_and_cites_its_text():
    for each in legal.rules().values():
        assert each.source
        assert each.dated <= each.valid_from
        assert each.valid_until is None or each.valid_until > each.valid_from


def test_a_rule_written_twice_is_refused(tmp_path):
    line = (
        "  - {id: a, title: A, disciplines: [PH], valid_from: 2026-01-01, source: s, "
        "dated: 2026-01-01}\n"
    )
    file = tmp_path / "rules.yaml"
    file.write_text(f"review_by: 2027-01-01\nrules:\n{line}{line}", encoding="utf-8")

    with pytest.raises(ValueError, match="written twice"):
        legal.rules(file)
