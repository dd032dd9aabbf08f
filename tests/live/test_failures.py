"""What breaks while people book: processes killed, the database gone, the disk full.

The oracle is always the same: what was acknowledged is there, whole; what was not is not there in
part; people are told in plain French; and afterwards everything goes on without anybody's help.
"""

import json
import os
import random
import subprocess
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from booking import clients
from booking.desk import ask
from booking.models import Booking, BookingStatus, CareRequest
from config import embedded, schema
from config.clock import utc_now
from config.database import transaction
from config.embedded import server
from config.embedded.files import Home
from notifications.models import OutboxMessage
from schedules import slots
from schedules.models import Slot
from tests import builders
from tests.nginx import Front, under_load

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "6"))  # noqa: TID251 - `make audit` asks for more
CLIENTS = 3
ENVIRONMENT = {"WEB_WORKERS": "2"}
"""Two, so that one answers while the other is dead."""


class Supply:
    """A community with much time to give, and what it acknowledged."""

    def __init__(self, url: str, protocol, professionals: int) -> None:
        self.engine = create_engine(url, hide_parameters=True, poolclass=NullPool)
        now = utc_now()
        with Session(self.engine, expire_on_commit=False) as session, transaction(session):
            community = builders.a_community(session)
            self.key = clients.issue_key(session, community.id, "épreuve", now=now)
            site = builders.a_site(session, community)
            times = [now + timedelta(minutes=60 + 20 * number) for number in range(48)]
            for _ in range(professionals):
                slots.publish(
                    session,
                    builders.a_professional(session, community, site),
                    site,
                    [(time, time + timedelta(minutes=20)) for time in times],
                    visibility=slots.RESERVED,
                )
            request = builders.a_request(session, community)
            calm = builders.nothing_wrong(protocol, request.complaints, ask.patient_of(request))
        self.body = {
            "community": community.slug,
            "channel": "API",
            "patient": {"age_years": 34, "sex": "male"},
            "complaints": ["trauma_membre"],
            "answers": calm | {"tm_quand": "recent"},
        }

    def book(self, front: Front, number: int) -> tuple[int, str | None]:
        """Ask and book; return the last status, and the booking's reference if there is one."""
        status, asked = self._post(front, "/api/v1/care-requests", self.body)
        if status != 201:
            return status, None
        for proposal in random.sample(asked["proposals"], len(asked["proposals"])):
            status, said = self._post(
                front,
                f"/api/v1/care-requests/{asked['reference']}/booking",
                {"slot": proposal["slot"], "person": person(number), "consent_sms": True},
            )
            if status == 201:
                return status, said["booking"]["reference"]
        return status, None

    def _post(self, front: Front, path: str, body: object) -> tuple[int, dict]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            answer, said = front.ask("POST", path, json.dumps(body), headers, timeout=60)
        except (OSError, HTTPException):
            # Nobody answered, or half: the killed page's nothing is no acknowledgement.
            return 0, {}
        is_json = "json" in answer.headers["Content-Type"]
        return answer.status, json.loads(said) if is_json else {}

    def wrong(self, acknowledged: list[str]) -> dict[str, int]:
        """Count what must not be: lost, doubled, half done."""
        live = Booking.status != BookingStatus.CANCELLED
        with Session(self.engine) as session:
            there = {str(each) for each in session.scalars(select(Booking.reference).where(live))}
            told = {str(each) for each in session.scalars(select(OutboxMessage.about))}
            claims = session.scalar(
                select(func.count()).select_from(Slot).where(Slot.claimed_by.is_not(None))
            )
            booked = session.scalar(
                select(func.count()).select_from(CareRequest).where(CareRequest.status == "BOOKED")
            )
        return {
            "lost": len(set(acknowledged) - there),
            "without their message": len(there - told),
            "claims without a booking": claims - len(there),
            "requests without their booking": booked - len(there),
        }


NOTHING = {
    "lost": 0,
    "without their message": 0,
    "claims without a booking": 0,
    "requests without their booking": 0,
}


def person(number: int) -> dict[str, str]:
    return {
        "family_name": f"Famille{number:02}",
        "given_name": f"Prenom{number:02}",
        "birth_date": "1992-05-04",
        "phone": f"063998{random.randrange(10_000):04}",
    }


@pytest.fixture
def home(tmp_path_factory):
    """The files of a PostgreSQL that this test may stop; made, and gone in the end."""
    folder = tmp_path_factory.mktemp("own") / "postgres"
    yield folder
    embedded.stop(folder)


def brought_up(folder: Path) -> str:
    url = embedded.start(folder)
    engine = create_engine(url, hide_parameters=True)
    schema.upgrade(engine)
    engine.dispose()
    return url


