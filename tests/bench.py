"""Speed, as ratios between things measured in one run: `make bench`, into var/bench.json.

Numbers of one machine mean little; what a booking costs beside a hello-world route, beside the
same SQL without our code, and beside itself with a hundred times the data, means something.
"""

import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as hour
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
from sqlalchemy import Connection, Engine, create_engine, select, text
from sqlalchemy.orm import Session

from booking import protocols, worker
from booking.models import ApiClient
from booking.triage import cases, loading
from booking.triage import engine as triage
from config import embedded, schema, sealed
from config.clock import PARIS, local_day, utc_now
from config.database import Base, engine_options, transaction
from config.settings import Settings
from notifications import delivery, outbox
from notifications.letters import Draft
from notifications.models import Channel, Kind
from notifications.twilio_sms import TwilioSms
from schedules import making, search, slots
from schedules.models import Community, Visibility
from schedules.plans import EVERY_DAY, Plan, row_of_opening
from tests.bench_twilio import MEAN_SECONDS
from tests.builders import (
    a_community,
    a_professional,
    a_site,
    a_triaged_request,
)
from tests.twilio_server import ACCOUNT, TOKEN

CONNECTIONS = 16
BOOKINGS = 700
HELLOS = 6000
SEARCHES = 400
KEY = "jm_" + "b" * 43
TARGETS = {
    "booking / hello world": (0.20, "at least"),
    "search p95, 1 000 000 slots / 10 000": (1.5, "at most"),
    "messages per second / ideal": (0.7, "at least"),
    "booking → Twilio p95, s": (10, "at most"),
}


AIMS = {"triage, per second": 10_000, "nights of a community per 2 s": 1}
"""What we aim at in absolute numbers: printed, and no failure on a slower machine."""


def main() -> None:
    """Measure, print, write var/bench.json; exit 1 if a target is missed."""
    figures: dict[str, Any] = {"machine": _machine()}
    with a_database() as (url, database):
        for measured in (
            partial(_booking, url, database),
            partial(_search, database),
            partial(_reserved, database),
            _triage,
            _messages,
        ):
            found = measured()
            print(json.dumps(found, indent=1), flush=True)
            figures |= found
    missed = _judge(figures)
    Path("var").mkdir(exist_ok=True)
    Path("var/bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    for name, aim in AIMS.items():
        print(
            f"{'reached' if figures[name] >= aim else 'below'} {name}: {figures[name]}, aim {aim}"
        )
    print("\n".join(missed) or "every target met")
    sys.exit(bool(missed))


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}"


def _judge(figures: dict[str, Any]) -> list[str]:
    return [
        f"MISSED {name}: {figures[name]}, wanted {how} {target}"
        for name, (target, how) in TARGETS.items()
        if (figures[name] < target if how == "at least" else figures[name] > target)
    ]


@contextmanager
def a_database() -> Iterator[tuple[str, Engine]]:
    """Make a throw-away server, migrated; fsync and synchronous_commit as they come: on."""
    development = Settings()
    sealed.use(development.keys, development.secret_key.get_secret_value().encode())
    folder = Path(tempfile.mkdtemp(prefix="bench-")) / "data"
    url = embedded.start(folder)
    database = create_engine(url)
    schema.upgrade(database)
    try:
        yield url, database
    finally:
        database.dispose()
        embedded.stop(folder)
        shutil.rmtree(folder.parent, ignore_errors=True)


# Booking over HTTP


