"""What was noted cannot be changed, and whoever changes it all the same is found."""

import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from booking.audit import chain, checking, keeping, unit, verifying
from booking.audit.lines import Line, seal
from booking.audit.verifying import Anchor, Broken, Kept, verify
from booking.audit.writing import About, Who
from booking.models import Action, ActorKind
from config import logs
from tests.clockwork import NOON

TAMPERINGS = 1_000
LINES = 60


def transactions(engine: Engine) -> Callable[[], Any]:
    @contextmanager
    def opened():
        with Session(engine) as session, session.begin():
            yield session

    return opened


@contextmanager
def as_its_owner(engine: Engine):
    """Give a connection of whoever owns the tables, and takes their triggers away meanwhile."""
    tables = ("audit_line", "audit_link")
    with engine.begin() as connection:
        for table in tables:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield connection
        for table in tables:
            connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def noted(engine: Engine, count: int, *, at: datetime = NOON) -> None:
    """Note so many readings, by three people, of as many requests."""
    people = [uuid4() for _ in range(3)]
    for number in range(count):
        who = Who(ActorKind.ACCOUNT, people[number % 3], 1)
        each = unit.Unit(
            "console.call.edit",
            lambda who=who: who,
            lambda number=number: at + timedelta(seconds=number),
            uuid4(),
        )
        unit.begin(each)
        try:
            unit.note(Action.READ, About("care_request", uuid4()), community_id=1)
            with Session(engine) as session:
                session.commit()
        finally:
            unit.begin(None)


@pytest.fixture
def chained(engine: Engine) -> Engine:
    noted(engine, LINES)
    assert chain.extend_all(transactions(engine)) == LINES
    return engine


def test_a_chain_that_nobody_touched_holds(chained: Engine):
    found = checking.check(transactions(chained))

    assert (found.count, found.number, found.waiting) == (LINES, LINES, 0)


# A thousand tamperings, in memory: the very rows that the tables have


@dataclass
class Tables:
    """Both tables, as whoever owns the database may write them."""

    lines: list[tuple[int, bytes, Line]]
    links: list[tuple[int, UUID, bytes]]

    def rows(self) -> list[Kept]:
        """Return them joined, as the product reads them."""
        found = []
        for number, line, hashed in sorted(self.links, key=lambda each: each[0]):
            named = [each for each in self.lines if each[2].reference == line]
            found += [Kept(number, hashed, *each) for each in named] or [
                Kept(number, hashed, None, None, None)
            ]
        linked = {line for _, line, _ in self.links}
        loose = [each for each in self.lines if each[2].reference not in linked]
        return found + [Kept(None, None, *each) for each in loose]


@pytest.fixture
def tables(chained: Engine) -> Tables:
    with Session(chained) as session:
        rows = checking._linked(session, 0, 0)
    return Tables(
        [(row.id, row.mac, row.line) for row in rows],
        [(row.number, row.line.reference, row.hash) for row in rows],
    )


def flipped(chance: random.Random, value: Any) -> Any:
    """Return another value of the same kind, as near as can be."""
    if value is None:
        return chance.choice([uuid4(), b"\0" * 16, 1, "x"])
    if isinstance(value, datetime):
        return value + timedelta(microseconds=chance.choice([1, -1, 3_600_000_000]))
    if isinstance(value, UUID):
        return UUID(int=value.int ^ (1 << chance.randrange(128)))
    if isinstance(value, bytes):
        place = chance.randrange(len(value))
        return value[:place] + bytes([value[place] ^ 1 << chance.randrange(8)]) + value[place + 1 :]
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(8))
    place = chance.randrange(len(value))
    return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]


def a_line_changed(chance: random.Random, it: Tables) -> None:
    place = chance.randrange(len(it.lines))
    id_, mac, line = it.lines[place]
    name = chance.choice([*Line._fields, "id", "mac"])
    if name == "id":
        it.lines[place] = (flipped(chance, id_), mac, line)
    elif name == "mac":
        it.lines[place] = (id_, flipped(chance, mac), line)
    else:
        other = line._replace(**{name: flipped(chance, getattr(line, name))})
        it.lines[place] = (id_, mac, other)