def pause_until(holds, seconds: float = 120) -> bool:
    give_up_at = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.2)
    return True


def test_no_kill_of_the_pages_loses_what_was_acknowledged(home, protocol, tmp_path):
    url = brought_up(home)
    supply = Supply(url, protocol, professionals=10 + KILLS)
    with Front(tmp_path, {**ENVIRONMENT, "DATABASE_URL": url}) as front:
        with under_load(lambda number: supply.book(front, number), CLIENTS) as came:
            for kill in range(KILLS):
                seen = len(came)
                pause_until(lambda seen=seen: len(came) > seen + 2)
                workers = psutil.Process(front.gunicorn.pid).children()
                if kill % 5 == 4:
                    # All of it: whoever watches over it starts it again.
                    for each in (psutil.Process(front.gunicorn.pid), *workers):
                        with suppress(psutil.NoSuchProcess):
                            each.kill()
                    front.gunicorn.wait(10)
                    front.start_pages()
                elif workers:
                    with suppress(psutil.NoSuchProcess):
                        random.choice(workers).kill()
        status, after = supply.book(front, 0)
        acknowledged = [reference for _, reference in came if reference]
        wrong = supply.wrong(acknowledged)
        supply.engine.dispose()

    print(f"kills {KILLS}, acknowledged {len(acknowledged)}, answers {Counter(s for s, _ in came)}")
    assert len(acknowledged) > KILLS
    assert wrong == NOTHING
    assert (status, bool(after)) == (201, True)
    assert not [s for s, _ in came if s == 500]


def test_a_database_that_is_restarted_fails_requests_only_meanwhile(home, protocol, tmp_path):
    url = brought_up(home)
    supply = Supply(url, protocol, professionals=12)
    with Front(tmp_path, {**ENVIRONMENT, "DATABASE_URL": url}) as front:
        before, _ = supply.book(front, 0)
        with under_load(lambda number: supply.book(front, number), CLIENTS) as came:
            pause_until(lambda: len(came) > 5)
            server.end(Home(home))
            assert pause_until(lambda: 503 in {status for status, _ in came[-5:]})
            answer, page = front.ask("GET", "/")
            embedded.start(home)
            assert pause_until(lambda: [s for s, _ in came[-6:]] == [201] * 6)
        acknowledged = [reference for _, reference in came if reference]
        wrong = supply.wrong(acknowledged)
        supply.engine.dispose()

    ends = [status for status, _ in came]
    first, last = ends.index(503), len(ends) - ends[::-1].index(503)
    assert before == 201
    assert set(ends) <= {201, 409, 503}
    assert set(ends[last:]) <= {201, 409}
    assert last - first < len(ends)
    assert wrong == NOTHING
    assert answer.status in (200, 503)
    assert "15" in page.decode()
    if answer.status == 503:
        assert answer.headers["Retry-After"]
        assert "ne marche pas en ce moment" in page.decode()


@pytest.fixture
def small_disk(tmp_path_factory):
    """A folder on a disk of its own, that is soon full."""
    folder = tmp_path_factory.mktemp("small")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=220m,mode=0755", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk may be mounted here: {mounted.stderr.strip()}")
    yield folder
    embedded.stop(folder / "postgres")
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_books_nobody_by_half_says_so_and_is_over_when_there_is_room(
    small_disk, protocol, tmp_path
):
    folder = small_disk / "postgres"
    url = brought_up(folder)
    supply = Supply(url, protocol, professionals=10)
    ballast = small_disk / "ballast"
    with Front(tmp_path, {**ENVIRONMENT, "DATABASE_URL": url}) as front:
        came = [supply.book(front, number) for number in range(3)]
        assert [status for status, _ in came] == [201] * 3
        fill(ballast)
        full = []
        assert pause_until(lambda: full.append(supply.book(front, 1)) or full[-1][0] == 503)
        full += [supply.book(front, 1) for _ in range(3)]

        ballast.unlink()
        # What `make run` and systemd do for a server that ended: start it.
        assert pause_until(lambda: answers(folder))
        again = []
        assert pause_until(lambda: again.append(supply.book(front, 2)) or again[-1][0] == 201)
        wrong = supply.wrong([r for _, r in came + full + again if r])
        supply.engine.dispose()

    assert {status for status, _ in full} <= {201, 503}
    assert wrong == NOTHING


def fill(ballast: Path) -> None:
    """Write until nothing more fits."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(512))


def answers(folder: Path) -> bool:
    with suppress(Exception):
        embedded.start(folder)
        return True
    return False
