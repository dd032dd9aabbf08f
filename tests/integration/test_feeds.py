"""Feeds: what a calendar that subscribes is shown, when it must come again, and who gives it."""

import io
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from icalendar import Calendar, Event
from sqlalchemy import delete, select

from booking import accounts
from booking.desk import change, feeds
from booking.desk.board import Scope
from booking.links import hashed
from booking.models import AccountSite, BookingStatus, CancelledBy, Role
from config import logs
from notifications.models import Channel, OutboxMessage, recipient_key
from schedules import ics
from schedules.models import Feed, ProfessionalSite
from tests.builders import (
    LINKS,
    MOBILE,
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
)
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

LATER = timedelta(hours=1)


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def site(session, community):
    return a_site(session, community, name="Maison de santé des Tilleuls")


@pytest.fixture
def doctor(session, community, site):
    return a_professional(
        session, community, site, family_name="Canari", email="doctor@tilleuls.example"
    )


@pytest.fixture
def booked(session, community, doctor, site, protocol):
    slot = a_slot(session, professional=doctor, site=site)
    made = a_booking(session, community, protocol, slot)
    session.commit()
    return made


@pytest.fixture
def feed(session, community, doctor) -> str:
    """The path of a feed of all that the doctor does."""
    return a_feed(session, Scope(community.id, doctor.id), f"{doctor.reference}~")


@pytest.fixture
def professional(app, session, community, doctor) -> FlaskClient:
    account = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def secretary(app, session, community, doctor, site) -> FlaskClient:
    account = an_account(session, community, Role.SECRETARY, sites=(site,))
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def next_door(session, community, doctor):
    """A second practice at which the same doctor works."""
    site = a_site(session, community, name="Cabinet d’à côté")
    session.add(
        ProfessionalSite(community_id=community.id, professional_id=doctor.id, site_id=site.id)
    )
    session.flush()
    return site


def a_feed(session, scope: Scope, key: str, by: UUID | None = None) -> str:
    token = feeds.make(session, scope, key, by=by or uuid4(), now=NOON)
    session.commit()
    return urlsplit(LINKS.feed(token)).path


def events(answer) -> list[Event]:
    assert answer.status_code == 200, answer.text
    return Calendar.from_ical(answer.data).events


def kept(session, booked) -> change.Kept:
    return change.by_link(session, booked.link.rpartition("/")[2], now=NOON, lock=True)


def cancel(session, booked, now: datetime = NOON) -> None:
    change.cancel(
        session,
        kept(session, booked),
        cancelled_by=CancelledBy.PATIENT,
        by="PATIENT",
        links=LINKS,
        now=now,
    )
    session.commit()


def invitations(session, booked) -> list[Event]:
    """Return what mails told the professional, in order."""
    sent = session.scalars(
        select(OutboxMessage)
        .where(
            OutboxMessage.about == booked.reference,
            OutboxMessage.channel == Channel.EMAIL,
            OutboxMessage.recipient_key == recipient_key("doctor@tilleuls.example"),
        )
        .order_by(OutboxMessage.id)
    )
    return [Calendar.from_ical(ics.drawn(m.invitation)[0]).events[0] for m in sent]


# What it shows


def test_a_feed_says_when_and_where_and_nothing_of_whom(client, feed, booked, community):
    answer = client.get(feed)
    [event] = events(answer)

    assert answer.content_type == "text/calendar; charset=utf-8"
    assert event["SUMMARY"] == "RDV SNP"
    assert event.start == NOON + timedelta(hours=2)
    assert event.end == NOON + timedelta(hours=2, minutes=20)
    assert event["LOCATION"].startswith("Maison de santé des Tilleuls")
    assert event["DESCRIPTION"] == event["URL"] == "http://localhost/journee"
    for secret in ("Canari", "Morel", "Lucie", MOBILE[3:], "trauma", "cheville", "ATTENDEE"):
        assert secret not in answer.text
    assert event["ORGANIZER"] == f"mailto:{community.email}"


def test_a_feed_asks_to_be_read_again_every_quarter_of_an_hour(client, feed):
    lines = client.get(feed).text.splitlines()

    assert "METHOD:PUBLISH" in lines
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT15M" in lines
    assert "X-PUBLISHED-TTL:PT15M" in lines


def test_only_its_reader_keeps_a_feed_and_no_search_engine_does(client, feed):
    headers = client.get(feed).headers

    assert headers["Cache-Control"] == "private, no-cache"
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_an_entry_is_the_one_that_mails_invite_to(session, client, feed, booked):
    [invited] = invitations(session, booked)
    [event] = events(client.get(feed))

    for name in ("UID", "SEQUENCE", "ORGANIZER", "LOCATION", "STATUS"):
        assert event[name] == invited[name]
    for name in ("DTSTAMP", "DTSTART", "DTEND"):
        assert event[name].dt == invited[name].dt


