"""Which version triages whom, on which day; and that no door books when there is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select

from booking import clients, protocols, scope
from booking.app import create_app
from booking.desk import ask, choose
from booking.extensions import db, equipment
from booking.governance import serving, states, texts, versions
from booking.governance.serving import Standing
from booking.governance.trial import Trial
from booking.models import Assessment, Booking, CareRequest, Role
from schedules.models import Community
from tests.builders import (
    LINKS,
    a_community,
    a_professional,
    a_request,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.governing import TODAY, a_coordinator, a_draft, signed, signing
from tests.integration.patient_walk import CALM, Walk, a_town
from tests.second_factor import enrolled
from tests.small_protocol import FIRST
from tests.staffing import an_account, signed_in, words

DELIVERED = protocols.published()[-1]
LATER = TODAY + timedelta(days=3)
RENAMED = replace(FIRST, document=FIRST.document.replace("title: Essai", "title: Suite"))


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def author(session, community):
    return a_coordinator(session, community, "Anne Aubry")


@pytest.fixture
def approver(session, community):
    return a_coordinator(session, community, "Benoît Blin")


def at(day, hour=12):
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def served(session, community, now=NOON, *, may_be_unsigned=True):
    return serving.version(
        session, community.id, delivered=DELIVERED, may_be_unsigned=may_be_unsigned, now=now
    )


def is_open(version, on=TODAY):
    return version["fr"].is_in_force(on)


def test_a_demonstration_uses_the_delivered_version_until_one_is_signed(
    session, community, author, approver
):
    before = served(session, community)
    signed(session, author, approver)

    assert before is DELIVERED
    assert served(session, community)["fr"].title == "Essai"


def test_with_real_patients_nothing_unsigned_serves(session, community):
    version = served(session, community, may_be_unsigned=False)

    assert not is_open(version)
    assert version["fr"].title == DELIVERED["fr"].title


def test_signatures_and_dates_are_those_of_the_committee(session, community, author, approver):
    signed(session, author, approver, first=LATER, today=TODAY)

    french = served(session, community, at(LATER))["fr"]

    assert (french.valid_from, french.valid_until) == (LATER, states.last_day(LATER))
    assert french.reviewed_by == ("Anne Aubry", "Benoît Blin")
    assert french.digest == FIRST.digest
    assert served(session, community, at(LATER))["en"].title == "Trial"


def test_a_community_with_a_signature_to_come_no_longer_uses_the_delivered_version(
    session, community, author, approver
):
    signed(session, author, approver, first=LATER, today=TODAY)

    assert not is_open(served(session, community))
    assert served(session, community)["fr"].title == "Essai"


def test_the_latest_first_day_counts_whatever_the_order_of_signing(
    session, community, author, approver
):
    signed(session, author, approver, RENAMED, first=LATER, today=TODAY)
    signed(session, author, approver)

    assert served(session, community)["fr"].title == "Essai"
    assert served(session, community, at(LATER))["fr"].title == "Suite"


def test_after_twelve_months_nobody_is_triaged(session, community, author, approver):
    signed(session, author, approver)
    last = states.last_day(TODAY)

    assert is_open(served(session, community, at(last)), last)
    assert not is_open(served(session, community, at(last + timedelta(days=1))), last)
    assert not is_open(served(session, community, at(last + timedelta(days=1))), TODAY)


def test_taken_back_the_former_one_serves_and_then_none(session, community, author, approver):
    first = signed(session, author, approver)
    second = signed(session, author, approver, RENAMED)

    versions.withdraw(session, second, because="Erreur", by=signing(author), now=NOON)
    former = served(session, community)
    versions.withdraw(session, first, because="Erreur", by=signing(author), now=NOON)

    assert former["fr"].title == "Essai"
    assert not is_open(served(session, community))


def test_one_communitys_signature_is_no_others(session, author, approver):
    signed(session, author, approver)
    far = a_community(session)

    assert served(session, far) is DELIVERED


def test_a_day_begins_where_the_community_is(session):
    island = a_community(session, zone_name="Indian/Reunion")
    anne, benoit = (a_coordinator(session, island, name) for name in ("Anne A", "Benoît B"))
    signed(session, anne, benoit, first=LATER, today=TODAY)
    eve = LATER - timedelta(days=1)

    assert not is_open(served(session, island, at(eve, 19)), LATER)
    assert is_open(served(session, island, at(eve, 20)), LATER)


def test_a_version_is_read_once_and_chosen_by_one_query(session, community, author, approver):
    signed(session, author, approver)
    first = served(session, community)
    asked = []
    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))

    second = served(session, community)

    assert second["fr"] is first["fr"]
    assert len(asked) == 1
    assert "document" not in asked[0]


def test_a_version_that_this_program_cannot_read_serves_nobody(
    session, community, author, approver, monkeypatch
):
    signed(session, author, approver, replace(RENAMED, english=None))
    monkeypatch.setattr(protocols, "laws", dict)
    monkeypatch.setattr(serving, "_parsed", {})
    monkeypatch.setattr(
        "booking.triage.loading.read",
        lambda *_: (_ for _ in ()).throw(protocols.ProtocolInvalid("another time")),
    )

    assert not is_open(served(session, community))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, Standing.SIGNED),
        (335, Standing.SIGNED),
        (336, Standing.ENDS_SOON),
        (365, Standing.ENDS_SOON),
        (366, Standing.CLOSED),
    ],
)
def test_staff_are_told_a_month_before_it_ends(session, author, approver, days, expected):
    community = session.get_one(Community, author.community_id)
    signed(session, author, approver)
    day = TODAY + timedelta(days=days)

    said = serving.standing(
        session,
        community.id,
        delivered=DELIVERED,
        may_be_unsigned=False,
        today=day,
        now=at(day),
    )

    assert said is expected


def test_a_former_version_is_found_by_its_digest_whatever_became_of_it(
    session, community, author, approver
):
    version = signed(session, author, approver)
    versions.withdraw(session, version, because="Erreur", by=signing(author), now=NOON)

    found, row = serving.former(session, community.id, FIRST.digest, ())
    shipped, none = serving.former(
        session, community.id, DELIVERED["fr"].digest, protocols.published()
    )

    assert (found["fr"].title, row.number) == ("Essai", 1)
    assert (shipped, none) == (DELIVERED, None)
    assert serving.former(session, a_community(session).id, FIRST.digest, ()) is None


# No door books: the web, the API, the operator.


@pytest.fixture
def production(app_settings, hands):
    """The app as it is with real patients, on the test's database."""
    settings = app_settings.model_copy(
        update={
            "jourmeme_env": "production",
            "public_base_url": "https://localhost",
            "secret_key": type(app_settings.secret_key)("x" * 40),
        }
    )
    app = create_app(settings, clock=hands, senders={})
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_production_starts_so_that_somebody_can_sign(production, community, session):
    session.commit()

    with production.app_context():
        protocol = equipment().protocol("fr", community.id)

    assert not protocol.is_in_force(TODAY)


