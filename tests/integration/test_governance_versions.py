"""The life of a protocol's version: two names, tested before it is signed, never changed after."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from booking.governance import journal, serving, states, versions
from booking.governance.blocks import NotBlocks
from booking.governance.states import State
from booking.governance.texts import fingerprint
from booking.governance.trial import Trial
from booking.models import Act, GovernanceAct, ProtocolVersion, VersionStatus
from tests.builders import a_community
from tests.clockwork import NOON
from tests.governing import NAME, TODAY, a_coordinator, a_draft, signed, signing, tried
from tests.small_protocol import CASES, DOCUMENT, FIRST

WEAKER = replace(
    FIRST, document=DOCUMENT.replace("otherwise: WITHIN_24H", "otherwise: NOT_UNSCHEDULED")
)
"""What does not agree with its own cases."""


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def author(session, community):
    return a_coordinator(session, community, "Anne Aubry")


@pytest.fixture
def approver(session, community):
    return a_coordinator(session, community, "Benoît Blin")


@pytest.fixture
def draft(session, author):
    return a_draft(session, author)


def approved(session, version, by, *, first=TODAY, digest=None):
    versions.approve(
        session,
        version,
        digest=digest or version.digest,
        in_force_from=first,
        today=TODAY,
        by=signing(by),
        now=NOON,
    )
    return version


def stands(session, community, on=TODAY):
    found = versions.listed(session, community.id)
    by_reference = states.of(found, on)
    return {version.number: by_reference[version.reference] for version in found}


def refused(session, constraint, statement):
    """Write around the code; the database says which of its rules forbids it."""
    with pytest.raises(IntegrityError) as refusal, session.begin_nested():
        session.execute(statement)
    assert refusal.value.orig.diag.constraint_name.endswith(constraint)


def change(version, **values):
    return (
        update(ProtocolVersion)
        .where(ProtocolVersion.id == version.id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def test_a_draft_keeps_its_authors_text_letter_for_letter(draft):
    assert draft.document == DOCUMENT
    assert draft.digest == fingerprint(DOCUMENT)
    assert (draft.number, draft.status) == (1, VersionStatus.DRAFT)


def test_each_draft_gets_the_next_number_in_all_of_its_texts(session, author, draft):
    second = a_draft(session, author, versions.texts_of(draft), based_on=draft)

    assert second.number == 2
    for written in (second.document, second.cases, second.english):
        assert "version: 2" in written
    assert second.document.replace("version: 2", "version: 1") == DOCUMENT


def test_a_file_that_says_a_higher_number_keeps_it(session, author, draft):
    ahead = FIRST.numbered(7)

    assert a_draft(session, author, ahead).digest == ahead.digest
    assert a_draft(session, author, FIRST).number == 8


def test_a_text_that_says_no_version_is_no_draft(session, author):
    with pytest.raises(NotBlocks):
        a_draft(session, author, replace(FIRST, document="id: essai\n"))


def test_a_version_whose_proofs_and_cases_pass_is_tested(session, draft, author):
    tried(session, draft, author)

    assert draft.status is VersionStatus.TESTED
    assert draft.trial["counted"]["cases"] == 6
    assert draft.tested_by_name == "Anne Aubry"


def test_a_version_that_contradicts_its_cases_stays_a_draft_and_says_why(session, author):
    draft = tried(session, a_draft(session, author, WEAKER), author)

    assert draft.status is VersionStatus.DRAFT
    assert any("gorge_simple" in fault["text"] for fault in draft.trial["faults"])


def test_what_was_changed_since_its_trial_is_tested_no_more(session, draft, author):
    tried(session, draft, author)

    versions.edit(session, draft, WEAKER, what="motif:gorge", by=signing(author), now=NOON)

    assert draft.status is VersionStatus.DRAFT
    assert draft.trial is None


def test_a_trial_of_another_text_is_not_kept(session, draft, author):
    stale = versions.texts_of(draft)
    versions.edit(session, draft, WEAKER, what="motif:gorge", by=signing(author), now=NOON)

    with pytest.raises(versions.ChangedMeanwhile):
        versions.record_trial(session, draft, Trial(stale, ()), by=signing(author), now=NOON)


def test_only_its_author_changes_a_draft(session, draft, approver):
    with pytest.raises(versions.NotYours):
        versions.edit(session, draft, WEAKER, what="shared", by=signing(approver), now=NOON)


def test_the_author_does_not_sign(session, draft, author):
    tried(session, draft, author)

    with pytest.raises(versions.SamePerson):
        approved(session, draft, author)


def test_what_was_not_tested_is_not_signed(session, draft, approver):
    with pytest.raises(versions.NotTested):
        approved(session, draft, approver)


def test_what_is_signed_is_what_was_read(session, draft, author, approver):
    tried(session, draft, author)

    with pytest.raises(versions.ChangedMeanwhile):
        approved(session, draft, approver, digest=fingerprint("another text"))


@pytest.mark.parametrize("days", [-1, 91])
def test_a_signature_begins_today_or_within_ninety_days(session, draft, author, approver, days):
    tried(session, draft, author)

    with pytest.raises(versions.WrongDay):
        approved(session, draft, approver, first=TODAY + timedelta(days=days))


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2027, 3, 27), date(2028, 3, 26)),
        (date(2028, 2, 29), date(2029, 2, 27)),
        (date(2027, 3, 1), date(2028, 2, 29)),
    ],
)
def test_a_signature_lasts_twelve_months(first, last):
    assert states.last_day(first) == last


def test_a_signed_version_is_in_force_then_expired(session, community, author, approver):
    signed(session, author, approver)

    assert stands(session, community) == {1: State.IN_FORCE}
    assert stands(session, community, date(2028, 3, 26)) == {1: State.IN_FORCE}
    assert stands(session, community, date(2028, 3, 27)) == {1: State.EXPIRED}


def test_a_version_to_come_leaves_the_other_in_force_until_its_day(
    session, community, author, approver
):
    signed(session, author, approver)
    signed(session, approver, author, first=TODAY + timedelta(days=3))

    assert stands(session, community) == {1: State.IN_FORCE, 2: State.TO_COME}
    after = stands(session, community, TODAY + timedelta(days=3))
    assert after == {1: State.REPLACED, 2: State.IN_FORCE}


def test_taking_one_back_brings_the_former_back_in_one_step(session, community, author, approver):
    signed(session, author, approver)
    second = signed(session, author, approver)

    versions.withdraw(session, second, because="Trop de 15", by=signing(author), now=NOON)

    assert stands(session, community) == {1: State.IN_FORCE, 2: State.WITHDRAWN}
    assert serving.chosen(session, community.id, now=NOON).number == 1


@pytest.mark.parametrize("because", ["", "   ", "x" * 501])
def test_nothing_is_taken_back_without_a_reason(session, draft, author, because):
    with pytest.raises(versions.ReasonMissing):
        versions.withdraw(session, draft, because=because, by=signing(author), now=NOON)


def test_what_was_taken_back_stays_so(session, draft, author):
    versions.withdraw(session, draft, because="Erreur", by=signing(author), now=NOON)

    with pytest.raises(versions.NotADraft):
        versions.withdraw(session, draft, because="Encore", by=signing(author), now=NOON)
    with pytest.raises(versions.NotADraft):
        versions.edit(session, draft, WEAKER, what="shared", by=signing(author), now=NOON)


def test_everything_that_is_done_is_in_the_journal(session, author, approver):
    version = signed(session, author, approver)
    versions.withdraw(session, version, because="Essai", by=signing(approver), now=NOON)

    done = journal.acts(session, version)

    assert [(act.act, act.by_name) for act in done] == [
        (Act.IMPORTED, "Anne Aubry"),
        (Act.TESTED, "Anne Aubry"),
        (Act.APPROVED, "Benoît Blin"),
        (Act.WITHDRAWN, "Benoît Blin"),
    ]


def test_another_communitys_version_is_not_there(session, draft):
    far = a_community(session)

    with pytest.raises(versions.NoSuchVersion):
        versions.by_reference(session, far.id, draft.reference)


# Written around the code: what the database itself refuses.


def test_the_database_refuses_an_author_who_signs(session, draft, author):
    tried(session, draft, author)
    values = {
        "status": "APPROVED",
        "approved_by_id": author.id,
        "approved_by_name": "Anne Aubry",
        "approved_at": NOON,
        "in_force_from": TODAY,
        "valid_until": TODAY,
    }

    refused(session, "author_does_not_approve", change(draft, **values))


def test_the_database_refuses_another_author(session, draft, approver):
    refused(session, "author_stays", change(draft, written_by_id=approver.id))


def test_the_database_refuses_to_sign_what_was_not_tested(session, draft, approver):
    values = {
        "status": "APPROVED",
        "approved_by_id": approver.id,
        "approved_by_name": "Benoît Blin",
        "approved_at": NOON,
        "in_force_from": TODAY,
        "valid_until": TODAY,
    }
    sound = {"trial": {"is_sound": True}, "tested_by_id": approver.id}
    tested = sound | {"tested_by_name": "Benoît Blin", "tested_at": NOON}

    refused(session, "only_tested_is_signed", change(draft, **values, **tested))


def test_the_database_refuses_tested_without_a_sound_trial(session, draft):
    refused(session, "tested_is_sound", change(draft, status="TESTED"))


def test_the_database_refuses_another_text_under_the_same_trial(session, draft, author):
    tried(session, draft, author)
    other = WEAKER.document

    refused(
        session,
        "tested_text_stays",
        change(draft, document=other, digest=fingerprint(other), status="TESTED"),
    )
    refused(session, "tested_text_stays", change(draft, cases=CASES + "\n"))


def test_the_database_refuses_a_digest_of_another_text(session, draft):
    refused(session, "digest_is_of_document", change(draft, digest=fingerprint("x")))
    refused(session, "digest_is_of_english", change(draft, english_digest=None))


@pytest.mark.parametrize(
    "values",
    [
        {"document": "x", "digest": fingerprint("x")},
        {"cases": "x"},
        {"status": "DRAFT"},
        {"valid_until": TODAY},
        {"approved_by_name": "Quelqu’un"},
        {"trial": {"is_sound": True}},
    ],
    ids="+".join,
)
def test_the_database_refuses_every_change_of_what_was_signed(session, author, approver, values):
    version = signed(session, author, approver)

    refused(session, "signed_version_never_changes", change(version, **values))


def test_the_database_refuses_to_lose_a_signed_version(session, author, approver):
    version = signed(session, author, approver)
    gone = text("DELETE FROM protocol_version WHERE id = :id").bindparams(id=version.id)

    refused(session, "signed_version_is_kept", gone)


def test_the_database_refuses_to_revive_what_was_taken_back(session, author, approver):
    version = signed(session, author, approver)
    versions.withdraw(session, version, because="Erreur", by=signing(author), now=NOON)
    nobody = dict.fromkeys(
        ("withdrawn_by_id", "withdrawn_by_name", "withdrawn_at", "withdrawn_because")
    )

    refused(
        session, "withdrawn_version_never_changes", change(version, status="APPROVED", **nobody)
    )


def test_the_database_refuses_thirteen_months(session, draft, author, approver):
    tried(session, draft, author)
    values = {
        "status": "APPROVED",
        "approved_by_id": approver.id,
        "approved_by_name": "Benoît Blin",
        "approved_at": NOON,
        "in_force_from": TODAY,
        "valid_until": TODAY.replace(year=TODAY.year + 1),
    }

    refused(session, "lasts_a_year_at_most", change(draft, **values))


def test_the_database_refuses_a_version_that_is_born_signed(session, draft):
    copy = text("""
        INSERT INTO protocol_version (community_id, reference, protocol, number, document, cases,
            digest, status, written_by_id, written_by_name, written_at, changed_at, trial,
            tested_by_id, tested_by_name, tested_at)
        SELECT community_id, gen_random_uuid(), protocol, 99, document, cases, digest, 'TESTED',
            written_by_id, written_by_name, written_at, changed_at, '{"is_sound": true}',
            written_by_id, written_by_name, written_at
          FROM protocol_version
    """)

    refused(session, "version_begins_as_draft", copy)


def test_the_database_refuses_to_rewrite_the_journal(session, draft):
    refused(session, "acts_are_kept", text("UPDATE governance_act SET by_name = 'x'"))
    refused(session, "acts_are_kept", text("DELETE FROM governance_act"))
    assert session.query(GovernanceAct).count() == 1
    assert draft.protocol == NAME