def test_a_moved_appointment_keeps_its_name_and_rises(  # noqa: PLR0917 - fixtures
    session, client, feed, booked, doctor, site
):
    [before] = events(client.get(feed))
    another = a_slot(session, professional=doctor, site=site, starts_at=NOON + 3 * LATER)

    change.move(
        session, kept(session, booked), another.reference, by="PATIENT", links=LINKS,
        now=NOON + timedelta(minutes=5),
    )  # fmt: skip
    session.commit()

    [after] = events(client.get(feed))
    told = invitations(session, booked)[-1]
    assert after["UID"] == before["UID"] == told["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"], told["SEQUENCE"]) == (0, 1, 1)
    assert after.start == NOON + 3 * LATER == told.start
    assert after["DTSTAMP"].dt == NOON + timedelta(minutes=5) == told["DTSTAMP"].dt


def test_who_moves_to_a_colleague_leaves_one_feed_for_the_other(  # noqa: PLR0917 - fixtures
    session, client, community, feed, booked, site
):
    colleague = a_professional(session, community, site)
    theirs = a_feed(session, Scope(community.id, colleague.id), f"{colleague.reference}~")
    there = a_slot(session, professional=colleague, site=site)
    [before] = events(client.get(feed))

    change.move(session, kept(session, booked), there.reference, by="P", links=LINKS, now=NOON)
    session.commit()

    assert events(client.get(feed)) == []
    assert [e["UID"] for e in events(client.get(theirs))] == [before["UID"]]


def test_a_cancelled_appointment_is_not_there_any_more(session, client, feed, booked):
    assert len(events(client.get(feed))) == 1

    cancel(session, booked)

    assert events(client.get(feed)) == []


def test_what_became_of_the_patient_changes_nothing_in_a_calendar(session, client, feed, booked):
    before = client.get(feed)

    for minutes, status in ((110, BookingStatus.ARRIVED), (140, BookingStatus.NO_SHOW)):
        when = NOON + timedelta(minutes=minutes)
        change.note(session, kept(session, booked), status, by="X", now=when)
    session.commit()

    after = client.get(feed)
    assert after.data == before.data
    assert after.headers["ETag"] == before.headers["ETag"]


def test_a_week_that_has_passed_stays_and_no_more(client, feed, booked, hands):
    hands.wait(timedelta(days=7, hours=2))
    assert len(events(client.get(feed))) == 1

    hands.wait(timedelta(seconds=1))
    assert events(client.get(feed)) == []


# Who asks again


def test_who_has_it_already_gets_304_and_nothing_is_drawn(client, feed, booked, monkeypatch):
    first = client.get(feed)
    monkeypatch.setattr(ics, "subscribed", lambda _feed: pytest.fail("drawn for nobody"))

    by_tag = client.get(feed, headers={"If-None-Match": first.headers["ETag"]})
    weakly = client.get(feed, headers={"If-None-Match": f"W/{first.headers['ETag']}"})
    by_time = client.get(feed, headers={"If-Modified-Since": first.headers["Last-Modified"]})

    assert [a.status_code for a in (by_tag, weakly, by_time)] == [304, 304, 304]
    assert by_tag.data == b""
    assert by_tag.headers["ETag"] == first.headers["ETag"]
    assert by_tag.headers["Cache-Control"] == "private, no-cache"


def test_noting_that_it_was_read_changes_nothing_for_the_reader(client, feed, booked, hands):
    first = client.get(feed)
    hands.wait(timedelta(hours=1))
    second = client.get(feed)

    assert second.data == first.data
    for name in ("ETag", "Last-Modified"):
        assert second.headers[name] == first.headers[name]


@pytest.mark.parametrize("named", ["ETag", "Last-Modified"])
def test_an_appointment_that_leaves_is_news_too(  # noqa: PLR0917 - fixtures
    session, client, feed, booked, hands, named
):
    asks = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[named]
    first = client.get(feed)
    hands.wait(timedelta(minutes=1))

    cancel(session, booked)

    again = client.get(feed, headers={asks: first.headers[named]})
    assert again.status_code == 200
    assert events(again) == []