def a_link_changed(chance: random.Random, it: Tables) -> None:
    place = chance.randrange(len(it.links))
    link = list(it.links[place])
    part = chance.randrange(3)
    link[part] = flipped(chance, link[part])
    it.links[place] = tuple(link)


def a_line_deleted(chance: random.Random, it: Tables) -> None:
    it.lines.pop(chance.randrange(len(it.lines)))


def a_link_deleted(chance: random.Random, it: Tables) -> None:
    # The last one alone leaves a line that waits for its number: nothing is lost by that.
    it.links.pop(chance.randrange(len(it.links) - 1))


def both_deleted(chance: random.Random, it: Tables) -> None:
    _, reference, _ = it.links.pop(chance.randrange(len(it.links)))
    it.lines = [each for each in it.lines if each[2].reference != reference]


def the_beginning_cut(chance: random.Random, it: Tables) -> None:
    many = chance.randrange(1, len(it.links))
    gone = {line for _, line, _ in it.links[:many]}
    it.links = it.links[many:]
    it.lines = [each for each in it.lines if each[2].reference not in gone]


def the_end_cut(chance: random.Random, it: Tables) -> None:
    many = chance.randrange(1, len(it.links))
    gone = {line for _, line, _ in it.links[many:]}
    it.links = it.links[:many]
    it.lines = [each for each in it.lines if each[2].reference not in gone]


def a_line_invented(chance: random.Random, it: Tables) -> None:
    id_, mac, line = chance.choice(it.lines)
    it.lines.append((id_ + LINES, mac, line._replace(reference=uuid4())))


def a_line_copied(chance: random.Random, it: Tables) -> None:
    id_, mac, line = chance.choice(it.lines)
    it.lines.append((id_ + LINES, mac, line))


def two_lines_swapped(chance: random.Random, it: Tables) -> None:
    a, b = chance.sample(range(len(it.lines)), 2)
    (ida, *resta), (idb, *restb) = it.lines[a], it.lines[b]
    it.lines[a], it.lines[b] = (idb, *resta), (ida, *restb)


def two_links_swapped(chance: random.Random, it: Tables) -> None:
    a, b = chance.sample(range(len(it.links)), 2)
    (na, la, ha), (nb, lb, hb) = it.links[a], it.links[b]
    it.links[a], it.links[b] = (na, lb, hb if chance.random() < 0.5 else ha), (nb, la, ha)


def one_line_in_place_of_another(chance: random.Random, it: Tables) -> None:
    a, b = chance.sample(range(len(it.lines)), 2)
    it.lines[a] = (it.lines[a][0], *it.lines[b][1:])


WAYS = (
    a_line_changed,
    a_link_changed,
    a_line_deleted,
    a_link_deleted,
    both_deleted,
    the_beginning_cut,
    the_end_cut,
    a_line_invented,
    a_line_copied,
    two_lines_swapped,
    two_links_swapped,
    one_line_in_place_of_another,
)


def test_a_thousand_tamperings_are_found_a_thousand_times(tables: Tables):
    end = Anchor(tables.links[-1][0], tables.links[-1][2])
    verify(verifying.NOTHING_BEFORE, tables.rows(), [end], late=chain.LATE)
    chance, missed, ways = random.Random(38), [], set()

    for number in range(TAMPERINGS):
        touched = Tables(list(tables.lines), list(tables.links))
        way = chance.choice(WAYS)
        way(chance, touched)
        ways.add(way)
        try:
            verify(verifying.NOTHING_BEFORE, touched.rows(), [end], late=chain.LATE)
            missed.append((number, way.__name__))
        except Broken:
            pass

    assert missed == []
    assert ways == set(WAYS)