def _booking(url: str, database: Engine) -> dict[str, Any]:
    prepared = _prepare(database, 3 * BOOKINGS)
    with _served("tests.bench_floor:app", url) as floor, _served("wsgi:app", url) as product:
        _hammer(floor, [_get("/hello")] * 400)
        _hammer(product, [_post(*each) for each in prepared[:200]])
        hello = _hammer(floor, [_get("/hello")] * HELLOS)
        health = _hammer(product, [_get("/healthz")] * HELLOS)
        raw = _hammer(floor, [_raw(*each) for each in prepared[BOOKINGS : 2 * BOOKINGS]])
        ours = _hammer(product, [_post(*each) for each in prepared[2 * BOOKINGS :]])
    with database.connect() as connection:
        made = connection.scalar(text("SELECT count(*) FROM booking"))
    return {
        "hello world, per second": round(hello["rate"]),
        "our own /healthz, per second": round(health["rate"]),
        "booking in raw psycopg over HTTP, per second": round(raw["rate"]),
        "booking over HTTP, per second": round(ours["rate"]),
        "booking over HTTP, p50 / p99 ms": [ours["p50"], ours["p99"]],
        "booking / hello world": round(ours["rate"] / hello["rate"], 3),
        "booking / raw psycopg": round(ours["rate"] / raw["rate"], 3),
        "bookings in the database": made,
    }


def _prepare(database: Engine, how_many: int) -> list[tuple[UUID, UUID]]:
    """Return requests that triage lets book, each with a free slot of its own."""
    now = utc_now()
    protocol = protocols.in_force(now.date())["fr"]
    with Session(database, expire_on_commit=False) as session, transaction(session):
        community = a_community(session, name="CPTS du banc")
        site = a_site(session, community)
        client = ApiClient(
            community_id=community.id,
            reference=uuid4(),
            name="bench",
            scopes=["bookings:write"],
            key_hash=sha256(KEY.encode()).digest(),
            created_at=now,
        )
        session.add(client)
        free: list[UUID] = []
        while len(free) < how_many:
            doctor = a_professional(session, community, site)
            first = now + timedelta(hours=1)
            times = [
                (first + i * timedelta(minutes=5), first + (i + 1) * timedelta(minutes=5))
                for i in range(200)
            ]
            free += slots.publish(session, doctor, site, times)
    references: list[UUID] = []
    while len(references) < how_many:
        with Session(database, expire_on_commit=False) as session, transaction(session):
            references += [
                a_triaged_request(
                    session, community, protocol, now=now, opened_by=client.reference
                ).reference
                for _ in range(min(300, how_many - len(references)))
            ]
        # Also between them: plans made for an empty table would read all of the full one.
        _as_autovacuum_leaves_it(database)
    return list(zip(references, free, strict=False))


