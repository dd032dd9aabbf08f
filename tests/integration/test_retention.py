"""The clock moves, night after night: what is past its term is in no table, the skeleton stays."""

import logging
import stat
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from booking import privacy, retention, worker
from booking.audit import chain, checking, writing
from booking.audit.writing import About, Deed, Who
from booking.desk import quiet_accounts
from booking.models import (
    Account,
    Action,
    ActorKind,
    AuditLine,
    Booking,
    CareRequest,
    Invitation,
    Promise,
    ProvedBy,
    Role,
    StaffSession,
    Tombstone,
)
from booking.persons import tombstones
from booking.retention import TABLE, TERMS, Kind
from config.database import Base
from notifications.models import InboundMessage, Meaning, OutboxMessage
from schedules.models import Slot
from tests import builders
from tests.clockwork import NOON
from tests.integration.test_audit_chain import transactions
from tests.integration.test_privacy import (
    ANSWERED,
    DAY,
    SLOT_ENDS,
    WHO,
    WRITTEN,
    a_booking_of,
    a_message,
    a_request_with_canaries,
    found,
)
from tests.staffing import an_account

ROOT = Path(__file__).parents[2]
SAID_BACK = "CanaryReply"


@pytest.fixture
def community(session):
    return builders.a_community(session)


@pytest.fixture
def booked(session, community):
    site = builders.a_site(session, community)
    doctor = builders.a_professional(session, community, site)
    asked = a_request_with_canaries(session, community)
    booking = a_booking_of(session, asked, builders.a_slot(session, professional=doctor, site=site))
    a_message(session, community, about=booking.reference)
    session.add(
        InboundMessage(
            community_id=community.id,
            provider_id="SMcanaryback",
            phone="+33639980077",
            text=SAID_BACK,
            meaning=Meaning.OTHER,
            came_at=NOON,
            needs_somebody=True,
        )
    )
    session.flush()
    return booking


def night(session, days):
    """Let the nights pass until so many days after the appointment."""
    while privacy.forget(session, now=SLOT_ENDS + days * DAY).total:
        session.expire_all()


SAID = (*ANSWERED, SAID_BACK)


@pytest.mark.parametrize(
    ("days", "gone", "stays"),
    [
        (6, (), (*ANSWERED, *WHO)),
        (8, SAID, WHO),
        (91, (*SAID, *WHO, *WRITTEN), ()),
        (731, (*SAID, *WHO, *WRITTEN), ()),
    ],
)
def test_canaries_are_gone_from_every_table_at_their_day(session, booked, days, gone, stays):
    assert set(found(session, (*SAID, *WHO, *WRITTEN))) == {*SAID, *WHO, *WRITTEN}

    night(session, days)

    assert found(session, gone) == []
    assert found(session, stays) == list(stays)


def test_the_skeleton_stays_after_two_years(session, booked):
    night(session, 731)

    for table in (CareRequest, Booking, Promise, Slot, OutboxMessage):
        assert len(session.scalars(select(table)).all()) == 1, table
    assert session.scalar(select(CareRequest.level)) is not None


def test_every_kind_has_one_term_of_a_day_or_more():
    assert set(TABLE) == set(Kind) == set(TERMS)
    assert all(term.kept >= timedelta(days=1) for term in TABLE.values())


@pytest.mark.parametrize(
    "said", ["ANSWERS", "ANSWERS=", "ANSWERS=8", "ANSWERS=0", "WHATEVER=1", "ACCOUNTS=20", "a=1"]
)
def test_a_setting_that_lengthens_a_term_or_says_nothing_is_refused(said):
    with pytest.raises(retention.TermsInvalid):
        retention.read(said)


def test_a_shorter_term_counts_and_the_others_stay(session, booked):
    terms = retention.read("ANSWERS=2, IDENTITY=30")

    assert terms | {Kind.ANSWERS: 7 * DAY, Kind.IDENTITY: 90 * DAY} == TERMS
    done = privacy.forget(session, now=SLOT_ENDS + 3 * DAY, terms=terms)
    assert (done.answers, done.identities) == (1, 0)
    assert privacy.forget(session, now=SLOT_ENDS + 30 * DAY, terms=terms).identities == 1


def test_invitations_that_were_used_go_and_those_that_wait_stay(session, community):
    account = an_account(session, community, Role.OPERATOR)
    for number, ended_at in enumerate((None, NOON, NOON + 2 * DAY)):
        session.add(
            Invitation(
                community_id=community.id,
                reference=uuid4(),
                account_id=account.id,
                token_hash=bytes([number]),
                created_at=NOON,
                expires_at=NOON + 7 * DAY,
                ended_at=ended_at,
            )
        )
    session.flush()

    assert privacy.forget(session, now=NOON + 90 * DAY).invitations == 1


def test_who_saw_what_goes_after_its_year_and_a_chain_that_holds_is_left(session, community):
    for days in (0, 1):
        noted_at(session, NOON + days * DAY)
    session.commit()
    chain.extend_all(transactions(session.get_bind()))

    assert privacy.forget(session, now=NOON + 364 * DAY).audit_lines == 0
    done = privacy.forget(session, now=NOON + 365 * DAY)
    session.commit()

    assert done.audit_lines == 1
    assert [each.at for each in session.scalars(select(AuditLine))] == [NOON + DAY]
    assert checking.check(transactions(session.get_bind())).count == 1


def noted_at(session, at):
    deed = Deed(Action.READ, About("care_request", uuid4()))
    writing.write(session, [deed], Who(ActorKind.WORKER), "test", None, now=at)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "var" / "tombstones"