def test_a_cut_end_is_found_by_what_the_log_says_and_not_without(tables: Tables):
    end = Anchor(tables.links[-1][0], tables.links[-1][2])
    the_end_cut(random.Random(1), tables)

    with pytest.raises(Broken, match="the end is missing"):
        verify(verifying.NOTHING_BEFORE, tables.rows(), [end], late=chain.LATE)
    assert verify(verifying.NOTHING_BEFORE, tables.rows(), late=chain.LATE).count < LINES


# Through the database


TOUCHES = (
    "UPDATE audit_line SET at = at + interval '1 microsecond' WHERE id = :id",
    "UPDATE audit_line SET actor = gen_random_uuid() WHERE id = :id",
    "UPDATE audit_line SET about = gen_random_uuid() WHERE id = :id",
    "UPDATE audit_line SET action = 'WRITE' WHERE id = :id",
    "UPDATE audit_line SET community_id = 2 WHERE id = :id",
    "UPDATE audit_line SET once = NULL WHERE id = :id",
    "UPDATE audit_line SET route = 'x' WHERE id = :id",
    "UPDATE audit_line SET how_many = 3 WHERE id = :id",
    "UPDATE audit_line SET trace = NULL WHERE id = :id",
    "UPDATE audit_line SET mac = sha256(mac) WHERE id = :id",
    "DELETE FROM audit_line WHERE id = :id",
    "DELETE FROM audit_link WHERE number = 7",
    "UPDATE audit_link SET hash = sha256(hash) WHERE number = 7",
    "UPDATE audit_link SET number = 1000 WHERE number = 7",
    """INSERT INTO audit_line (reference, at, actor_kind, action, route, mac)
       SELECT gen_random_uuid(), at, actor_kind, action, route, mac FROM audit_line
        WHERE id = :id""",
    "INSERT INTO audit_start (id, number, hash, mac) VALUES (1, 0, '', '')",
    """INSERT INTO audit_start (id, number, hash, mac)
       SELECT 1, number, hash, hash FROM audit_link WHERE number = 3""",
)


@pytest.mark.parametrize("touch", TOUCHES)
def test_whoever_owns_the_database_is_found_too(chained: Engine, touch: str):
    with as_its_owner(chained) as connection:
        some = connection.scalar(text("SELECT min(id) + 20 FROM audit_line"))
        if touch == TOUCHES[-2]:
            connection.execute(text("DELETE FROM audit_link WHERE number <= 3"))
        connection.execute(text(touch), {"id": some} if ":id" in touch else {})

    with pytest.raises(Broken):
        checking.check(transactions(chained))


@pytest.mark.parametrize("table", ["audit_line", "audit_link"])
@pytest.mark.parametrize(
    "touch",
    ["UPDATE {} SET {} = {}", "DELETE FROM {0}", "TRUNCATE {0}"],
    ids=["update", "delete", "truncate"],
)
def test_what_was_noted_is_neither_changed_nor_deleted(chained: Engine, table: str, touch: str):
    column = "route" if table == "audit_line" else "hash"
    with (
        pytest.raises(DBAPIError, match="what was noted stays as it is"),
        chained.begin() as connection,
    ):
        connection.execute(text(touch.format(table, column, column)))


def test_also_what_forgets_changes_nothing(chained: Engine):
    with chained.connect() as connection:
        connection.execute(text("SET LOCAL jourmeme.forgets = 'audit'"))
        with pytest.raises(DBAPIError, match="stays as it is"):
            connection.execute(text("UPDATE audit_line SET route = 'x'"))


# Numbers


def test_a_line_that_was_committed_later_than_its_neighbours_gets_its_number(engine: Engine):
    noted(engine, 1)
    with Session(engine) as slow:
        unit.begin(unit.Unit("job", lambda: Who(ActorKind.WORKER), lambda: NOON))
        unit.note(Action.EXPORT)
        unit.current().write(slow)
        unit.begin(None)
        noted(engine, 2)
        assert chain.extend_all(transactions(engine)) == 3
        slow.commit()

    assert chain.extend_all(transactions(engine)) == 1
    assert checking.check(transactions(engine)).count == 4


