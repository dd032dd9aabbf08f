"""What is said to patients and professionals, word for word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import twilio_voice
from notifications.gsm7 import segments
from notifications.help_wanted import HelpWanted
from notifications.messages import (
    CANCELLED_BY_KEY,
    BookingCancelled,
    BookingConfirmed,
    BookingMoved,
    BookingRelocated,
    BookingReminder,
    By,
    CallBackPromised,
    Change,
    DeadlineNear,
    OutcomeQuestion,
    ProfessionalNotice,
    RunningLate,
    SlotOffered,
)
from notifications.models import Kind
from notifications.texts import TEXTS

PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2026, 11, 21, 13, 20, tzinfo=UTC)
BEFORE = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LINK = "https://rdv.example/r/7Vn0PzQ2bW9xLk3T"
WHERE = "3 rue des Tilleuls, 54000 Exempleville"

TOLD = {
    "starts_at": AT,
    "place": "Maison de santé des Tilleuls",
    "address": "3 rue des Tilleuls, 54000 Exempleville",
    "link": LINK,
    "zone": PARIS,
}
EVERY = [
    BookingConfirmed(**TOLD),
    BookingMoved(**TOLD, before=BEFORE),
    BookingRelocated(**TOLD, before="Cabinet de la Gare"),
    *(BookingCancelled(**TOLD, by=by) for by in By),
    CallBackPromised.of(caller="la CPTS du Val", by=AT, link=LINK, zone=PARIS),
    *(ProfessionalNotice(**TOLD, change=change) for change in Change),
    RunningLate(**TOLD, minutes=20),
    BookingCancelled(**TOLD, by=By.PRACTICE, kept_until=BEFORE),
    SlotOffered(**TOLD, until=BEFORE),
    BookingReminder(**TOLD),
    DeadlineNear(**TOLD),
    OutcomeQuestion(**TOLD, count=3),
    HelpWanted.of(
        before=AT, group="Peau, piqûres", age_months=408, distance_km=1.3, link=LINK, zone=PARIS
    ),
]
EVERY_IN_BOTH = [replace(message, language=language) for message in EVERY for language in TEXTS]


SAID = [
    f"RDV confirmé samedi 21 nov. à 14h20, {WHERE}. Changer, annuler : {LINK}",
    (f"RDV déplacé : samedi 21 nov. à 14h20, {WHERE}. Changer, annuler : {LINK}"),
    f"RDV, nouveau lieu : samedi 21 nov. à 14h20, {WHERE}. Changer, annuler : {LINK}",
    (f"RDV annulé à votre demande : samedi 21 nov. à 14h20, {WHERE}. Nouveau RDV : {LINK}"),
    (f"RDV annulé par le cabinet : samedi 21 nov. à 14h20, {WHERE}. Nouveau RDV : {LINK}"),
    (
        "Nous vous rappelons samedi 21 nov. avant 14h20, la CPTS du Val. "
        f"Si cela s'aggrave : le 15. {LINK}"
    ),
    (f"Nouveau RDV samedi 21 nov. à 14h20, {WHERE}. Détails après connexion : {LINK}"),
    (f"RDV déplacé : samedi 21 nov. à 14h20, {WHERE}. Détails après connexion : {LINK}"),
    (f"RDV annulé : samedi 21 nov. à 14h20, {WHERE}. Détails après connexion : {LINK}"),
    (f"Retard d'environ 20 min pour votre RDV samedi 21 nov. à 14h20, {WHERE}. Voir : {LINK}"),
    f"RDV annulé : samedi 21 nov. à 14h20, {WHERE}. Autres RDV gardés jusqu'à 11h00 : {LINK}",
    f"Une place se libère samedi 21 nov. à 14h20, {WHERE}. Répondez avant 11h00 : {LINK}",
    (
        "Rappel : RDV samedi 21 nov. à 14h20, 3 rue des Tilleuls, 54000 Exempleville. "
        f"Venez-vous ? Confirmez ou annulez : {LINK}"
    ),
    (f"JourMeme : une demande n'a pas de rendez-vous, échéance samedi 21 nov. à 14h20. {LINK}"),
    f"Qui est venu samedi 21 nov., à partir de 14h20, {WHERE} ? Répondre : {LINK}",
    (
        "Demande SNP, 34 ans, à 2 km, avant samedi 21 nov. à 14h20, Peau, piqures. "
        f"Répondre : {LINK}"
    ),
]


@pytest.mark.parametrize(("message", "sms"), list(zip(EVERY, SAID, strict=True)))
def test_each_sms_says_day_hour_place_and_link(message, sms):
    assert message.sms() == sms


def test_the_same_in_english():
    told = replace(EVERY[0], language="en")

    assert told.sms() == (
        f"Appointment confirmed Sat 21 Nov at 14:20, {WHERE}. Change, cancel: {LINK}"
    )
    assert told.subject() == "Appointment confirmed: Saturday 21 November 2026, 14:20"


def test_the_email_of_a_moved_appointment_says_both_moments():
    assert EVERY[1].subject() == "Rendez-vous déplacé : samedi 21 novembre 2026 à 14\u00a0h\u00a020"
    assert EVERY[1].email() == (
        "Bonjour,\n\nVotre rendez-vous a changé.\n\n"
        "Nouveau rendez-vous : samedi 21 novembre 2026 à 14\u00a0h\u00a020\n"
        "Où : Maison de santé des Tilleuls, 3 rue des Tilleuls, 54000 Exempleville\n"
        "L’ancien rendez-vous, samedi 21 novembre 2026 à 11\u00a0h\u00a000, n’existe plus.\n\n"
        f"Voir, changer ou annuler ce rendez-vous :\n{LINK}\n\n"
        "Si votre état s’aggrave avant le rendez-vous, appelez le 15.\n"
    )


@pytest.mark.parametrize("message", EVERY_IN_BOTH)
def test_every_sms_is_printed_with_what_it_is_billed_as(message):
    text = message.sms()
    print(f"{segments(text)} segment, {len(text)} letters: {text}")

    assert segments(text) == 1


@pytest.mark.parametrize("message", [m for m in EVERY_IN_BOTH if m.voice()])
def test_every_call_says_when_and_where_names_its_keys_and_fits_in_its_call(message):
    text = message.voice()

    assert "14\u00a0h\u00a020" in text or "14:20" in text
    assert "http" not in text
    assert "{" not in text
    assert ("9." in text) is (message.kind in CANCELLED_BY_KEY)
    longest = replace(message, address="x" * 300).voice()
    assert len(twilio_voice.said(longest, message.language, "https://" + "x" * 200)) < 4000


@pytest.mark.parametrize("message", EVERY_IN_BOTH)
def test_every_email_says_the_day_the_place_and_the_whole_link(message):
    text = message.email()

    assert message.place in text
    assert f"\n{LINK}\n" in text
    assert "novembre 2026" in text or "November 2026" in text
    assert "{" not in text + message.subject()


def test_hours_are_those_of_the_territory():
    told = replace(EVERY[0], zone=ZoneInfo("Indian/Reunion"))

    assert "17h20" in told.sms()
    assert "17\u00a0h\u00a020" in told.email()


def test_the_day_is_that_of_the_territory():
    late = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)

    assert (
        "dimanche 22 nov. à 2h30"
        in replace(EVERY[0], starts_at=late, zone=ZoneInfo("Indian/Reunion")).sms()
    )


def test_the_hour_that_autumn_repeats_is_told_as_the_clock_shows_it():
    second = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)

    assert "dimanche 31 oct. à 2h30" in replace(EVERY[0], starts_at=second).sms()


def test_a_place_that_is_too_long_is_cut_between_words():
    told = replace(EVERY[0], address="Centre hospitalier intercommunal " * 4)

    assert (
        "à 14h20, Centre hospitalier intercommunal Centre hospitalier. Changer, annuler"
        in told.sms()
    )


def test_a_place_without_room_is_left_out():
    promised = next(m for m in EVERY if isinstance(m, CallBackPromised))
    told = replace(promised, link="https://rdv.example/r/" + "x" * 59)

    assert f"avant 14h20. Si cela s'aggrave : le 15. {told.link}" in told.sms()
    assert segments(told.sms()) == 1


def test_a_single_long_word_is_cut_where_the_room_ends():
    told = replace(EVERY[0], address="Saint-Exemple-sous-les-Tilleuls-et-les-Marronniers-en-Fleurs")

    assert "à 14h20, Saint-Exemple-sous-les-Tilleuls-et-les-Marronnie" in told.sms()


def test_a_place_with_braces_or_line_breaks_is_a_name_like_any_other():
    told = replace(EVERY[0], address="Cabinet {link}\r\nBis")

    assert "Cabinet {link} Bis." in told.sms()
    assert "Cabinet {link} Bis\n" in told.email()


def test_no_subject_holds_a_line_break():
    assert not any("\n" in m.subject() or "\r" in m.subject() for m in EVERY_IN_BOTH)


links = st.text(
    alphabet="abcXYZ0189-_./?=&%:+", min_size=1, max_size=70 - len("https://a.fr/")
).map("https://a.fr/".__add__)
moments = st.integers(0, 5 * 366 * 24 * 60).map(lambda minutes: AT + timedelta(minutes=minutes))


@given(
    message=st.sampled_from(EVERY_IN_BOTH),
    place=st.text(max_size=200) | st.text(alphabet="€{}[]~ ^œêÇé", max_size=90),
    link=links,
    at=moments,
    zone=st.sampled_from(["Europe/Paris", "Indian/Reunion", "America/Miquelon"]).map(ZoneInfo),
)
def test_every_sms_is_one_segment_with_its_hour_and_its_whole_link(message, place, link, at, zone):
    told = replace(message, place=place, link=link, starts_at=at, zone=zone)
    local = at.astimezone(zone)

    text = told.sms()

    assert segments(text) == 1
    assert text.endswith(link)
    hour = f"{local:%H:%M}" if told.language == "en" else f"{local.hour}h{local:%M}"
    assert f" {hour}" in text.removesuffix(link)


def test_every_wording_is_used_and_exists_in_both_languages():
    assert TEXTS["fr"].keys() == TEXTS["en"].keys() == {m._case() for m in EVERY}


def test_every_kind_that_is_written_here_is_its_own():
    kinds = [m.kind for m in EVERY]

    assert set(kinds) == set(Kind)