def test_two_contents_of_one_second_have_two_times(session, client, feed, booked):
    first = client.get(feed)

    cancel(session, booked)

    again = client.get(feed, headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert again.status_code == 200


def test_the_tag_counts_where_both_are_sent(session, client, feed, booked):
    first = client.get(feed)
    cancel(session, booked)

    again = client.get(
        feed,
        headers={
            "If-None-Match": first.headers["ETag"],
            "If-Modified-Since": "Fri, 31 Dec 2099 23:59:59 GMT",
        },
    )

    assert again.status_code == 200


def test_head_says_the_same_without_the_body(client, feed, booked):
    whole, head = client.get(feed), client.head(feed)

    assert head.status_code == 200
    assert head.data == b""
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length"):
        assert head.headers[name] == whole.headers[name]


def test_a_reading_is_noted_once_in_ten_minutes(session, client, feed, hands):
    def noted() -> datetime | None:
        session.rollback()
        return session.scalar(select(Feed.last_read_at))

    assert noted() is None
    seen = []
    for minutes in (0, 9, 1):
        hands.wait(timedelta(minutes=minutes))
        client.get(feed)
        seen.append(noted())

    assert seen == [NOON, NOON, NOON + timedelta(minutes=10)]


# Its address


def test_the_database_keeps_a_hash_of_32_random_bytes(session, feed):
    token = feed.removeprefix("/agenda/").removesuffix(".ics")
    [row] = session.scalars(select(Feed))

    assert len(token) == 43
    assert row.token_hash == hashed(token)
    values = (getattr(row, column.key) for column in Feed.__table__.columns)
    assert not any(token in str(value) for value in values)


def test_an_ended_address_is_gone_and_one_never_given_was_never_there(
    session, client, feed, community, doctor
):
    scope = Scope(community.id, doctor.id)
    [one] = feeds.listed(session, scope)
    for _ in range(2):
        feeds.end(session, scope, one.reference, now=NOON)
    session.commit()

    gone = client.get(feed)
    assert gone.status_code == 410
    assert "Ce lien a été arrêté" in gone.text
    assert client.head(feed).status_code == 410
    assert client.get(feed.replace(".ics", "A.ics")).status_code == 404
    assert feeds.listed(session, scope) == []


@pytest.mark.parametrize(
    "path",
    ["/agenda/.ics", "/agenda/x.ics", "/agenda/%00.ics", "/agenda/%ff.ics", "/agenda/é%0d%0a.ics",
     f"/agenda/{'a' * 3000}.ics", "/agenda/x", "/agenda/", "/agenda/../agendas.ics"],
)  # fmt: skip
def test_what_is_no_address_is_404(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"If-None-Match": '"'}, {"If-None-Match": "*"}, {"If-Modified-Since": "yesterday"},
     {"If-Modified-Since": "Sun, 31 Feb 99999 00:00:00 GMT"}, {"Range": "bytes=9-1"},
     {"If-Match": '"x"'}, {"Accept": "image/png"}],
)  # fmt: skip
def test_no_header_breaks_it(client, feed, booked, headers):
    assert client.get(feed, headers=headers).status_code in (200, 304, 412)


def test_nothing_can_be_sent_to_it(client, feed):
    assert client.post(feed).status_code == 405


# Who gives it


def test_a_link_is_shown_once_and_then_only_its_traces(professional, client, booked, hands):
    made = professional.post("/agendas", data={"whose": choice_on(professional)})
    assert made.status_code == 201
    address = made.text.partition('value="http://localhost/agenda/')[2].partition('"')[0]
    path = f"/agenda/{address}"

    assert len(events(client.get(path))) == 1
    assert f"webcal://localhost{path}" in made.text
    page = professional.get("/agendas")
    assert path not in page.text
    assert "27 mars 2027" in words(page)
    assert "aujourd’hui, samedi 27 mars, à 12 h 00" in words(page)

    ending = page.text.partition('action="/agendas/')[2].partition('"')[0]
    assert professional.post(f"/agendas/{ending}").status_code == 303
    assert client.get(path).status_code == 410
    assert "Arrêter ce lien" not in words(professional.get("/agendas"))


def choice_on(somebody: FlaskClient) -> str:
    page = somebody.get("/agendas").text
    return page.partition('name="whose" value="')[2].partition('"')[0]


def test_the_page_says_that_what_happens_today_comes_by_mail(professional):
    made = words(professional.post("/agendas", data={"whose": choice_on(professional)}))

    for said in ("Google Agenda", "iPhone", "Outlook", "24 heures", "arrive donc par courriel"):
        assert said in made


def test_the_day_and_the_slots_lead_to_it(professional):
    for path in ("/journee", "/creneaux"):
        assert 'href="/agendas"' in professional.get(path).text


def test_a_secretary_gives_her_site_or_one_professional_there(  # noqa: PLR0917 - fixtures
    session, client, secretary, community, site, doctor, next_door, protocol
):
    here = a_slot(session, professional=doctor, site=site)
    there = a_slot(session, professional=doctor, site=next_door, starts_at=NOON + 3 * LATER)
    colleague = a_professional(session, community, site)
    with_colleague = a_slot(session, professional=colleague, site=site)
    for slot in (here, there, with_colleague):
        a_booking(session, community, protocol, slot)
    scope = Scope(community.id, None, (site.id,))
    whole = a_feed(session, scope, f"~{site.reference}")
    one = a_feed(session, scope, f"{doctor.reference}~{site.reference}")
    own = a_feed(session, Scope(community.id, doctor.id), f"{doctor.reference}~")

    starts = {path: [e.start for e in events(client.get(path))] for path in (whole, one, own)}
    assert starts == {
        whole: [here.starts_at, with_colleague.starts_at],
        one: [here.starts_at],
        own: [here.starts_at, there.starts_at],
    }
    page = words(secretary.get("/agendas"))
    assert f"Dr Camille Canari, {site.name}" in page
    assert next_door.name not in page


