"""Feeds and invitations as calendars that others wrote read them, over both changes of clocks.

The clock of the product cannot be set, so the app is served here with one that stands on the day
before the change of October 2026; one test subscribes to the whole product as it is.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import vobject
from icalendar import Calendar
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from booking.app import create_app
from booking.desk import change, choose, feeds
from booking.desk.board import Scope
from booking.extensions import db
from booking.models import CancelledBy
from config import schema
from config.settings import Settings
from notifications.models import Channel, OutboxMessage
from schedules import ics
from schedules.models import Slot
from tests.builders import (
    LINKS,
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON, Hands

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TOOLS = Path(sys.executable).parent
PATIENCE_SECONDS = 60

ZONES = ("Europe/Paris", "Indian/Reunion")
LEAVING = "America/Martinique"
"""Where the last appointment is cancelled while somebody subscribes."""

DAY_BEFORE = datetime(2026, 10, 24, 12, tzinfo=UTC)
STARTS = tuple(
    datetime(*day, hour, minute, tzinfo=UTC)
    for day in ((2026, 10, 25), (2027, 3, 28))
    for hour, minute in ((0, 30), (1, 30), (7, 0))
)
"""In Paris clocks change at one o'clock UTC: half an hour before, half an hour after, and at work.

In October the first two are 2:30 on the wall, both.
"""
LASTS = timedelta(minutes=20)
INTENDED = [(start, start + LASTS) for start in STARTS]

SITE = "Maison de santé de l’Étang\u00a0; côté « jardin », 2"
"""A name with all that iCalendar writes in another way, long enough for two lines."""

PACKAGES = ("ical.js@2.2.1", "node-ical@0.26.1")


@dataclass(frozen=True)
class Served:
    """An app that answers on loopback: its feeds, mails that it has written, and a cancellation."""

    urls: dict[str, str]
    invitations: list[bytes]
    cancel_the_last: Callable[[], None]


@pytest.fixture(scope="module")
def served(new_database, protocol) -> Iterator[Served]:
    url = new_database()
    engine = create_engine(url)
    schema.upgrade(engine)
    settings = Settings(database_url=url.render_as_string(hide_password=False))
    app = create_app(settings, clock=Hands(DAY_BEFORE))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    with Session(engine, expire_on_commit=False) as session:
        made = {
            zone: a_feed_over_both_changes(session, protocol, zone) for zone in (*ZONES, LEAVING)
        }
        yield Served(
            {zone: f"http://127.0.0.1:{server.port}{path}" for zone, (path, _) in made.items()},
            invitations(session, protocol),
            lambda: cancel(session, made[LEAVING][1], now=DAY_BEFORE),
        )
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    engine.dispose()


def a_feed_over_both_changes(session: Session, protocol, zone: str) -> tuple[str, choose.Booked]:
    """Return the path of the feed of a doctor who is expected at STARTS, and the last of these."""
    community = a_community(session, zone_name=zone)
    site = a_site(session, community, name=SITE)
    doctor = a_professional(session, community, site)
    for n, start in enumerate(STARTS):
        # Booked on a day of which the protocol is in force, then put where clocks change.
        at = NOON + timedelta(hours=2, minutes=30 * n)
        slot = a_slot(session, professional=doctor, site=site, starts_at=at)
        booked = a_booking(session, community, protocol, slot)
        session.execute(
            update(Slot).where(Slot.id == slot.id).values(starts_at=start, ends_at=start + LASTS)
        )
    scope = Scope(community.id, doctor.id)
    token = feeds.make(session, scope, f"{doctor.reference}~", by=uuid4(), now=NOON)
    session.commit()
    return LINKS.feed(token).removeprefix(LINKS.base_url), booked


def cancel(session: Session, booked: choose.Booked, *, now: datetime) -> None:
    kept = change.by_link(session, booked.link.rpartition("/")[2], now=now, lock=True)
    change.cancel(
        session, kept, cancelled_by=CancelledBy.PATIENT, by="PATIENT", links=LINKS, now=now
    )
    session.commit()


def invitations(session: Session, protocol) -> list[bytes]:
    """Return what mails carried to both sides: booked, moved to a colleague, cancelled."""
    community = a_community(session)
    site = a_site(session, community)
    one, other = (
        a_slot(session, professional=a_professional(session, community, site), site=site)
        for _ in range(2)
    )
    request = a_triaged_request(session, community, protocol, email="c.petit@patient.example")
    booked = choose.book(
        session, request, community, one.reference, by="PATIENT", links=LINKS, now=NOON
    )
    kept = change.of_request(session, request)
    change.move(session, kept, other.reference, by="PATIENT", links=LINKS, now=NOON)
    cancel(session, booked, now=NOON)
    mails = session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.about == booked.reference, OutboxMessage.channel == Channel.EMAIL)
        .order_by(OutboxMessage.id)
    )
    return [ics.drawn(mail.invitation)[0] for mail in mails]


def fetched(url: str) -> bytes:
    with urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.read()


def run(*command: object, folder: Path, say: str = "") -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
        input=say,
        text=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


# vobject


@pytest.mark.parametrize("zone", ZONES)
def test_vobject_finds_our_instants(served, zone):
    calendar = vobject.readOne(fetched(served.urls[zone]).decode())

    assert calendar.validate(raiseException=True)
    assert [(e.dtstart.value, e.dtend.value) for e in calendar.vevent_list] == INTENDED


# vdirsyncer and khal

SUBSCRIPTION = """
[general]
status_path = "status"
[pair feed]
a = "theirs"
b = "here"
collections = null
conflict_resolution = "a wins"
[storage theirs]
type = "http"
url = "{url}"
[storage here]
type = "filesystem"
path = "here"
fileext = ".ics"
"""

SCREEN = """
[calendars]
[[rdv]]
path = here
readonly = True
[locale]
local_timezone = {zone}
default_timezone = {zone}
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
[sqlite]
path = {folder}/khal.db
"""


class Subscriber:
    """Somebody who subscribes with vdirsyncer and looks with khal, in a zone."""

    def __init__(self, folder: Path, url: str, zone: str) -> None:
        self.folder = folder
        (folder / "here").mkdir()
        (folder / "sync").write_text(SUBSCRIPTION.format(url=url))
        (folder / "screen").write_text(SCREEN.format(zone=zone, folder=folder))
        self._vdirsyncer("discover", say="y\n" * 4)

    def sync(self) -> None:
        self._vdirsyncer("sync")

    def sees(self, first: str, days: int) -> list[str]:
        """Return what khal shows, a line an entry, in order."""
        how = "{start-date} {start-time} {end-time} {title} @ {location}"
        shown = run(
            TOOLS / "khal", "-c", "screen", "list", "--day-format", "", "--format", how, "--once",
            first, f"{days}d", folder=self.folder,
        )  # fmt: skip
        return sorted(line for line in shown.splitlines() if line.strip())

    def files(self) -> list[Path]:
        return sorted((self.folder / "here").iterdir())

    def _vdirsyncer(self, what: str, say: str = "") -> None:
        run(TOOLS / "vdirsyncer", "-c", "sync", what, folder=self.folder, say=say)


def on_the_wall(zone: str, starts=STARTS) -> list[str]:
    where = f"{SITE}, 12 rue des Lilas, 77999 Saint-Loup-sur-Orvanne"
    return sorted(
        f"{start.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} "
        f"{(start + LASTS).astimezone(ZoneInfo(zone)):%H:%M} RDV SNP @ {where}"
        for start in starts
    )


@pytest.mark.parametrize("zone", ZONES)
def test_khal_shows_the_hours_of_the_wall(served, zone, tmp_path):
    subscriber = Subscriber(tmp_path, served.urls[zone], zone)

    subscriber.sync()

    assert len(subscriber.files()) == len(STARTS)
    assert subscriber.sees("2026-10-24", 200) == on_the_wall(zone)


def test_what_is_cancelled_leaves_a_calendar_that_subscribes(served, tmp_path):
    subscriber = Subscriber(tmp_path, served.urls[LEAVING], LEAVING)
    subscriber.sync()
    before = subscriber.sees("2026-10-24", 200)

    served.cancel_the_last()
    subscriber.sync()

    assert before == on_the_wall(LEAVING)
    assert subscriber.sees("2026-10-24", 200) == on_the_wall(LEAVING, STARTS[:-1])


# What is fetched with npm


@pytest.fixture(scope="module")
def npm(tmp_path_factory) -> Path:
    """A folder with both packages, and the program that reads with them."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not on this machine")
    folder = tmp_path_factory.mktemp("npm")
    got = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts",
         "--fetch-retries=0", "--fetch-timeout=15000", *PACKAGES],
        cwd=folder, capture_output=True, timeout=2 * PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    if got.returncode:
        pytest.skip("no npm registry answers")
    shutil.copy(HERE / "read_ics.mjs", folder)
    return folder


