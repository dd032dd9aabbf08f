"""One person asks: a copy of all that is kept, or that it is gone for good, restores included."""

import json
import stat
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from html import escape
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, delete, select, update
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from booking.app import create_app
from booking.audit import writing
from booking.audit.writing import About, Deed, Who
from booking.desk import choose
from booking.extensions import db
from booking.links import Links
from booking.models import (
    Action,
    ActorKind,
    Booking,
    BookingStatus,
    CareRequest,
    ProvedBy,
    RequestStatus,
    Role,
    Tombstone,
    VisitorAct,
    VisitorDid,
)
from booking.persons import erasing, exporting, finding, tombstones
from booking.persons.finding import Whose
from booking.persons.french import FIELDS, SECTIONS, VALUES, said_by
from booking.triage.protocol import Protocol
from config import backup
from config.clock import PARIS
from config.database import Base, transaction
from notifications.models import InboundMessage, Kind, Meaning, OptOut, OutboxMessage, Status
from schedules.models import Community, Slot
from tests import builders
from tests.clockwork import NOON
from tests.conftest import address_of
from tests.integration.test_privacy import dumped, found, opened
from tests.staffing import an_account

PHONE = "+33639980077"
BORN = date(1931, 7, 14)
WHO = {
    "family_name": "CanaryFamily",
    "given_name": "CanaryGiven",
    "phone": PHONE,
    "email": "canary@patients.example",
    "note": "CanaryNote",
    "current_address": "12 rue CanaryStreet",
    "birth_date": BORN,
    "has_regular_doctor": "no",
    "may_leave_message": True,
}
CANARIES = (*(str(WHO[name]) for name in ("family_name", "given_name", "phone", "email")),
            "CanaryNote", "CanaryStreet", "1931-07-14", "CanaryReply")  # fmt: skip
OF_REQUESTS = (Action.READ, Action.WRITE, Action.EXPORT, Action.FORGET, Action.REFUSED)
AFTER = NOON + timedelta(hours=6)
LINKS = Links("https://jourmeme.example", "jourmeme.example", b"secret of the tests, 32 bytes..")


@pytest.fixture
def community(session):
    return builders.a_community(session)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "var" / "tombstones"


@dataclass
class Clinic:
    """Where people are booked, one after the other."""

    session: Session
    community: Community
    protocol: Protocol

    def __post_init__(self):
        self.site = builders.a_site(self.session, self.community)
        self.doctor = builders.a_professional(
            self.session, self.community, self.site, email="doctor@tilleuls.example"
        )

    def asked(self, **but):
        request = builders.a_triaged_request(
            self.session, self.community, self.protocol, **WHO | but
        )
        self.session.flush()
        return request

    def booked(self, **but):
        place = len(self.session.scalars(select(Slot)).all())
        starts_at = NOON + timedelta(hours=2, minutes=20 * place)
        slot = builders.a_slot(
            self.session, professional=self.doctor, site=self.site, starts_at=starts_at
        )
        request = self.asked(**but)
        choose.book(
            self.session,
            request,
            self.community,
            slot.reference,
            by="PATIENT",
            links=LINKS,
            now=NOON,
        )
        self.session.flush()
        return request


@pytest.fixture
def clinic(session, community, protocol):
    return Clinic(session, community, protocol)


@pytest.fixture
def run(app_settings, hands, tmp_path):
    """Run one of our commands on a database, the tests' own or another."""
    made = []

    def run(*words, on=None):
        url = on or app_settings.database_url
        but = {"database_url": url, "var": tmp_path / "var"}
        made.append(create_app(app_settings.model_copy(update=but), clock=hands))
        return made[-1].test_cli_runner().invoke(args=list(words))

    yield run
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def person(session, clinic):
    """Somebody who is booked, has written back, said STOP, and was counted as a visitor."""
    request = clinic.booked()
    session.add_all(
        [
            InboundMessage(
                community_id=request.community_id,
                provider_id="SM1",
                phone=PHONE,
                text="CanaryReply",
                meaning=Meaning.OTHER,
                came_at=NOON,
                needs_somebody=True,
            ),
            VisitorAct(
                kind=VisitorDid.GAVE_PHONE,
                who_hash=b"of the phone",
                about=request.reference,
                at=NOON,
            ),
        ]
    )
    session.flush()
    return request