@contextmanager
def _served(app: str, url: str, **settings: str) -> Iterator[int]:
    port = _free_port()
    settings |= {"DATABASE_URL": url, "PORT": str(port)}
    log = Path(tempfile.gettempdir(), f"bench-{app.partition(':')[0]}.log")
    with _running("gunicorn", "-c", "config/gunicorn.py", app, log=log, **settings):
        _wait_for(port)
        yield port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(*module_and_words: str, log: Path, **settings: str) -> Iterator[None]:
    """Run `python -m …` beside us, with these settings; what it says goes to the file."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *module_and_words],
            env=os.environ | settings,  # noqa: TID251 - handed on
            stdout=said,
            stderr=said,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on {port}")


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


PERSON = {
    "family_name": "Morel",
    "given_name": "Lucie",
    # As old as triage was told: otherwise it would have to judge again.
    "birth_date": (utc_now() - timedelta(days=34 * 365.25 + 20)).date().isoformat(),
}


def _post(request: UUID, slot: UUID) -> bytes:
    body = {"slot": str(slot), "person": PERSON | {"phone": _phone(request)}, "consent_sms": True}
    return _json(f"/api/v1/care-requests/{request}/booking", body)


def _phone(request: UUID) -> str:
    """Return a number of its own, of those for fiction: one number is not told all day long."""
    return f"063998{request.int % 10_000:04}"


def _raw(request: UUID, slot: UUID) -> bytes:
    return _json("/book", {"request": str(request), "slot": str(slot)})


def _json(path: str, body: dict[str, Any]) -> bytes:
    written = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(written)}\r\n\r\n"
    )
    return head.encode() + written


def _hammer(port: int, requests: list[bytes]) -> dict[str, float]:
    """Send everything over a few kept connections at once; every answer must be a 2xx."""
    shares = [requests[i::CONNECTIONS] for i in range(CONNECTIONS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        took = [
            t
            for each in pool.map(lambda share: _one_after_other(port, share), shares)
            for t in each
        ]
    took.sort()
    return {
        "rate": len(requests) / (time.perf_counter() - began),
        "p50": round(1000 * took[len(took) // 2], 1),
        "p99": round(1000 * took[int(len(took) * 0.99)], 1),
    }


def _one_after_other(port: int, requests: list[bytes]) -> list[float]:
    took = []
    connection = socket.create_connection(("127.0.0.1", port))
    for request in requests:
        began = time.perf_counter()
        try:
            connection.sendall(request)
            status = _status(connection)
        except ConnectionError:
            # A worker of gunicorn retires after some thousand requests; everything is repeatable.
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(request)
            status = _status(connection)
        took.append(time.perf_counter() - began)
        if not 200 <= status < 300:
            raise RuntimeError(f"answered {status}")
    connection.close()
    return took


def _status(connection: socket.socket) -> int:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65_536) or _closed()
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536) or _closed()
    return int(head.split(maxsplit=2)[1])


def _closed() -> bytes:
    raise ConnectionError("the server closed the connection")


# Search


def _search(database: Engine) -> dict[str, Any]:
    few = _p50_p95(database, _grown(database, communities=10))
    many = _p50_p95(database, _grown(database, communities=990))
    return {
        "search p50 / p95 ms, 10 000 slots": [round(few[0], 2), round(few[1], 2)],
        "search p50 / p95 ms, 1 000 000 slots": [round(many[0], 2), round(many[1], 2)],
        "search p95, 1 000 000 slots / 10 000": round(many[1] / few[1], 2),
    }


DISCIPLINES = ("MG", "MK", "PH", "IDE", "SF", "CD", "PED", "OPH", "MG", "MG")

SLOTS = text("""
    INSERT INTO slot (community_id, reference, professional_id, site_id, discipline, visibility,
                      starts_at, ends_at)
    SELECT who.community_id, gen_random_uuid(), who.id, site.id, who.discipline, '{CPTS,SNP}',
           :first + n * interval '7 minutes',
           :first + n * interval '7 minutes' + interval '5 minutes'
      FROM professional AS who
      JOIN site ON site.community_id = who.community_id
     CROSS JOIN generate_series(1, 100) AS n
     WHERE who.community_id = ANY(:communities)