@pytest.mark.parametrize("zone", ZONES)
def test_thunderbirds_parser_and_node_ical_find_our_instants(served, npm, zone):
    (npm / "feed.ics").write_bytes(fetched(served.urls[zone]))

    found = json.loads(run("node", "read_ics.mjs", "feed.ics", folder=npm))

    spans = {
        name: sorted(tuple(map(datetime.fromisoformat, span)) for span in each)
        for name, each in found.items()
    }
    assert spans == {"ical.js": INTENDED, "node-ical": INTENDED}


# libical


@pytest.fixture(scope="module")
def libical(tmp_path_factory) -> Callable[[bytes], tuple[str, list[tuple[datetime, ...]]]]:
    """Return a function: bytes → what libical says of the METHOD, and the entries that it finds."""
    folder = tmp_path_factory.mktemp("libical")
    if not shutil.which("gcc"):
        pytest.skip("gcc is not on this machine")
    has_headers = subprocess.run(
        ["gcc", "-E", "-xc", "-"], input=b"#include <libical/ical.h>",
        capture_output=True, check=False,
    ).returncode == 0  # fmt: skip
    if not has_headers:
        pytest.skip("libical-dev is not on this machine")
    run("gcc", HERE / "read_ics.c", "-lical", "-o", "read_ics", folder=folder)

    def read(raw: bytes) -> tuple[str, list[tuple[datetime, ...]]]:
        (folder / "some.ics").write_bytes(raw)
        verdict, *lines = run("./read_ics", "some.ics", folder=folder).splitlines()
        return verdict, [tuple(map(datetime.fromisoformat, line.split()[1:])) for line in lines]

    return read


