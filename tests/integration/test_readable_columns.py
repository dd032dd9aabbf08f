"""Every column that may hold words is sealed, or is listed here with the reason why not."""

import pytest
from sqlalchemy import Enum, text

from config import sealed
from config.database import Base

CODES = "codes of ours or of a national list: nobody's words"
TERRITORY = "the territory as its directory shows it to patients: places, lines, opening rules"
STAFF = "who works here, as their screens and the directory name them: they sign what they do"
CLINICAL = "texts and trials of a protocol, signed and public: about no person"
LINKED = "a code that stands beside no name, which the claim's UPDATE compares: see ADR 0018"
OUTSIDE = "a name that another system chose, and that opens nothing"
SPOKEN = "said at the practice's door by whoever has an appointment: it opens nothing alone"
SLOW = "a salted hash that takes long to try"
CHANGED = "says only whether something changed since"
HASHED = "a hash of 128 random bits or more: nothing can be tried until it fits"
KEYED = "a hash that only this installation's secret can make"
SEALED_OTHERWISE = "sealed by its own module: see booking.accounts.authenticators"
PUBLIC = "the public half of a key"

READABLE = {
    TERRITORY: """
        community.name community.slug community.finess community.zone_name community.phone
        community.email community.legal_rules community.ladder community.holidays
        community.school_zone community.alarm_percents community.wording community.cascade
        commune.insee commune.name commune.postal_code
        site.name site.structure site.finess site.address_line site.postal_code site.city site.phone
        site.equipment opening.weekdays opening.visibility opening.complaints opening.ladder
        absence.weekdays slot.discipline slot.skills slot.visibility slot.complaints
        supply_act.touched enablement.code
    """,
    STAFF: """
        professional.rpps professional.civility professional.family_name professional.given_name
        national_proof.rpps
        professional.profession professional.speciality professional.discipline
        professional.languages professional.email
        account.email account.display_name
        api_client.name staff_session.device passkey.name
        level_decision.name level_decision.profession safety_event.name case_review.name
        safety_net_said.name second_look.looked_name transfer_step.name
        protocol_version.written_by_name protocol_version.tested_by_name
        protocol_version.approved_by_name protocol_version.withdrawn_by_name governance_act.by_name
    """,
    CLINICAL: """
        protocol_version.protocol protocol_version.document protocol_version.cases
        protocol_version.english protocol_version.digest protocol_version.english_digest
        protocol_version.trial protocol_version.withdrawn_because governance_act.detail
        assessment.protocol assessment.digest
    """,
    LINKED: """
        care_request.complaints care_request.reasked care_request.sex care_request.commune_insee
        care_request.has_regular_doctor assessment.complaints assessment.routes
    """,
    CODES: """
        care_request.language care_request.declined_because outbox_message.language
        outbox_message.failure busy_calendar.failure sender_pause.why case_review.why
        second_look.why promise.reason booking_state.by promise_event.by
        api_client.scopes audit_line.route audit_line.about_table
    """,
    SPOKEN: "booking.code",
    SLOW: "account.password_hash",
    CHANGED: "feed.digest busy_calendar.etag busy_calendar.last_modified",
    OUTSIDE: """
        inbound_message.provider_id outbox_message.provider_id outbox_message.given_up_id
        idempotency_key.key
    """,
    HASHED: """
        api_client.key_hash care_request.link_hash feed.token_hash
        outcome_letter.link_hash half_sign_in.token_hash invitation.token_hash
        known_device.token_hash password_reset.token_hash recovery_code.code_hash
        staff_session.token_hash asked.link_hash booking.link_hash offer.link_hash
        national_proof.token_hash
    """,
    KEYED: """
        care_request.name_keys care_request.phone_key inbound_message.phone_key
        outbox_message.recipient_key opt_out.phone_key idempotency_key.fingerprint
        sign_in_failure.who_hash sms_asked.who_hash visitor_act.who_hash
        audit_line.once audit_line.mac audit_link.hash audit_start.hash audit_start.mac
        tombstone.mark
    """,
    SEALED_OTHERWISE: "authenticator.secret authenticator.pending",
    PUBLIC: "passkey.credential_id passkey.public_key",
}
"""By reason. A new column of words belongs here only if a thief of the database may read it."""

LISTED = {name for names in READABLE.values() for name in names.split()}

HOLDS_WORDS = text("""
    SELECT table_name || '.' || column_name FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> 'alembic_version'
       AND data_type NOT IN ('bigint', 'integer', 'smallint', 'boolean', 'uuid', 'date',
           'double precision', 'numeric', 'timestamp with time zone', 'time without time zone',
           'tstzrange')
""")
"""By what is left out: a kind of column that nobody thought of is looked at."""


@pytest.fixture(scope="module")
def columns(database):
    with database.connect() as connection:
        found = set(connection.scalars(HOLDS_WORDS))
    # The database refuses all but a few words of ours.
    return found - {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Enum)
    }


SEALED = {
    f"{mapper.class_.__tablename__}.{each.name}"
    for mapper in Base.registry.mappers
    for each in sealed.columns(mapper.class_)
}


def test_every_column_that_may_hold_words_is_sealed_or_listed_with_its_reason(columns):
    assert columns - SEALED - LISTED == set()


def test_nothing_is_listed_that_is_sealed_or_is_not_there(columns):
    assert LISTED - columns == set()
    assert set() == LISTED & SEALED


def test_what_is_sealed_is_bytes_in_the_database(database):
    with database.connect() as connection:
        of_bytes = connection.scalars(
            text("""
            SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND data_type = 'bytea'
            """)
        ).all()
    assert SEALED - set(of_bytes) == set()