""")


def _grown(database: Engine, *, communities: int) -> list[int]:
    """Add communities of ten professionals with a hundred slots each; return their numbers."""
    with Session(database, expire_on_commit=False) as session, transaction(session):
        first = a_community(session)
        a_site(session, first)
        for discipline in DISCIPLINES:
            a_professional(session, first, discipline=discipline)
    with database.begin() as connection, _without_guards(connection, "slot"):
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        made = [first.id, *_copied(connection, first.id, communities - 1)]
        soon = utc_now() + timedelta(minutes=30)
        connection.execute(SLOTS, {"communities": made, "first": soon})
    _as_autovacuum_leaves_it(database)
    return made


def _copied(connection: Connection, model: int, times: int) -> list[int]:
    """Add communities like this one, each with its own site and professionals."""
    mine = {"reference": "gen_random_uuid()", "slug": "copy.slug || '-' || n"}
    rows = f"FROM community AS copy, generate_series(1, {times}) AS n WHERE copy.id = {model}"
    made = connection.scalars(text(f"{_insert('community', mine)} {rows} RETURNING id")).all()
    for table in ("site", "professional"):
        theirs = {
            "reference": "gen_random_uuid()",
            "community_id": "it.id",
            "rpps": "to_char(copy.id * 100000 + it.id, 'FM00000000000')",
        }
        connection.execute(
            text(
                f"{_insert(table, theirs)} FROM {table} AS copy, community AS it"
                f" WHERE copy.community_id = {model} AND it.id = ANY(:made) ORDER BY it.id, copy.id"
            ),
            {"made": made},
        )
    return list(made)


def _insert(table: str, instead: Mapping[str, str]) -> str:
    """Return the beginning of a statement that adds rows like `copy`, with these values instead."""
    names = [c.name for c in Base.metadata.tables[table].columns if c.name != "id"]
    values = [instead.get(name, f"copy.{name}") for name in names]
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)}"


GUARDS = text("""
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', CAST(conrelid AS regclass), conname),
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', CAST(conrelid AS regclass), conname,
                  pg_get_constraintdef(oid))
      FROM pg_constraint WHERE conrelid = to_regclass(:of) AND contype IN ('f', 'x')
    UNION ALL
    SELECT format('DROP INDEX %I', relname), pg_get_indexdef(pg_class.oid)
      FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE indrelid = to_regclass(:of)
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
""")
"""How to take away what looks at every new row, and how to put it back, as it stands in the
catalogue: the same in the end, built once over all rows in a tenth of the time."""


@contextmanager
def _without_guards(connection: Connection, table: str) -> Iterator[None]:
    """Fill a table without its indexes, keys and exclusion, which judge all its rows at the end."""
    guards = connection.execute(GUARDS, {"of": table}).all()
    connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
    for away, _ in guards:
        connection.execute(text(away))
    yield
    for _, back in guards:
        connection.execute(text(back))


def _as_autovacuum_leaves_it(database: Engine) -> None:
    """Let PostgreSQL count its rows, as it does by itself within a minute: plans stand on it."""
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _p50_p95(database: Engine, communities: list[int]) -> tuple[float, float]:
    now = utc_now()
    wanted = [search.Wanted("MK"), search.Wanted("MG"), search.Wanted("PH")]
    with Session(database) as session:

        def once(number: int) -> None:
            found = search.free(
                session,
                communities[number % len(communities)],
                wanted,
                asker=UUID(int=1),
                visible_to=(Visibility.CPTS, Visibility.PUBLIC),
                after=now,
                until=now + timedelta(hours=24),
                each=12,
                now=now,
            )
            if len(found) != 12 * len(wanted):
                raise RuntimeError(f"found {len(found)}")

        return _timed(once, SEARCHES)


def _timed(once: Callable[[int], None], times: int) -> tuple[float, float]:
    for number in range(20):
        once(number)
    took = []
    for number in range(times):
        began = time.perf_counter()
        once(number)
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took), sorted(took)[int(times * 0.95)]


# Reserved time

NIGHTS = 5
DOCTORS = 200
FEW, MANY = 10, 100
"""Communities: what memory is after these many must be what it is after those. A thousand would be
six million slots, most of half an hour for nothing that a hundred do not say."""


def _reserved(database: Engine) -> dict[str, Any]:
    """Make five days of slots for communities of 200 professionals; then one night of one."""
    now = utc_now()
    communities = _reserving(database, now, MANY)
    today = local_day(now, PARIS)
    memory = psutil.Process().memory_info
    made, megabytes, began = [], {}, time.perf_counter()
    for done, each in enumerate(communities, 1):
        made.append(_made(database, each, today + timedelta(days=NIGHTS), now))
        megabytes[done] = round(memory().rss / 1e6, 1)
    took = time.perf_counter() - began
    again = _made(database, communities[0], today + timedelta(days=NIGHTS), now)
    began = time.perf_counter()
    night = _made(database, communities[0], today + timedelta(days=NIGHTS + 1), now)
    each_night = time.perf_counter() - began
    if again or not night:
        raise RuntimeError(f"made {again} twice, and {night} in a night")
    return {
        "slots made of reserved time": sum(made),
        "slots made of reserved time, per second": round(sum(made) / took),
        f"memory after {FEW} / {MANY} communities, MB": [megabytes[FEW], megabytes[MANY]],
        "night of a community of 200, s": round(each_night, 2),
        "nights of a community per 2 s": round(2 / each_night, 1),
    }


def _reserving(database: Engine, now: datetime, how_many: int) -> list[Community]:
    """Add communities whose 200 professionals each reserve two hours a day."""
    plan = Plan(
        starts_on=local_day(now, PARIS) + timedelta(days=1),
        ends_on=None,
        weekdays=EVERY_DAY,
        from_time=hour(10),
        until_time=hour(12),
        slot_minutes=20,
        on_public_holidays=True,
    )
    with Session(database, expire_on_commit=False) as session, transaction(session):
        community = a_community(session)
        site = a_site(session, community)
        doctors = [a_professional(session, community) for _ in range(DOCTORS)]
        row = row_of_opening(plan, community, professional_id=doctors[0].id, site_id=site.id)
        row.created_at = now
        session.add(row)
    theirs = {
        "reference": "gen_random_uuid()",
        "community_id": "who.community_id",
        "professional_id": "who.id",
        "site_id": "site.id",
    }
    with database.begin() as connection:
        made = [community.id, *_copied(connection, community.id, how_many - 1)]
        connection.execute(
            text(
                f"{_insert('opening', theirs)} FROM opening AS copy, professional AS who"
                " JOIN site ON site.community_id = who.community_id"
                f" WHERE copy.community_id = {community.id} AND who.id <> copy.professional_id"
                " AND who.community_id = ANY(:made) ORDER BY who.id"
            ),
            {"made": made},
        )
    _as_autovacuum_leaves_it(database)
    with Session(database, expire_on_commit=False) as session, transaction(session):
        return list(session.scalars(select(Community).where(Community.id.in_(made))))


def _made(database: Engine, community: Community, until: date, now: datetime) -> int:
    """Make what is missing as the worker does: a few professionals in each transaction."""
    made = 0
    while True:
        with Session(database) as session, transaction(session):
            done = making.make(session, community, until, now=now)
        made += done.slots
        if not done.openings:
            return made


# Triage


def _triage() -> dict[str, Any]:
    """Assess every caller of the acceptance examples: one to three complaints each."""
    path = protocols.files()[-1]
    protocol = loading.load(path, protocols.laws())
    told = cases.load_cases(path.with_name(f"{protocol.id}.cases.yaml"), protocol)
    sheets = [(case.patient, case.complaints, cases.answered(protocol, case)) for case in told]

    def once(_: int) -> None:
        for patient, complaints, answers in sheets:
            triage.assess(protocol, patient, complaints, answers)

    p50, p95 = _timed(once, 30)
    each = p50 / len(sheets)
    return {
        "triage p50 / p95 ms": [round(each, 3), round(p95 / len(sheets), 3)],
        "triage, per second": round(1000 / each),
    }


# Messages

WARMING, MESSAGES = 50, 600
BOOKED_A_SECOND, BOOKED_FOR_SECONDS = 20, 20
PATIENCE_SECONDS = 90


def _messages() -> dict[str, Any]:
    """Send by a Twilio that takes its time; then book at a steady pace, and see when it hears."""
    port = _free_port()
    with a_database() as (url, database), tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "twilio.log")
        with _running("tests.bench_twilio", str(port), log=log):
            _wait_for(port)
            twilio = {
                "TWILIO_ACCOUNT_SID": ACCOUNT,
                "TWILIO_AUTH_TOKEN": TOKEN,
                "TWILIO_FROM": "RDVCPTS",
                "TWILIO_API_BASE_URL": f"http://127.0.0.1:{port}",
            }
            return _drained(url, database, twilio) | _told(url, database, twilio, log)


def _drained(url: str, database: Engine, twilio: dict[str, str]) -> dict[str, Any]:
    """Drain an outbox as the worker does; the ideal is that no call ever waits for ours."""
    settings = Settings(
        **{name.lower(): value for name, value in twilio.items()},  # type: ignore[arg-type]
    )
    engine = create_engine(url, **engine_options(lambda: url, pool_size=worker.CONNECTIONS))
    took = worked = 0.0
    for how_many in (WARMING, MESSAGES):
        _promise(database, how_many)
        began, had_worked = time.perf_counter(), time.process_time()
        sent = delivery.drain(
            lambda: transaction(Session(engine)),
            {Channel.SMS: TwilioSms(settings)},
            clock=utc_now,
            limit=how_many,
        )
        took, worked = time.perf_counter() - began, time.process_time() - had_worked
        if sent != how_many:
            raise RuntimeError(f"{sent} of {how_many} messages left")
    engine.dispose()
    ideal = delivery.CALLS_AT_ONCE / MEAN_SECONDS
    return {
        "messages per second": round(MESSAGES / took),
        "messages per second, ideal": round(ideal),
        "messages per second / ideal": round(MESSAGES / took / ideal, 2),
        "worker's own work for a message, ms": round(1000 * worked / MESSAGES, 1),
    }


def _promise(database: Engine, how_many: int) -> None:
    now = utc_now()
    with Session(database) as session, transaction(session):
        community = a_community(session)
        drafts = [
            Draft(
                community_id=community.id,
                about=uuid4(),
                version=0,
                kind=Kind.CONFIRMATION,
                channel=Channel.SMS,
                recipient=f"+3363998{number:04}",
                text="RDV",
                send_at=now,
                expires_at=now + timedelta(hours=4),
            )
            for number in range(how_many)
        ]
        outbox.promise(session, *drafts)
    _as_autovacuum_leaves_it(database)


def _told(url: str, database: Engine, twilio: dict[str, str], log: Path) -> dict[str, Any]:
    """Book twenty times a second; return how long after its booking Twilio hears of each."""
    how_many = BOOKED_A_SECOND * BOOKED_FOR_SECONDS
    prepared = _prepare(database, WARMING + how_many)[: WARMING + how_many]
    worker_log = Path(tempfile.gettempdir(), "bench-worker.log")
    with (
        _served("wsgi:app", url, **twilio) as port,
        _running("flask", "--app", "wsgi", "worker", log=worker_log, DATABASE_URL=url, **twilio),
    ):
        # Both have imported everything once these few have been booked, and told.
        _hammer(port, [_post(*each) for each in prepared[:WARMING]])
        _waits(database, {request: 0 for request, _ in prepared[:WARMING]}, log)
        booked = _booked_steadily(port, prepared[WARMING:])
        waits = _waits(database, booked, log)
    waits.sort()
    return {
        "bookings at 20 a second": len(waits),
        "booking → Twilio p50, s": round(statistics.median(waits), 2),
        "booking → Twilio p95, s": round(waits[int(len(waits) * 0.95)], 2),
    }


def _booked_steadily(port: int, prepared: list[tuple[UUID, UUID]]) -> dict[UUID, float]:
    """Post each booking at its own moment, whatever became of those before; return the moments."""
    began = time.monotonic() + 0.1
    moments = {
        request: began + number / BOOKED_A_SECOND for number, (request, _) in enumerate(prepared)
    }

    def book(request: UUID, slot: UUID) -> None:
        time.sleep(max(moments[request] - time.monotonic(), 0))
        _one_after_other(port, [_post(request, slot)])

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(book, *zip(*prepared, strict=True)))
    return moments


def _waits(database: Engine, booked: Mapping[UUID, float], log: Path) -> list[float]:
    """Return how long each booking waited, once Twilio has heard of all of them."""
    with database.connect() as connection:
        about = dict(connection.execute(TOLD_ABOUT).tuples().all())
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        heard = {about.get(UUID(r)): float(at) for r, at in TAKEN.findall(log.read_text())}
        if booked.keys() <= heard.keys():
            return [heard[request] - moment for request, moment in booked.items()]
        time.sleep(0.2)
    raise TimeoutError("Twilio has not heard of every booking")


TAKEN = re.compile(r"^([0-9a-f-]{36}) ([\d.]+)\n", re.MULTILINE)

TOLD_ABOUT = text("""
    SELECT message.reference, care_request.reference
      FROM outbox_message AS message
      JOIN booking ON booking.reference = message.about
      JOIN care_request ON care_request.id = booking.request_id
     WHERE message.kind = 'CONFIRMATION' AND message.channel = 'SMS'
""")


if __name__ == "__main__":
    main()
