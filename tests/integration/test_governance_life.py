"""Drafts, trials, signatures, withdrawals and passing days, in any order, by three people."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session

from booking import protocols
from booking.governance import serving, states, trial, versions
from booking.models import VersionStatus
from schedules import nomenclature
from tests.builders import a_community
from tests.clockwork import NOON
from tests.governing import NAME, TODAY, a_coordinator, signing
from tests.small_protocol import DOCUMENT, FIRST

SOUND = (DOCUMENT, DOCUMENT.replace("Mal de gorge", "Gorge"))
UNSOUND = DOCUMENT.replace("otherwise: WITHIN_24H", "otherwise: NOT_UNSCHEDULED")
PEOPLE = st.integers(0, 2)


class Governance(RuleBasedStateMachine):
    """What the committee does, against plain dicts that say who wrote, tested and signed what."""

    known = Bundle("known")

    def __init__(self, engine):
        super().__init__()
        self.session = Session(engine, expire_on_commit=False)
        self.community = a_community(self.session)
        self.people = [
            a_coordinator(self.session, self.community, f"Personne {name}") for name in "ABC"
        ]
        self.today = TODAY
        self.state: dict[int, dict] = {}

    @property
    def now(self):
        return NOON + (self.today - TODAY)

    def by(self, person):
        return signing(self.people[person])

    @rule(target=known, person=PEOPLE)
    def begin(self, person):
        made = versions.draft(
            self.session,
            self.community.id,
            replace(FIRST, english=None),
            protocol=NAME,
            by=self.by(person),
            now=self.now,
        )
        self.state[made.number] = {"author": person, "status": "DRAFT", "sound": True}
        return made

    @rule(version=known, person=PEOPLE, text=st.sampled_from((*SOUND, UNSOUND)))
    def edit(self, version, person, text):
        its = self.state[version.number]
        wanted = replace(FIRST, document=text, english=None).numbered(version.number)
        may = its["status"] in ("DRAFT", "TESTED") and its["author"] == person

        def change():
            versions.edit(
                self.session, version, wanted, what="motif:gorge", by=self.by(person), now=self.now
            )

        if not may:
            with pytest.raises((versions.NotYours, versions.NotADraft)):
                change()
            return
        is_other = wanted != versions.texts_of(version)
        change()
        if is_other:
            its |= {"status": "DRAFT", "sound": text != UNSOUND}

    @rule(version=known, person=PEOPLE)
    def test(self, version, person):
        its = self.state[version.number]
        if its["status"] not in ("DRAFT", "TESTED"):
            return
        done = trial.run(
            versions.texts_of(version),
            protocol=NAME,
            number=version.number,
            disciplines=nomenclature.disciplines(),
        )
        versions.record_trial(self.session, version, done, by=self.by(person), now=self.now)
        its["status"] = "TESTED" if its["sound"] else "DRAFT"

    @rule(version=known, person=PEOPLE, days=st.integers(-1, 4))
    def sign(self, version, person, days):
        its, first = self.state[version.number], self.today + timedelta(days=days)
        may = its["status"] == "TESTED" and its["author"] != person and days >= 0

        def approve():
            versions.approve(
                self.session,
                version,
                digest=version.digest,
                in_force_from=first,
                today=self.today,
                by=self.by(person),
                now=self.now,
            )

        if not may:
            refusals = (versions.NotTested, versions.SamePerson, versions.WrongDay)
            with pytest.raises(refusals):
                approve()
            return
        approve()
        its |= {"status": "APPROVED", "first": first}

    @rule(version=known, person=PEOPLE)
    def withdraw(self, version, person):
        its = self.state[version.number]

        def take_back():
            versions.withdraw(
                self.session, version, because="Parce que.", by=self.by(person), now=self.now
            )

        if its["status"] == "WITHDRAWN":
            with pytest.raises(versions.NotADraft):
                take_back()
            return
        take_back()
        its["status"] = "WITHDRAWN"

    @rule(days=st.sampled_from([1, 3, 200]))
    def wait(self, days):
        self.today += timedelta(days=days)

    @invariant()
    def each_version_is_where_it_was_put(self):
        found = {v.number: v.status for v in versions.listed(self.session, self.community.id)}
        assert found == {n: VersionStatus[its["status"]] for n, its in self.state.items()}

    @invariant()
    def whom_it_triages_is_what_two_people_signed_for_today(self):
        counts = serving.chosen(self.session, self.community.id, now=self.now)
        begun = [
            (its["first"], number)
            for number, its in self.state.items()
            if its["status"] == "APPROVED" and its["first"] <= self.today
        ]
        latest = max((first for first, _ in begun), default=None)
        is_open = latest is not None and self.today <= states.last_day(latest)
        if counts is None:
            assert not any(its["status"] == "APPROVED" for its in self.state.values())
            return
        assert counts.is_usable == is_open
        if is_open:
            assert (latest, counts.number) in begun
            its = self.state[counts.number]
            assert counts.signed_by[0] == self.people[its["author"]].display_name
            assert counts.signed_by[0] != counts.signed_by[1]

    @invariant()
    def what_serves_covers_today_only_if_something_is_in_force(self):
        version = serving.version(
            self.session,
            self.community.id,
            delivered=protocols.published()[-1],
            may_be_unsigned=False,
            now=self.now,
        )
        counts = serving.chosen(self.session, self.community.id, now=self.now)
        assert version["fr"].is_in_force(self.today) == bool(counts and counts.is_usable)

    def teardown(self):
        self.session.rollback()
        self.session.close()


@pytest.mark.slow  # some thousand transactions
def test_the_life_of_versions(engine):
    run_state_machine_as_test(
        lambda: Governance(engine),
        settings=settings(max_examples=20, stateful_step_count=25, deadline=None),
    )