def erase(session, file, *, born=None, cancels=False, now=AFTER, community=None):
    whose = Whose(PHONE, born, community and community.id)
    order = tombstones.Order(now, uuid4(), ProvedBy.DOCUMENT)
    return erasing.erase(session, whose, cancels=cancels, order=order, links=LINKS, file=file)


def test_who_is_erased_is_in_no_table_and_the_skeleton_stays(session, file, person):
    assert found(session, CANARIES) == list(CANARIES)

    done = erase(session, file)
    session.expire_all()

    assert (done.requests, done.cancelled) == (1, 0)
    assert found(session, CANARIES) == []
    kept = session.scalars(select(Booking)).one()
    assert (kept.status, kept.booked_at) == (BookingStatus.CONFIRMED, NOON)
    assert session.scalars(select(CareRequest.level)).one() is not None
    assert session.scalars(select(VisitorAct)).all() == []


def test_what_the_skeleton_says_of_answers_is_gone_too(session, file, person):
    was = person.complaints
    assert was

    erase(session, file)
    session.expire_all()

    whole = dumped(session) + opened(session)
    assert [code for code in was if code in whole.replace("SAME_DAY", "")] == []


def test_who_is_still_expected_is_not_erased_unless_it_is_cancelled_too(session, file, person):
    with pytest.raises(erasing.StillExpected):
        erase(session, file, now=NOON)
    assert found(session, CANARIES) == list(CANARIES)
    assert not file.exists()

    done = erase(session, file, now=NOON, cancels=True)
    session.expire_all()

    assert done.cancelled == 1
    assert session.scalars(select(Booking.status)).one() is BookingStatus.CANCELLED
    assert session.scalars(select(Slot.claimed_by)).one() is None
    assert found(session, CANARIES) == []
    leaving = session.scalars(select(OutboxMessage).where(OutboxMessage.status == Status.WAITING))
    assert {(each.kind, each.recipient) for each in leaving} == {
        (Kind.NOTICE, "doctor@tilleuls.example")
    }


def test_nobody_is_erased_in_the_middle_of_their_appointment(session, file, person):
    slot = session.scalars(select(Slot)).one()

    with pytest.raises(erasing.CareGoesOn):
        erase(session, file, now=slot.starts_at + timedelta(minutes=1), cancels=True)


def test_who_waits_is_erased_and_nobody_is_owed_anything(session, file, clinic):
    clinic.asked()

    erase(session, file)
    session.commit()
    session.expire_all()

    assert session.scalars(select(CareRequest.status)).one() is RequestStatus.DECLINED
    assert found(session, CANARIES) == []


def test_a_second_person_of_the_same_number_stays_where_a_birth_date_is_said(
    session, file, clinic, person
):
    other = clinic.booked(birth_date=date(1999, 1, 2), family_name="Autre")

    erase(session, file, born=BORN)
    session.expire_all()

    rows = session.scalars(select(CareRequest))
    assert {each.family_name for each in rows} == {None, "Autre"}
    assert (other.phone, other.birth_date) == (PHONE, date(1999, 1, 2))
    # Nobody can say which of the two wrote it.
    assert len(session.scalars(select(InboundMessage)).all()) == 1


def test_another_communitys_requests_of_the_same_number_stay(
    session, file, clinic, protocol, person
):
    far = builders.a_community(session)
    builders.a_triaged_request(session, far, protocol, **WHO)

    erase(session, file, community=clinic.community)
    session.expire_all()

    rows = session.scalars(select(CareRequest).order_by(CareRequest.community_id))
    assert [each.family_name for each in rows] == [None, "CanaryFamily"]