def test_a_line_that_is_old_and_has_no_number_is_not_ours(chained: Engine):
    noted(chained, 1, at=NOON - timedelta(hours=2))

    assert chain.extend_all(transactions(chained)) == 0
    with pytest.raises(Broken, match="has no number"):
        checking.check(transactions(chained))


def test_what_is_past_its_term_goes_and_the_rest_still_holds(engine: Engine):
    noted(engine, 5)
    noted(engine, 5, at=NOON + timedelta(days=30))
    chain.extend_all(transactions(engine))
    with Session(engine) as session, session.begin():
        before = chain.last(session)

    with Session(engine) as session, session.begin():
        assert chain.forget(session, past=NOON + timedelta(days=1)) == 5
        assert chain.forget(session, past=NOON + timedelta(days=1)) == 0

    found = checking.check(transactions(engine), [Anchor(*before[:2])])
    assert (found.count, found.number) == (5, 10)


def test_an_anchor_of_what_was_forgotten_meanwhile_says_nothing_wrong(engine: Engine):
    noted(engine, 3)
    chain.extend_all(transactions(engine))
    with Session(engine) as session, session.begin():
        early = Anchor(*chain.last(session)[:2])
        chain.forget(session, past=NOON + timedelta(days=1))
    noted(engine, 1, at=NOON + timedelta(days=400))
    chain.extend_all(transactions(engine))

    assert checking.check(transactions(engine), [early._replace(number=2)]).count == 1


# The worker, the command


@dataclass
class Bench:
    engine: Engine
    moment: datetime = NOON
    open_transaction: Any = field(init=False)

    def __post_init__(self):
        self.open_transaction = transactions(self.engine)

    def clock(self) -> datetime:
        return self.moment


def test_once_a_day_all_is_verified_and_the_end_is_written_to_the_log(
    chained: Engine, monkeypatch: pytest.MonkeyPatch
):
    said = []
    monkeypatch.setattr(logs, "event", lambda name, **keys: said.append((name, keys)))
    bench = Bench(chained)
    keeping.check(bench)
    keeping.check(bench)

    assert [name for name, _ in said] == ["audit_anchor"]
    assert said[0][1]["number"] == LINES
    with as_its_owner(chained) as connection:
        connection.execute(
            text("DELETE FROM audit_line WHERE id = (SELECT min(id) FROM audit_line)")
        )
    keeping.check(replace(bench, moment=NOON + timedelta(days=1)))

    assert [name for name, _ in said] == ["audit_anchor", "audit_broken"]
    with Session(chained) as session:
        assert keeping.is_sound(session) is False


def test_the_command_says_that_it_holds_or_names_the_first_number_that_is_wrong(
    app, chained: Engine
):
    run = app.test_cli_runner().invoke
    good = run(args=["verify-audit"])
    assert good.exit_code == 0
    anchor = good.output.split()[-1]

    with as_its_owner(chained) as connection:
        connection.execute(text("DELETE FROM audit_link WHERE number > 40"))
        connection.execute(
            text(
                "DELETE FROM audit_line l WHERE NOT EXISTS"
                " (SELECT 1 FROM audit_link k WHERE k.line = l.reference)"
            )
        )
    assert run(args=["verify-audit"]).exit_code == 0
    cut = run(args=["verify-audit", "--anchor", anchor])
    assert cut.exit_code == 1
    assert "Premier numéro faux : 41 (la fin manque)" in cut.output.replace("\u00a0", " ")
    assert run(args=["verify-audit", "--anchor", "douze"]).exit_code == 2


def test_the_seal_covers_every_field(tables: Tables):
    _, mac, line = tables.lines[0]
    assert seal(line) == mac
    for name in Line._fields:
        other = line._replace(**{name: flipped(random.Random(0), getattr(line, name))})
        assert seal(other) != mac, name
