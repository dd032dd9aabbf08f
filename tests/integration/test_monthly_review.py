"""Every month the coordinator reads again what may have gone wrong, and says what they think."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from booking import privacy
from booking.desk import ask, decide, incidents, review, sample, staff
from booking.models import Assessment, CaseReview, EventKind, Role, Verdict, WhyRead
from booking.triage.protocol import Level
from schedules.models import Community
from tests.builders import a_community, a_request, a_site, a_triaged_request
from tests.clockwork import NOON
from tests.governing import a_coordinator
from tests.staffing import an_account, signed_in, words

MARCH, APRIL = date(2027, 3, 1), date(2027, 4, 1)
LATER = datetime(2027, 4, 5, 8, 0, tzinfo=UTC)
"""A Monday in April, when March is read again."""

DAY = timedelta(days=1)
PAGE = "/coordination/relecture"
OTHER_PHONE = "+33639980002"


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def operator(session, community):
    return staff.actor(
        session, community.id, an_account(session, community, Role.OPERATOR).reference
    )


@pytest.fixture
def anne(app, session, hands, community):
    account = a_coordinator(session, community, "Anne Aubry")
    session.commit()
    hands.now = LATER
    return signed_in(app, account)


@pytest.fixture
def asked(session, community, protocol):
    """Return what writes a judged request, each from a phone of its own."""

    def write(now=NOON, phone=None, **but):
        return a_triaged_request(session, community, protocol, now=now, phone=phone, **but)

    return write


@pytest.fixture
def advised(session, community, protocol):
    """Return what writes a request that a doctor of the 15 has to talk to first."""

    def write(now=NOON):
        made = a_triaged_request(session, community, protocol, now=now, phone=None)
        by = an_account(session, community, Role.OPERATOR, email=f"o-{made.reference}@t.example")
        by = staff.actor(session, community.id, by.reference)
        raised(session, community, protocol, made, by, now=now)
        return made

    return write


def raised(session, community, protocol, request, by, *, to=Level.CALL_15_ADVICE, now=NOON):
    return decide.level(
        session, request, to, reason="pâle", by=by, protocol=protocol, community=community, now=now
    )


def cases(session, community, first=MARCH):
    session.expire_all()
    return review.cases(session, sample.month_of(community, first))


def why(session, community, first=MARCH):
    """Return why each request is there, drawn by chance apart."""
    return {
        case.reference: set(case.why) - {WhyRead.DRAWN}
        for case in cases(session, community, first)
        if set(case.why) - {WhyRead.DRAWN}
    }


def drawn(session, community, first=MARCH):
    return {c.reference for c in cases(session, community, first) if WhyRead.DRAWN in c.why}


def test_twenty_are_drawn_and_the_same_for_whoever_looks(session, community, asked):
    every = {asked().reference for _ in range(25)}

    chosen = drawn(session, community)

    assert len(chosen) == 20
    assert chosen < every
    assert drawn(session, community) == chosen


def test_what_comes_after_the_month_changes_nothing_of_the_draw(session, community, asked):
    for _ in range(22):
        asked()
    chosen = drawn(session, community)
    for _ in range(10):
        asked(now=NOON + 10 * DAY)

    assert drawn(session, community) == chosen
    assert len(drawn(session, community, APRIL)) == 10


def test_another_month_draws_by_another_lot(session, community, asked):
    # The same people, judged in both months: only the month can make the difference.
    for _ in range(40):
        request = asked()
        first = session.scalars(select(Assessment).where(Assessment.request_id == request.id)).one()
        said = ("patient", "complaints", "answers", "reasons", "routes", "safety_net")
        columns = ("community_id", "request_id", "level", "protocol", "version", "digest")
        again = {name: getattr(first, name) for name in (*columns, *said, "latest_start_at")}
        session.add(Assessment(**again, assessed_at=first.assessed_at + timedelta(days=10)))
    session.flush()

    assert drawn(session, community) != drawn(session, community, APRIL)


def test_fewer_than_twenty_are_all_read(session, community, asked):
    every = {asked().reference for _ in range(3)}

    assert drawn(session, community) == every


def test_all_advice_of_the_15_is_read_also_when_it_was_changed_since(
    session, community, protocol, advised, operator
):
    stays, gone_on = advised(), advised()
    raised(session, community, protocol, gone_on, operator, to=Level.CALL_15)

    found = why(session, community)

    assert WhyRead.ADVICE in found[stays.reference]
    assert WhyRead.ADVICE in found[gone_on.reference]


def test_every_decision_of_level_is_read_in_the_month_in_which_it_was_taken(
    session, community, protocol, operator, asked
):
    request = asked(now=datetime(2027, 3, 31, 21, 0, tzinfo=UTC))
    first_of_april = datetime(2027, 3, 31, 22, 30, tzinfo=UTC)
    raised(session, community, protocol, request, operator, to=Level.SAME_DAY, now=first_of_april)

    assert why(session, community) == {}
    assert why(session, community, APRIL) == {request.reference: {WhyRead.DECISION}}
    [march] = cases(session, community)
    assert march.level is Level.WITHIN_24H


def test_every_event_is_read_in_the_month_in_which_it_was_reported(
    session, community, operator, asked
):
    request = asked()
    incidents.report(session, request, EventKind.INCIDENT, "Chute", by=operator, now=LATER)

    assert why(session, community) == {}
    assert why(session, community, APRIL) == {request.reference: {WhyRead.EVENT}}


@pytest.mark.parametrize(
    ("after", "is_read"),
    [
        (timedelta(hours=1), True),
        (timedelta(hours=72), True),
        (timedelta(hours=72, seconds=1), False),
    ],
)
def test_who_asks_again_within_72_hours_is_read(session, community, asked, after, is_read):
    first = asked(phone=OTHER_PHONE)
    again = asked(now=NOON + after, phone=OTHER_PHONE)

    found = why(session, community)

    assert found == ({first.reference: {WhyRead.ASKED_AGAIN}} if is_read else {})
    if is_read:
        [case] = [c for c in cases(session, community) if c.reference == first.reference]
        assert (case.asked_again.reference, case.asked_again.at) == (again.reference, NOON + after)


def test_who_asks_again_in_the_next_month_counts_for_the_first_answer(session, community, asked):
    last_evening = datetime(2027, 3, 31, 18, 0, tzinfo=UTC)
    first = asked(now=last_evening, phone=OTHER_PHONE)
    asked(now=last_evening + 2 * DAY, phone=OTHER_PHONE)

    assert why(session, community) == {first.reference: {WhyRead.ASKED_AGAIN}}
    assert why(session, community, APRIL) == {}


def test_who_asks_again_after_the_15_is_not_read_for_that(session, community, protocol, asked):
    sent = a_request(session, community, answers={"u_poitrine": "yes"}, phone=OTHER_PHONE)
    ask.assess(session, sent, protocol, community, now=NOON)
    asked(now=NOON + DAY, phone=OTHER_PHONE)

    assert why(session, community) == {}


def test_another_phone_another_community_or_none_asks_for_nobody(
    session, community, protocol, asked
):
    asked(phone=OTHER_PHONE)
    asked(now=NOON + DAY, phone="+33639980003")
    a_triaged_request(session, a_community(session), protocol, now=NOON + DAY, phone=OTHER_PHONE)
    for hours in (0, 1):
        asked(now=NOON + timedelta(hours=hours))

    assert why(session, community) == {}


def test_a_month_begins_where_the_community_is(session, protocol):
    island = a_community(session, zone_name="Indian/Reunion")
    # 21 h UTC on 31 March: Paris is in March, La Réunion in April.
    asked = a_triaged_request(
        session, island, protocol, now=datetime(2027, 3, 31, 21, 0, tzinfo=UTC)
    )

    assert drawn(session, island) == set()
    assert drawn(session, island, APRIL) == {asked.reference}


def noted(session, community, by, *, verdict=Verdict.SOUND, comment="", now=LATER):
    [case] = cases(session, community)
    month = sample.month_of(community, MARCH)
    review.note(session, case, month, verdict, comment, by=by, now=now)


def test_what_happens_after_it_was_read_has_to_be_read(session, community, operator, asked):
    request = asked()
    noted(session, community, operator, now=NOON)
    assert cases(session, community)[0].verdict is Verdict.SOUND

    incidents.report(
        session, request, EventKind.INCIDENT, "Chute", by=operator, now=NOON + timedelta(hours=1)
    )

    assert cases(session, community)[0].verdict is None
    noted(session, community, operator, verdict=Verdict.TO_DISCUSS, comment="Voir le médecin")
    assert cases(session, community)[0].verdict is Verdict.TO_DISCUSS


def test_forgotten_answers_and_names_leave_the_list_as_it_was_read(
    session, community, operator, asked
):
    first = asked(phone=OTHER_PHONE)
    asked(now=NOON + DAY, phone=OTHER_PHONE)
    month = sample.month_of(community, MARCH)
    for case in cases(session, community):
        review.note(session, case, month, Verdict.SOUND, "", by=operator, now=LATER)
    before = {(c.reference, c.why, c.verdict) for c in cases(session, community)}
    privacy.forget(session, now=NOON + 200 * DAY)

    after = cases(session, community)

    assert {(c.reference, c.why, c.verdict) for c in after} == before
    assert {c.asked_again for c in after} == {None}
    assert all(case.is_forgotten for case in after)
    assert WhyRead.ASKED_AGAIN in {c.reference: c.why for c in after}[first.reference]


@pytest.mark.parametrize(
    "statement", ["UPDATE case_review SET comment = 'x'", "DELETE FROM case_review"]
)
def test_what_was_said_of_a_case_is_for_ever(session, community, operator, asked, statement):
    asked()
    noted(session, community, operator)
    session.commit()

    with pytest.raises(DBAPIError, match="append only"):
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"month": date(2027, 3, 2)}, "month_is_its_first_day"),
        ({"why": []}, "read_for_a_reason"),
        ({"comment": "x" * 4100}, "comment_is_short"),
        ({"verdict": Verdict.TO_DISCUSS}, "doubt_is_said"),
    ],
)
def test_the_database_refuses_a_reading_that_is_none(session, operator, asked, wrong, rule):
    request = asked()
    facts = {
        "community_id": request.community_id,
        "request_id": request.id,
        "month": MARCH,
        "why": ["DRAWN"],
        "verdict": Verdict.SOUND,
        "account": operator.account,
        "name": operator.name,
        "at": NOON,
    }
    session.add(CaseReview(**facts | wrong))

    with pytest.raises(IntegrityError, match=f"ck_case_review_{rule}"):
        session.flush()


def test_the_page_shows_the_last_whole_month_and_no_name(session, protocol, operator, asked, anne):
    request = asked(phone=OTHER_PHONE)
    asked(now=NOON + timedelta(hours=26), phone=OTHER_PHONE)
    community = session.get_one(Community, request.community_id)
    raised(session, community, protocol, request, operator, to=Level.SAME_DAY)
    incidents.report(session, request, EventKind.NEAR_MISS, "Rappelé", by=operator, now=NOON)
    session.commit()

    answer = anne.get(PAGE)

    said = words(answer)
    assert "Relecture : mars 2027" in said
    assert "2 dossiers à relire sur 2." in said
    assert "27 mars 2027, 12 h 00 Le jour même Entorse" in said
    assert "Presque-accident , 27 mars 2027, 12 h 00, Dominique Operator : Rappelé" in said
    assert "Sous 24 heures → Le jour même , 27 mars 2027, 12 h 00" in said
    assert ": pâle" in said
    assert "Même numéro, nouvelle demande le 28 mars 2027, 15 h 00." in said
    assert "Tiré au hasard" in said
    assert f"/console/demandes/{request.reference}/explication" in answer.text
    assert anne.get(f"/console/demandes/{request.reference}/explication").status_code == 200
    for secret in ("Morel", "Lucie", "MOREL", "98 00 02"):
        assert secret not in said
        assert secret not in words(anne.get(f"{PAGE}/{request.reference}"))


def test_reading_goes_from_one_case_to_the_next_until_none_is_left(session, asked, anne):
    for hours in range(3):
        asked(now=NOON + timedelta(hours=hours))
    session.commit()
    [there] = re.findall(r'button large" href="([^"]+)"', anne.get(PAGE).text)

    for left in (2, 1):
        answer = anne.post(there, data={"avis": "SOUND", "mois": "2027-03"})
        assert answer.status_code == 303
        there = answer.location
        assert f"✓ Noté {left} dossier" in words(anne.get(there))
    doubt = {"avis": "TO_DISCUSS", "commentaire": "Rappel trop tardif", "mois": "2027-03"}
    last = anne.post(there, data=doubt)

    said = words(anne.get(last.location))
    assert "✓ Tout est relu" in said
    assert "À discuter , 5 avril 2027, 10 h 00, Anne Aubry : Rappel trop tardif" in said
    assert "0 ✓ Tout est relu Mars 2027." in words(anne.get("/coordination"))


def test_after_a_case_comes_the_next_and_at_the_end_those_that_were_passed_over(
    session, asked, anne
):
    first, second, third = (asked(now=NOON + timedelta(hours=hours)) for hours in range(3))
    session.commit()

    def follows(request):
        said = {"avis": "SOUND", "mois": "2027-03"}
        return anne.post(f"{PAGE}/{request.reference}", data=said).location

    assert str(third.reference) in follows(second)
    assert str(first.reference) in follows(third)


@pytest.mark.parametrize(
    ("posted", "told"),
    [
        ({}, "Choisissez : conforme, ou à discuter"),
        ({"avis": "PEUT-ÊTRE"}, "Choisissez : conforme, ou à discuter"),
        ({"avis": "TO_DISCUSS", "commentaire": " "}, "Écrivez ce qui est à discuter"),
        ({"avis": "SOUND", "commentaire": "é" * 1001}, "Écrivez 1000 caractères au plus"),
    ],
    ids=["nothing", "invented", "no comment", "too long"],
)
def test_a_reading_that_says_nothing_is_explained(session, asked, anne, posted, told):
    request = asked()
    session.commit()

    refused = anne.post(f"{PAGE}/{request.reference}", data=posted)

    assert refused.status_code == 422
    assert told in words(refused)
    assert posted.get("commentaire", "").strip() in refused.text
    assert session.scalars(select(CaseReview)).all() == []


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "2027-13",
        "2027-00",
        "9999-12",
        "0001-01",
        "2025-12",
        "mars",
        "2027-03-01",
        "٢٠٢٧-٠٣",
        "x" * 500,
    ],
)
def test_a_month_that_is_none_is_the_last_whole_one(anne, typed):
    answer = anne.get(PAGE, query_string={"mois": typed})

    assert answer.status_code == 200
    assert "Relecture : mars 2027" in words(answer)


def test_one_goes_from_month_to_month_but_not_into_the_future(anne):
    march, april = anne.get(PAGE).text, anne.get(f"{PAGE}?mois=2027-04").text
    first = anne.get(f"{PAGE}?mois=2026-01").text

    assert "mois=2027-02" in march
    assert "Mois d’après" in march
    assert "Mois d’après" not in april
    assert "Ce mois n’est pas fini" in april
    assert "Mois d’avant" not in first
    assert "Relecture : décembre 2026" in words(anne.get(f"{PAGE}?mois=2026-12"))


def test_an_empty_month_says_so(anne):
    assert "Rien à relire" in words(anne.get(f"{PAGE}?mois=2026-11"))


def test_the_coordinators_page_counts_what_is_left(session, asked, anne):
    for _ in range(2):
        asked()
    session.commit()

    answer = anne.get("/coordination")

    assert "2 dossiers à relire Mars 2027. Relecture du mois" in words(answer)
    assert f"{PAGE}?mois=2027-03" in answer.text


def test_forgotten_answers_are_told_on_the_list(session, asked, anne):
    request = asked()
    privacy.forget(session, now=NOON + 20 * DAY)
    session.commit()

    assert "motif effacé au terme prévu" in words(anne.get(PAGE))
    assert anne.get(f"{PAGE}/{request.reference}?mois=2027-03").status_code == 200


def test_a_form_that_the_patient_has_reopened_has_no_link_that_leads_nowhere(session, asked, anne):
    request = asked()
    ask.amend(session, request, {"answers": {}})
    session.commit()

    listed = anne.get(PAGE).text

    assert str(request.reference) in listed
    assert "/explication" not in listed
    assert "la personne a rouvert ses réponses" in words(anne.get(f"{PAGE}/{request.reference}"))


def test_only_the_coordinator_of_the_community_reads(app, session, community, asked, anne):
    request = asked()
    site = a_site(session, community)
    others = [
        an_account(session, community, Role.OPERATOR),
        an_account(session, community, Role.SECRETARY, sites=(site,)),
        an_account(session, community, Role.ADMINISTRATOR),
    ]
    far = a_coordinator(session, a_community(session), "Zoé Zola")
    session.commit()
    case = f"{PAGE}/{request.reference}"

    for account in others:
        client = signed_in(app, account)
        assert client.get(PAGE).status_code == 404
        assert client.get(case).status_code == 404
        assert client.post(case, data={"avis": "SOUND"}).status_code == 404
    zoe = signed_in(app, far)
    assert str(request.reference) not in zoe.get(PAGE).text
    assert zoe.get(case).status_code == 404
    assert zoe.post(case, data={"avis": "SOUND"}).status_code == 404
    assert app.test_client().get(PAGE).status_code == 303
    assert session.scalars(select(CaseReview)).all() == []
    assert anne.get(case).status_code == 200