def test_a_number_that_said_stop_is_still_not_written_to(session, file, person):
    session.add(OptOut(phone=PHONE, at=NOON))
    session.flush()

    erase(session, file)

    assert session.scalars(select(OptOut)).one() is not None


def test_a_tombstone_tells_neither_the_number_nor_that_it_comes_back(session, file, person):
    key = person.phone_key

    erase(session, file)

    written = file.read_text() + str([row.mark for row in session.scalars(select(Tombstone))])
    assert key.hex() not in written
    assert str(key) not in written
    assert not any(word in written for word in CANARIES)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_erasure_that_cannot_be_noted_is_not_done(session, tmp_path, person):
    session.commit()
    (tmp_path / "a file").write_text("")

    with pytest.raises(tombstones.NotNoted), transaction(session):
        erase(session, tmp_path / "a file" / "tombstones")

    assert found(session, CANARIES) == list(CANARIES)


def test_whoever_comes_back_after_their_erasure_is_not_erased_again(session, file, clinic, person):
    erase(session, file)
    clinic.asked(created_at=AFTER + timedelta(days=1))
    session.flush()

    assert erasing.erase_again(session, file, links=LINKS, now=AFTER) == (0, 0)


@pytest.fixture
def copy(engine, session, person, tmp_path):
    """A backup of before the erasure."""
    session.commit()
    copy = tmp_path / "copy"
    with copy.open("wb") as written:
        backup.dump(address_of(engine), written)
    return copy


def restored(run, copy, new_database):
    """Restore a backup into a database of its own, and open it."""
    url = new_database().render_as_string(hide_password=False)
    said = run("restore", str(copy), on=url)
    assert said.exit_code == 0, said.output
    assert "Demandes effacées à nouveau : 1." in said.output
    return Session(create_engine(url, hide_parameters=True, poolclass=NullPool))


def test_who_was_erased_after_the_backup_is_erased_again_by_the_restore(
    session, file, copy, run, new_database
):
    erase(session, file)
    session.commit()

    with restored(run, copy, new_database) as fresh:
        assert found(fresh, CANARIES) == []
        assert len(fresh.scalars(select(Tombstone)).all()) == 2
        assert fresh.scalars(select(Booking)).one() is not None


def test_it_is_also_done_where_the_number_was_another_one_in_the_backup(
    session, file, copy, run, new_database
):
    person = session.scalars(select(CareRequest)).one()
    person.phone = "+33639980099"
    session.flush()
    whose, order = Whose("+33639980099"), tombstones.Order(AFTER, None, ProvedBy.COMMAND)
    erasing.erase(session, whose, cancels=False, order=order, links=LINKS, file=file)
    session.commit()

    with restored(run, copy, new_database) as fresh:
        assert found(fresh, CANARIES) == []


@pytest.fixture
def copy_of_a_form(engine, session, clinic, tmp_path):
    """A backup in which somebody fills in the form, with another of the same number."""
    clinic.asked()
    clinic.asked(family_name="Autre")
    session.commit()
    copy = tmp_path / "copy"
    with copy.open("wb") as written:
        backup.dump(address_of(engine), written)
    return copy


def test_who_erased_their_own_form_after_the_backup_is_erased_again_by_the_restore(
    session, file, copy_of_a_form, run, new_database
):
    own = session.scalars(select(CareRequest).order_by(CareRequest.id)).first()
    order = tombstones.Order(AFTER, None, ProvedBy.PATIENT)
    erasing.erase_own(session, own, order=order, links=LINKS, file=file)
    session.commit()

    with restored(run, copy_of_a_form, new_database) as fresh:
        assert found(fresh, ["CanaryFamily"]) == []
        rows = fresh.scalars(select(CareRequest).order_by(CareRequest.id))
        assert [each.family_name for each in rows] == [None, "Autre"]
        assert fresh.scalars(select(Tombstone.proved_by)).all() == [ProvedBy.PATIENT]