@pytest.mark.parametrize("zone", ZONES)
def test_libical_finds_our_instants_and_nothing_against_the_rules(served, libical, zone):
    verdict, found = libical(fetched(served.urls[zone]))

    assert found == INTENDED
    assert verdict == "allowed"


def test_libical_allows_every_invitation(served, libical):
    methods = [Calendar.from_ical(raw)["METHOD"] for raw in served.invitations]

    assert methods == ["REQUEST", "REQUEST", "REQUEST", "REQUEST", "CANCEL", "CANCEL", "CANCEL"]
    assert [libical(raw)[0] for raw in served.invitations] == ["allowed"] * len(methods)


@pytest.mark.parametrize("without", [b"ATTENDEE", b"ORGANIZER"])
def test_libical_does_refuse(served, libical, without):
    unfolded = served.invitations[0].replace(b"\r\n ", b"")
    broken = re.sub(rb"\r\n" + without + rb"[^\r]*", b"", unfolded)

    assert broken != unfolded
    assert libical(broken)[0] == "refused"


# The product as it is


def test_the_running_product_gives_a_link_to_which_a_calendar_subscribes(product, tmp_path):
    browser = build_opener(HTTPCookieProcessor())
    account = product.account("professional")

    def posted(path: str, shown_at: str, **fields: str) -> str:
        page = browser.open(product.url + shown_at).read().decode()
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        said = urlencode(hidden | fields).encode()
        return browser.open(product.url + path, said).read().decode()

    posted("/connexion", "/connexion", email=account["email"], password=account["password"])
    page = posted("/agendas", "/agendas")
    [address] = re.findall(rf'value="({product.url}/agenda/[\w-]{{43}}\.ics)"', page)
    subscriber = Subscriber(tmp_path, address, "Europe/Paris")
    subscriber.sync()

    told = Calendar.from_ical(fetched(address)).events
    assert told
    # vdirsyncer gives every entry of a feed a UID of its own.
    files = [Calendar.from_ical(file.read_bytes()) for file in subscriber.files()]
    assert sorted(e.start for f in files for e in f.events) == sorted(e.start for e in told)