def test_nobody_gives_away_what_is_not_theirs(  # noqa: PLR0917 - fixtures
    session, professional, secretary, doctor, site, next_door
):
    other = a_community(session)
    elsewhere = a_site(session, other)
    stranger = a_professional(session, other, elsewhere)
    session.commit()
    keys = [
        f"{stranger.reference}~", f"~{elsewhere.reference}", f"~{next_door.reference}",
        f"{doctor.reference}~{next_door.reference}", "~", "", "x", "\x00", f"~{site.id}",
    ]  # fmt: skip

    for key in (*keys, f"~{site.reference}"):
        assert professional.post("/agendas", data={"whose": key}).status_code == 404
    for key in (*keys, f"{doctor.reference}~"):
        assert secretary.post("/agendas", data={"whose": key}).status_code == 404
    assert session.scalars(select(Feed)).all() == []


def test_each_sees_and_ends_their_own_links_alone(  # noqa: PLR0917 - fixtures
    app, session, professional, secretary, feed, community, doctor, site
):
    hers = Scope(community.id, None, (site.id,))
    pair = a_feed(session, hers, f"{doctor.reference}~{site.reference}")
    [by_secretary, own] = feeds.listed(session, Scope(community.id, doctor.id))
    colleague = a_professional(session, community, site)
    other = an_account(
        session, community, Role.PROFESSIONAL, professional=colleague, email="autre@t.example"
    )
    session.commit()

    for who, which in (
        (secretary, own),
        (signed_in(app, other), own),
        (signed_in(app, other), by_secretary),
    ):
        assert who.post(f"/agendas/{which.reference}/arreter").status_code == 404
    assert app.test_client().get(feed).status_code == 200
    # Whoever's times they are may end what others made of them.
    assert professional.post(f"/agendas/{by_secretary.reference}/arreter").status_code == 303
    assert app.test_client().get(pair).status_code == 410


@pytest.mark.parametrize("how", ["closed", "moved"])
def test_an_address_ends_with_the_account_of_who_made_it_or_when_she_leaves_the_site(  # noqa: PLR0917 - fixtures
    session, client, professional, community, doctor, site, next_door, how
):
    hers = an_account(
        session, community, Role.SECRETARY, sites=(site, next_door), email="partie@t.example"
    )
    scope = Scope(community.id, None, (site.id, next_door.id))
    keys = [f"{doctor.reference}~{site.reference}", f"~{next_door.reference}"]
    left, other = (a_feed(session, scope, key, by=hers.reference) for key in keys)
    assert {client.get(path).status_code for path in (left, other)} == {200}

    if how == "closed":
        accounts.close(session, community.id, hers.reference, now=NOON)
    else:
        session.execute(
            delete(AccountSite).where(
                AccountSite.account_id == hers.id, AccountSite.site_id == site.id
            )
        )
    session.commit()

    assert client.get(left).status_code == 410
    assert client.get(other).status_code == (410 if how == "closed" else 200)
    assert "Arrêter ce lien" not in words(professional.get("/agendas"))


def test_the_page_is_for_those_who_care_for_patients(app, session, community, client):
    assert client.get("/agendas").status_code == 303
    for role in (Role.OPERATOR, Role.COORDINATOR, Role.ADMINISTRATOR):
        account = an_account(session, community, role)
        session.commit()
        assert signed_in(app, account).get("/agendas").status_code == 404


def test_a_form_of_another_site_makes_and_ends_nothing(app, session, professional, feed, doctor):
    app.config["WTF_CSRF_ENABLED"] = True
    [one] = feeds.listed(session, Scope(doctor.community_id, doctor.id))

    assert professional.post("/agendas", data={"whose": f"{doctor.reference}~"}).status_code == 400
    assert professional.post(f"/agendas/{one.reference}/arreter").status_code == 400
    assert len(feeds.listed(session, Scope(doctor.community_id, doctor.id))) == 1


def test_no_line_of_the_log_holds_an_address(client, feed):
    written = io.StringIO()
    logs.configure(written)

    client.get(feed)

    assert '"feeds.read"' in written.getvalue()
    assert feed.removeprefix("/agenda/").removesuffix(".ics") not in written.getvalue()