def ankle(community, protocol):
    return {
        "community": community.slug,
        "channel": "API",
        "patient": {"age_years": 34, "sex": "male"},
        "complaints": ["autre"],
        "answers": {},
    }


def test_without_a_signature_the_api_says_that_nothing_is_in_force(
    production, session, community, protocol
):
    key = clients.issue_key(session, community.id, "Plateforme", now=NOON)
    session.commit()

    answer = production.test_client().post(
        "/api/v1/care-requests",
        base_url="https://localhost",
        json=ankle(community, protocol),
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "a" * 20},
    )

    assert answer.status_code == 503
    assert "no-protocol" in answer.json["type"]
    assert session.scalar(select(func.count()).select_from(Assessment)) == 0


def test_without_a_signature_the_desk_judges_nobody(session, community):
    request = a_request(session, community, complaints=["autre"])
    closed = served(session, community, may_be_unsigned=False)["fr"]

    with pytest.raises(ask.ProtocolNotInForce):
        ask.assess(session, request, closed, community, now=NOON)
    with pytest.raises(choose.LevelForbids):
        choose.hold(session, request, a_slot(session).reference, now=NOON)


def test_without_a_signature_in_force_the_web_says_the_15_or_ones_doctor(client, session):
    town = a_town(session)
    shipped = texts.delivered()
    anne, benoit = (a_coordinator(session, town.community, each) for each in ("Anne A", "Béa B"))
    version = a_draft(session, anne, shipped)
    versions.record_trial(session, version, Trial(shipped, ()), by=signing(anne), now=NOON)
    versions.approve(
        session,
        version,
        digest=version.digest,
        in_force_from=LATER,
        today=TODAY,
        by=signing(benoit),
        now=NOON,
    )
    session.commit()
    walk = Walk(client, town)
    walk.to("questions")

    page = walk.post("questions", **CALM["questions"])

    assert page.status_code == 503
    assert "Appelez le 15, ou votre médecin" in words(page)
    assert session.scalar(select(func.count()).select_from(Assessment)) == 0


def test_what_was_judged_by_a_version_that_is_taken_back_is_asked_again(
    session, community, author, approver
):
    version = signed(session, author, approver)
    french = served(session, community)["fr"]
    waiting = a_triaged_request(session, community, french, complaints=["gorge"])
    slot = a_slot(
        session, professional=a_professional(session, community, a_site(session, community))
    )
    shown = versions.still_open(session, community.id, version.digest)

    versions.withdraw(session, version, because="Erreur", by=signing(author), now=NOON)
    session.refresh(waiting)

    assert shown == 1
    with pytest.raises(choose.SignsAgain):
        choose.hold(session, waiting, slot.reference, now=NOON)
    with pytest.raises(choose.SignsAgain):
        choose.book(
            session, waiting, community, slot.reference, by="PATIENT", links=LINKS, now=NOON
        )
    assert session.scalar(select(func.count()).select_from(Booking)) == 0


def test_what_was_judged_by_another_version_still_counts(session, community, author, approver):
    signed(session, author, approver)
    second = signed(session, author, approver, RENAMED, first=LATER, today=TODAY)
    waiting = a_triaged_request(
        session, community, served(session, community)["fr"], complaints=["gorge"]
    )

    versions.withdraw(session, second, because="Erreur", by=signing(author), now=NOON)

    assert session.get_one(CareRequest, (community.id, waiting.id)).assessed_at == NOON


def test_staff_pages_work_when_nothing_is_in_force(production, session, community):
    account = an_account(session, community, Role.COORDINATOR)
    phone = enrolled(session, account, NOON)
    client = production.test_client()
    said = {"email": account.email, "password": "quatre mots sans lien 42"}
    client.post("/connexion", data=said, base_url="https://localhost")
    code = {"code": phone.code(NOON)}
    entered = client.post("/connexion/code", data=code, base_url="https://localhost")

    page = client.get("/protocole", base_url="https://localhost")

    assert entered.status_code == 303
    assert "Aucun protocole en vigueur" in words(page)
    assert page.status_code == 200


def test_each_of_two_communities_is_triaged_by_its_own(app, session, community, author, approver):
    signed(session, author, approver)
    far = a_community(session)
    session.commit()

    with app.app_context():
        scope.widen()
        titles = [equipment().protocol("fr", each.id).title for each in (community, far)]

    assert titles == ["Essai", DELIVERED["fr"].title]
    assert signed_in(app, author).get("/protocole").status_code == 200
