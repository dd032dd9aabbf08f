"""What a professional reads who is asked to take somebody: age, distance, until when; one SMS."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import protocols
from notifications.gsm7 import segments
from notifications.help_wanted import HelpWanted
from notifications.messages import LONGEST_LINK

LINK = "https://rdv.example/aide/7Vn0PzQ2bW9xLk3TabcdEF"
BEFORE = datetime(2026, 9, 23, 12, 50, tzinfo=UTC)
GROUPS = [title for _, title in protocols.published()[0]["fr"].groups]


def asked(**but):
    said = {
        "before": BEFORE,
        "group": "Peau, piqûres",
        "age_months": 34 * 12,
        "distance_km": 1.3,
        "link": LINK,
        "zone": ZoneInfo("Europe/Paris"),
    }
    return HelpWanted.of(**said | but)


@pytest.mark.parametrize(
    ("months", "said"),
    [(0, "nouveau-né"), (8, "8 mois"), (23, "23 mois"), (24, "2 ans"), (1007, "83 ans")],
)
def test_an_age_is_said_in_months_below_two_years(months, said):
    assert asked(age_months=months).sms().startswith(f"Demande SNP, {said}, ")


@pytest.mark.parametrize(
    ("away", "said"),
    [(0.2, "à moins de 1 km"), (1.0, "à moins de 1 km"), (1.1, "à 2 km"), (29.9, "à 30 km")],
)
def test_a_distance_is_rounded_up_so_that_it_tells_no_street(away, said):
    assert f", {said}, avant" in asked(distance_km=away).sms()


def test_what_is_not_known_is_left_out_of_the_sms_and_said_in_the_mail():
    nothing = asked(age_months=None, distance_km=None, group="")

    assert nothing.sms().startswith("Demande SNP, avant mercredi 23 sept. à 14h50. Répondre : ")
    assert "Qui : non précisé\nGroupe de motifs : non précisé\n" in nothing.email()


def test_the_mail_says_the_same_with_room():
    mail = asked().email()

    assert "Qui : 34 ans, à 2 km\nGroupe de motifs : Peau, piqûres\n" in mail
    assert "À voir avant : mercredi 23 septembre 2026 à 14\u00a0h\u00a050" in mail
    assert asked().subject().startswith("Demande de soins non programmés, avant mercredi")


def test_nobody_is_called_about_it():
    assert asked().voice() == ""


@pytest.mark.parametrize("language", ["fr", "en"])
@given(
    months=st.none() | st.integers(0, 110 * 12),
    away=st.none() | st.floats(0, 200),
    groups=st.lists(st.sampled_from(GROUPS), max_size=3, unique=True),
    day=st.integers(0, 700).map(lambda days: BEFORE + timedelta(days)),
)
def test_it_is_one_sms_whatever_is_said_and_with_the_longest_link(
    language, months, away, groups, day
):
    link = LINK.ljust(LONGEST_LINK, "x")
    sms = asked(
        age_months=months,
        distance_km=away,
        group=", ".join(groups),
        before=day,
        link=link,
        language=language,
    ).sms()

    assert segments(sms) == 1
    assert sms.endswith(link)