def test_who_is_expected_does_not_erase_by_the_form(session, file, person):
    order = tombstones.Order(NOON, None, ProvedBy.PATIENT)

    with pytest.raises(erasing.StillExpected):
        erasing.erase_own(session, person, order=order, links=LINKS, file=file)

    assert not file.exists()


def test_the_drill_erases_again_too(session, file, copy, run):
    erase(session, file)
    session.commit()

    said = run("check-backup", str(copy))

    assert said.exit_code == 0, said.output
    assert "Demandes effacées à nouveau : 1." in said.output


def test_a_restore_by_other_tools_is_followed_by_a_command(engine, session, file, person, run):
    session.commit()
    erase(session, file)
    session.rollback()  # the rows are back, the file is not: as after any restore

    said = run("erase-again")

    assert "Demandes effacées à nouveau : 1." in said.output
    with Session(engine) as fresh:
        assert found(fresh, CANARIES) == []


def test_nobody_who_writes_into_the_file_can_have_somebody_erased(session, file, person):
    made = tombstones.of_number(person.phone_key, None)
    file.parent.mkdir(parents=True)
    file.write_text(f"{uuid4()} {made.hex()} {AFTER.isoformat()} - COMMAND {'0' * 32}\ncut off\n\n")

    assert erasing.erase_again(session, file, links=LINKS, now=AFTER) == (0, 3)
    assert found(session, CANARIES) == list(CANARIES)


def test_a_line_that_was_changed_is_not_believed(session, file, person):
    erase(session, file)
    whole = file.read_text()
    session.execute(delete(Tombstone))
    file.write_text(whole.replace("2027", "2028"))

    assert tombstones.bring_back(session, file) == len(whole.splitlines())
    file.write_text(whole)
    assert tombstones.bring_back(session, file) == 0
    assert tombstones.bring_back(session, file) == 0
    assert len(session.scalars(select(Tombstone)).all()) == len(whole.splitlines())


def test_a_copy_tells_all_that_is_sealed_and_nothing_of_us(session, person):
    file = exporting.collect(session, Whose(PHONE), now=AFTER)
    said = json.dumps(file, ensure_ascii=False)

    assert [word for word in CANARIES if word not in said] == []
    assert file["appointment"][0]["status"] == "CONFIRMED"
    assert {"care_request", "assessment", "booking", "promise", "message", "reply"} <= set(file)
    assert "doctor@tilleuls.example" not in said
    assert not any("hash" in name or "_key" in name for row in file["care_request"] for name in row)


def test_a_copy_can_be_read_by_anybody(session, person, protocol):
    person.note = "<b>CanaryNote</b>"
    person.age_months = 968
    person.complaints = ["trauma_membre"]
    person.answers = {"u_conscience": "no", "tm_appui": "oui"}
    session.flush()

    file = exporting.collect(session, Whose(PHONE), now=AFTER)
    page = exporting.readable(file, PARIS, said_by(protocol))

    for name in ("trauma_membre", "u_conscience", "tm_appui"):
        assert name not in page
    assert escape(protocol.questions["u_conscience"].text) in page
    assert escape(dict(protocol.questions["tm_appui"].choices)["oui"]) in page
    assert "80 ans" in page
    assert f"{person.birth_date:%d/%m/%Y}" in page
    assert "&lt;b&gt;CanaryNote&lt;/b&gt;" in page
    assert "CanaryFamily" in page
    assert "27/03/2027 à 12 h 00" in page


def test_a_copy_of_one_person_tells_nothing_of_another_of_the_same_number(session, clinic, person):
    clinic.booked(birth_date=date(1999, 1, 2), family_name="Autre")

    said = json.dumps(exporting.collect(session, Whose(PHONE, BORN), now=AFTER))

    assert "CanaryFamily" in said
    assert "Autre" not in said