def bury(session, file, community, at):
    order = tombstones.Order(at, None, ProvedBy.COMMAND)
    tombstones.note(session, file, community, [at.isoformat().encode()], order)


def test_tombstones_go_from_the_table_and_from_their_file_when_no_backup_can_need_them(
    session, community, file
):
    for days in (0, 1):
        bury(session, file, community, NOON + days * DAY)
    with file.open("ab") as opened:
        opened.write(b"what nobody can believe\n")
    session.commit()
    bench = worker.Bench(
        None, None, lambda: NOON + 60 * DAY, {}, None, builders.LINKS, tombstones=file
    )
    bench.open_transaction = transactions(session.get_bind())

    worker.forget(bench)

    kept = file.read_text().splitlines()
    assert len(kept) == 2
    assert (NOON + DAY).isoformat() in kept[0]
    assert kept[1] == "what nobody can believe"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    session.rollback()
    assert [each.erased_at for each in session.scalars(select(Tombstone))] == [NOON + DAY]


def test_a_tombstone_that_is_written_while_the_file_is_made_shorter_is_not_lost(
    session, community, file
):
    for day in range(40):
        bury(session, file, community, NOON + day * DAY)
    session.commit()

    def shorten():
        for day in range(40):
            tombstones.forget(file, past=NOON + day * DAY)

    def note():
        with transactions(session.get_bind())() as own:
            for day in range(100, 140):
                bury(own, file, community, NOON + day * DAY)

    both = [Thread(target=shorten), Thread(target=note)]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert len(file.read_text().splitlines()) == 40


def test_no_tombstone_may_go_while_a_backup_of_before_it_lives():
    service = (ROOT / "config/deploy/systemd/jourmeme-backup.service").read_text()

    assert f"-mtime +{retention.BACKUPS.days} " in service
    assert TERMS[Kind.TOMBSTONES] > retention.BACKUPS
    with pytest.raises(retention.TermsInvalid):
        retention.read(f"TOMBSTONES={retention.BACKUPS.days}")


@pytest.fixture
def account(session, community):
    return an_account(session, community, Role.OPERATOR)


def letters(session):
    return [each.subject for each in session.scalars(select(OutboxMessage))]


def test_an_account_that_nobody_uses_is_warned_once_and_closed_a_month_later(session, account):
    warned = NOON + 700 * DAY

    night_of(session, warned - DAY)
    assert letters(session) == []
    night_of(session, warned)
    night_of(session, warned + DAY)
    assert letters(session) == ["JourMême : votre compte ferme dans 30 jours"]
    night_of(session, warned + 29 * DAY)
    assert account.closed_at is None
    night_of(session, warned + 30 * DAY)

    assert account.closed_at == warned + 30 * DAY


def test_who_signs_in_after_the_letter_keeps_the_account(session, account):
    warned = NOON + 700 * DAY
    night_of(session, warned)
    session.add(
        StaffSession(
            community_id=account.community_id,
            account_id=account.id,
            token_hash=b"t",
            created_at=warned + 5 * DAY,
            last_seen_at=warned + 5 * DAY,
        )
    )
    session.flush()

    night_of(session, warned + 200 * DAY)

    assert account.closed_at is None
    assert account.last_seen_at == warned + 5 * DAY
    assert session.scalars(select(StaffSession)).all() == []
    assert quiet_accounts.close(session, kept=730 * DAY, now=warned + 600 * DAY) == 0


def night_of(session, now):
    privacy.forget(session, now=now)
    session.expire_all()


def test_an_account_is_not_closed_on_the_day_of_its_letter_though_the_worker_was_off(
    session, account
):
    night_of(session, NOON + 900 * DAY)
    assert account.closed_at is None
    night_of(session, NOON + 930 * DAY)
    assert account.closed_at is not None


def test_the_last_who_can_let_others_in_stays_and_the_log_says_that_nobody_uses_it(
    session, community, caplog
):
    caplog.set_level(logging.WARNING, "jourmeme")
    every = [
        an_account(session, community, role, email=f"{role.lower()}{n}@tilleuls.example")
        for role in (Role.ADMINISTRATOR, Role.COORDINATOR, Role.OPERATOR)
        for n in range(2)
    ]
    for place, account in enumerate(every):
        account.last_seen_at = NOON + place * timedelta(hours=1)
    session.flush()

    night_of(session, NOON + 730 * DAY)
    night_of(session, NOON + 761 * DAY)
    privacy.forget_all(transactions_of(session), now=NOON + 800 * DAY)

    session.expire_all()
    stay = {each.reference for each in every if each.closed_at is None}
    assert stay == {every[1].reference, every[3].reference}
    told = [each for each in caplog.records if each.message == "last_account_unused"]
    assert len(told) == 2


def test_who_is_alone_in_their_role_gets_no_letter_that_says_it_will_be_closed(session, community):
    alone = an_account(session, community, Role.ADMINISTRATOR)
    far = builders.a_community(session)
    an_account(session, far, Role.ADMINISTRATOR, email="far@tilleuls.example")

    night_of(session, NOON + 900 * DAY)
    night_of(session, NOON + 1000 * DAY)

    assert letters(session) == []
    assert alone.closed_at is None


def transactions_of(session):
    @contextmanager
    def same():
        yield session

    return same


def test_no_table_is_forgotten_by_this_test(session):
    """`found` reads every table of the catalogue: also those that no model describes."""
    there = set(
        session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    )

    assert there - {"alembic_version"} == set(Base.metadata.tables)
    assert session.scalars(select(Account)).all() == []