@pytest.fixture
def looked_at(session, clinic, person):
    """An operator has opened the request, and changed it; another person's was opened too."""
    operator = an_account(session, clinic.community, Role.OPERATOR)
    other = clinic.asked(birth_date=date(1999, 1, 2), family_name="Autre")
    session.add(OptOut(phone=PHONE, at=NOON))
    who = Who(ActorKind.ACCOUNT, operator.reference, clinic.community.id)
    for minutes, (action, asked) in enumerate(
        [(Action.READ, person), (Action.WRITE, person), (Action.EXPORT, other)]
    ):
        deed = Deed(action, About("care_request", asked.reference), clinic.community.id)
        now = NOON + timedelta(minutes=minutes)
        writing.write(session, [deed], who, "console.call", None, now=now)
    session.flush()
    return operator


def test_a_copy_tells_that_the_number_said_stop_and_who_opened_the_file(session, looked_at):
    file = exporting.collect(session, Whose(PHONE), now=AFTER)
    page = exporting.readable(file, PARIS, {}).replace("\u00a0", " ")

    assert [row["phone"] for row in file["opt_out"]] == [PHONE]
    assert [row["action"] for row in file["access"]] == ["EXPORT", "WRITE", "READ"]
    assert "Vous avez répondu STOP : plus aucun SMS" in page
    assert "opératrice ou opérateur" in page
    assert "ouverte et changée" in page
    assert looked_at.display_name not in page


def test_a_copy_of_one_of_two_tells_neither_stop_nor_who_opened_the_others_file(session, looked_at):
    file = exporting.collect(session, Whose(PHONE, BORN), now=AFTER)

    assert "opt_out" not in file
    assert [row["action"] for row in file["access"]] == ["WRITE", "READ"]


def test_every_state_of_every_row_is_french_in_a_copy():
    """All that a list of ours may hold, but levels, of which the name is said."""
    states = {
        state.name if issubclass(column.type.enum_class, IntEnum) else state.value
        for table in Base.metadata.tables.values()
        if table.name in SECTIONS or table.name in ("outbox_message", "inbound_message")
        for column in table.columns
        if column.name in FIELDS and getattr(column.type, "enum_class", None)
        for state in column.type.enum_class
    }

    assert len(states) > 60
    assert states - set(VALUES) == set()


def test_every_word_of_the_audit_is_french_in_a_copy():
    words = {each.value for each in (*ActorKind, *Role, *OF_REQUESTS)}

    assert words <= set(VALUES)


def test_the_commands_copy_and_erase(engine, session, person, run, tmp_path):
    session.commit()
    who = ("--phone", "06 39 98 00 77")

    assert "CanaryFamily" in run("export-person", *who).output
    wrote = run("export-person", *who, "--to", str(tmp_path / "d"))
    assert wrote.exit_code == 0, wrote.output
    assert {f.suffix for f in tmp_path.glob("d.*")} == {".json", ".html"}
    assert stat.S_IMODE((tmp_path / "d.json").stat().st_mode) == 0o600
    assert run("export-person", *who, "--to", str(tmp_path / "d")).exit_code == 1

    assert "--cancel" in run("erase-person", *who, "--yes").output
    done = run("erase-person", *who, "--yes", "--cancel")
    assert "Demandes : 1, rendez-vous annulés : 1" in done.output
    with Session(engine) as fresh:
        assert found(fresh, CANARIES) == []


def test_a_number_that_is_none_is_refused_by_the_commands(run):
    assert run("erase-person", "--phone", "12", "--yes").exit_code == 1


def test_finding_locks_and_scopes(session, community, person):
    assert finding.requests(session, Whose(PHONE, None, community.id), lock=True) == [person]
    assert finding.requests(session, Whose(PHONE, None, community.id + 1)) == []
    assert finding.requests(session, Whose(PHONE, date(2000, 1, 1))) == []


def test_who_was_let_in_before_their_hour_is_not_erased_while_they_are_there(session, file, clinic):
    clinic.booked()
    session.execute(update(Booking).values(status=BookingStatus.ARRIVED))

    with pytest.raises(erasing.CareGoesOn):
        erase(session, file, cancels=True, now=NOON)
