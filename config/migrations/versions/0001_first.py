"""The first tables: supply, demand, messages."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STEPS = (
    """
    CREATE TABLE sign_in_failure (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        who_hash BYTEA NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_sign_in_failure PRIMARY KEY (id)
    )
    """,
    """
    CREATE INDEX ix_sign_in_failure_who ON sign_in_failure (who_hash, at)
    """,
    """
    CREATE TABLE worker_heartbeat (
        id BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_worker_heartbeat PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE community (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        name VARCHAR NOT NULL,
        slug VARCHAR NOT NULL,
        finess VARCHAR,
        zone_name VARCHAR DEFAULT 'Europe/Paris' NOT NULL,
        phone VARCHAR NOT NULL,
        email VARCHAR NOT NULL,
        opens_at TIME WITHOUT TIME ZONE NOT NULL,
        closes_at TIME WITHOUT TIME ZONE NOT NULL,
        CONSTRAINT pk_community PRIMARY KEY (id),
        CONSTRAINT uq_community_reference UNIQUE (reference),
        CONSTRAINT uq_community_slug UNIQUE (slug)
    )
    """,
    """
    CREATE TABLE care_request (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        link_hash BYTEA,
        channel VARCHAR(20) NOT NULL,
        language VARCHAR DEFAULT 'fr' NOT NULL,
        status VARCHAR(20) DEFAULT 'DRAFT' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        opened_by UUID,
        birth_date DATE,
        age_months INTEGER,
        older_by_months INTEGER DEFAULT '0' NOT NULL,
        sex VARCHAR,
        pregnant VARCHAR,
        commune_insee VARCHAR,
        latitude DOUBLE PRECISION,
        longitude DOUBLE PRECISION,
        complaints VARCHAR[] DEFAULT '{}' NOT NULL,
        answers JSONB DEFAULT '{}' NOT NULL,
        note VARCHAR,
        has_regular_doctor VARCHAR,
        regular_doctor UUID,
        level VARCHAR(20),
        assessment_id BIGINT,
        assessed_at TIMESTAMP WITH TIME ZONE,
        deadline TIMESTAMP WITH TIME ZONE,
        is_for_another BOOLEAN DEFAULT 'false' NOT NULL,
        family_name VARCHAR,
        given_name VARCHAR,
        phone VARCHAR,
        may_leave_message BOOLEAN,
        email VARCHAR,
        wants_sms BOOLEAN DEFAULT 'true' NOT NULL,
        call_back_hours VARCHAR,
        call_back_asked_at TIMESTAMP WITH TIME ZONE,
        declined_because VARCHAR,
        CONSTRAINT pk_care_request PRIMARY KEY (community_id, id),
        CONSTRAINT uq_care_request_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_care_request_level_is_assessed CHECK ((level IS NULL) = (assessment_id IS NULL)),
        CONSTRAINT ck_care_request_owed_has_deadline CHECK (status NOT IN ('OPEN', 'BOOKED') OR deadline IS NOT NULL),
        CONSTRAINT ck_care_request_note_is_short CHECK (note IS NULL OR length(note) <= 80),
        CONSTRAINT fk_care_request_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_care_request_channel CHECK (channel IN ('WEB', 'PHONE', 'API')),
        CONSTRAINT ck_care_request_requeststatus CHECK (status IN ('DRAFT', 'OPEN', 'BOOKED', 'EMERGENCY', 'ADVISED', 'DECLINED')),
        CONSTRAINT ck_care_request_level CHECK (level IN ('NOT_UNSCHEDULED', 'WITHIN_24H', 'SAME_DAY', 'CALL_15_ADVICE', 'CALL_15'))
    )
    """,
    """
    CREATE INDEX ix_care_request_link_hash ON care_request (link_hash)
    """,
    """
    CREATE INDEX ix_care_request_open ON care_request (community_id, deadline) WHERE status = 'OPEN' OR (status = 'DRAFT' AND call_back_asked_at IS NOT NULL)
    """,
    """
    CREATE TABLE api_client (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        name VARCHAR NOT NULL,
        key_hash BYTEA NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_api_client PRIMARY KEY (community_id, id),
        CONSTRAINT uq_api_client_key UNIQUE (community_id, key_hash),
        CONSTRAINT fk_api_client_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE INDEX ix_api_client_key_hash ON api_client (key_hash)
    """,
    """
    CREATE TABLE commune (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        insee VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        postal_code VARCHAR NOT NULL,
        latitude DOUBLE PRECISION NOT NULL,
        longitude DOUBLE PRECISION NOT NULL,
        CONSTRAINT pk_commune PRIMARY KEY (community_id, id),
        CONSTRAINT uq_commune_insee UNIQUE (community_id, insee),
        CONSTRAINT fk_commune_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE site (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        name VARCHAR NOT NULL,
        structure VARCHAR NOT NULL,
        finess VARCHAR,
        address_line VARCHAR NOT NULL,
        postal_code VARCHAR NOT NULL,
        city VARCHAR NOT NULL,
        latitude DOUBLE PRECISION NOT NULL,
        longitude DOUBLE PRECISION NOT NULL,
        phone VARCHAR NOT NULL,
        is_wheelchair_accessible BOOLEAN NOT NULL,
        equipment VARCHAR[] DEFAULT '{}' NOT NULL,
        CONSTRAINT pk_site PRIMARY KEY (community_id, id),
        CONSTRAINT uq_site_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_site_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE professional (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        rpps VARCHAR NOT NULL,
        civility VARCHAR DEFAULT '' NOT NULL,
        family_name VARCHAR NOT NULL,
        given_name VARCHAR NOT NULL,
        profession VARCHAR NOT NULL,
        speciality VARCHAR,
        discipline VARCHAR NOT NULL,
        languages VARCHAR[] DEFAULT '{fr}' NOT NULL,
        skills VARCHAR[] DEFAULT '{}' NOT NULL,
        email VARCHAR,
        CONSTRAINT pk_professional PRIMARY KEY (community_id, id),
        CONSTRAINT uq_professional_reference UNIQUE (community_id, reference),
        CONSTRAINT uq_professional_rpps UNIQUE (community_id, rpps),
        CONSTRAINT ck_professional_rpps_is_eleven_digits CHECK (rpps ~ '^[0-9]{11}$'),
        CONSTRAINT fk_professional_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE outbox_message (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        about UUID NOT NULL,
        version INTEGER NOT NULL,
        kind VARCHAR(20) NOT NULL,
        channel VARCHAR(20) NOT NULL,
        recipient VARCHAR NOT NULL,
        subject VARCHAR,
        text VARCHAR NOT NULL,
        invitation JSONB,
        send_at TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        status VARCHAR(20) NOT NULL,
        attempts INTEGER NOT NULL,
        lease UUID,
        lease_until TIMESTAMP WITH TIME ZONE,
        call_started_at TIMESTAMP WITH TIME ZONE,
        provider_id VARCHAR,
        failure VARCHAR,
        CONSTRAINT pk_outbox_message PRIMARY KEY (community_id, id),
        CONSTRAINT uq_outbox_message_community_id_reference UNIQUE (community_id, reference),
        CONSTRAINT uq_outbox_message_promised_once UNIQUE (community_id, about, version, kind, channel, recipient),
        CONSTRAINT ck_outbox_message_lease_is_whole CHECK ((lease IS NULL) = (lease_until IS NULL)),
        CONSTRAINT ck_outbox_message_lease_is_for_sending CHECK ((lease IS NOT NULL) = (status = 'SENDING')),
        CONSTRAINT ck_outbox_message_email_has_subject CHECK (channel <> 'EMAIL' OR subject IS NOT NULL),
        CONSTRAINT ck_outbox_message_attempts_are_counted CHECK (attempts >= 0),
        CONSTRAINT fk_outbox_message_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_outbox_message_kind CHECK (kind IN ('CONFIRMATION', 'MOVED', 'CANCELLED', 'CALL_BACK', 'NOTICE', 'REMINDER')),
        CONSTRAINT ck_outbox_message_channel CHECK (channel IN ('SMS', 'EMAIL')),
        CONSTRAINT ck_outbox_message_status CHECK (status IN ('WAITING', 'SENDING', 'SENT', 'DELIVERED', 'UNDELIVERED', 'FAILED', 'WITHDRAWN', 'EXPIRED', 'UNKNOWN'))
    )
    """,
    """
    CREATE INDEX ix_outbox_message_due ON outbox_message (send_at) WHERE status IN ('WAITING', 'SENDING')
    """,
    """
    CREATE INDEX ix_outbox_message_reference ON outbox_message (reference)
    """,
    """
    CREATE TABLE assessment (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        request_id BIGINT NOT NULL,
        level VARCHAR(20) NOT NULL,
        protocol VARCHAR NOT NULL,
        version INTEGER NOT NULL,
        digest VARCHAR NOT NULL,
        patient JSONB NOT NULL,
        complaints VARCHAR[] NOT NULL,
        answers JSONB NOT NULL,
        reasons JSONB NOT NULL,
        routes JSONB NOT NULL,
        safety_net VARCHAR NOT NULL,
        assessed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_assessment PRIMARY KEY (community_id, id),
        CONSTRAINT fk_assessment_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT uq_assessment_level UNIQUE (community_id, id, request_id, level),
        CONSTRAINT fk_assessment_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_assessment_level CHECK (level IN ('NOT_UNSCHEDULED', 'WITHIN_24H', 'SAME_DAY', 'CALL_15_ADVICE', 'CALL_15'))
    )
    """,
    """
    CREATE TABLE account (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        email VARCHAR NOT NULL,
        display_name VARCHAR NOT NULL,
        password_hash VARCHAR NOT NULL,
        role VARCHAR(20) NOT NULL,
        professional_id BIGINT,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        closed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_account PRIMARY KEY (community_id, id),
        CONSTRAINT uq_account_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_account_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT ck_account_email_is_lower_case CHECK (email = lower(email)),
        CONSTRAINT ck_account_professional_is_somebody CHECK ((role = 'PROFESSIONAL') = (professional_id IS NOT NULL)),
        CONSTRAINT fk_account_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT uq_account_email UNIQUE (email),
        CONSTRAINT ck_account_role CHECK (role IN ('OPERATOR', 'SECRETARY', 'PROFESSIONAL', 'COORDINATOR', 'ADMINISTRATOR'))
    )
    """,
    """
    CREATE TABLE idempotency_key (
        community_id BIGINT NOT NULL,
        client_id BIGINT NOT NULL,
        key VARCHAR NOT NULL,
        fingerprint BYTEA NOT NULL,
        status INTEGER NOT NULL,
        body JSONB NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_idempotency_key PRIMARY KEY (community_id, client_id, key),
        CONSTRAINT fk_idempotency_key_community_id_client_id FOREIGN KEY(community_id, client_id) REFERENCES api_client (community_id, id),
        CONSTRAINT fk_idempotency_key_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE INDEX ix_idempotency_key_created ON idempotency_key (created_at)
    """,
    """
    CREATE TABLE professional_site (
        community_id BIGINT NOT NULL,
        professional_id BIGINT NOT NULL,
        site_id BIGINT NOT NULL,
        CONSTRAINT pk_professional_site PRIMARY KEY (community_id, professional_id, site_id),
        CONSTRAINT fk_professional_site_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT fk_professional_site_community_id_site_id FOREIGN KEY(community_id, site_id) REFERENCES site (community_id, id),
        CONSTRAINT fk_professional_site_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE slot (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT NOT NULL,
        site_id BIGINT NOT NULL,
        discipline VARCHAR NOT NULL,
        skills VARCHAR[] DEFAULT '{}' NOT NULL,
        visibility VARCHAR[] NOT NULL,
        mode VARCHAR(20) DEFAULT 'AMB' NOT NULL,
        appointment_type VARCHAR(20) DEFAULT 'ROUTINE' NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        held_by UUID,
        held_until TIMESTAMP WITH TIME ZONE,
        claimed_by UUID,
        claimed_at TIMESTAMP WITH TIME ZONE,
        withdrawn_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_slot PRIMARY KEY (community_id, id),
        CONSTRAINT fk_slot_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT fk_slot_community_id_site_id FOREIGN KEY(community_id, site_id) REFERENCES site (community_id, id),
        CONSTRAINT uq_slot_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_slot_ends_after_start CHECK (ends_at > starts_at),
        CONSTRAINT ck_slot_hold_is_whole CHECK ((held_by IS NULL) = (held_until IS NULL)),
        CONSTRAINT ck_slot_claim_is_whole CHECK ((claimed_by IS NULL) = (claimed_at IS NULL)),
        CONSTRAINT ck_slot_claim_ends_hold CHECK (held_by IS NULL OR claimed_by IS NULL),
        CONSTRAINT ck_slot_claimed_stays CHECK (withdrawn_at IS NULL OR claimed_by IS NULL),
        CONSTRAINT ck_slot_visibility_is_national CHECK (visibility <@ '{PUBLIC,PRO,SNP,CPTS}' AND cardinality(visibility) > 0),
        CONSTRAINT slot_no_overlap EXCLUDE USING gist (int8range(professional_id, professional_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&) WHERE (withdrawn_at IS NULL),
        CONSTRAINT fk_slot_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_slot_mode CHECK (mode IN ('AMB', 'HH', 'VR')),
        CONSTRAINT ck_slot_appointmenttype CHECK (appointment_type IN ('ROUTINE', 'WALKIN'))
    )
    """,
    """
    CREATE INDEX ix_slot_free ON slot (community_id, discipline, starts_at) INCLUDE (ends_at, id, reference, professional_id, site_id, skills, visibility, mode, held_by, held_until) WHERE claimed_by IS NULL AND withdrawn_at IS NULL
    """,
    """
    CREATE INDEX ix_slot_held ON slot (community_id, held_by) WHERE held_by IS NOT NULL
    """,
    """
    CREATE UNIQUE INDEX ix_slot_claimed ON slot (community_id, claimed_by) WHERE claimed_by IS NOT NULL
    """,
    """
    CREATE INDEX ix_slot_day ON slot (community_id, professional_id, starts_at)
    """,
    """
    CREATE TABLE booking (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        request_id BIGINT NOT NULL,
        assessment_id BIGINT NOT NULL,
        level VARCHAR(20) NOT NULL,
        slot_id BIGINT NOT NULL,
        status VARCHAR(20) DEFAULT 'CONFIRMED' NOT NULL,
        cancelled_by VARCHAR(20),
        version INTEGER DEFAULT '0' NOT NULL,
        link_hash BYTEA NOT NULL,
        code VARCHAR NOT NULL,
        booked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_booking PRIMARY KEY (community_id, id),
        CONSTRAINT uq_booking_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_booking_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT fk_booking_triaged FOREIGN KEY(community_id, assessment_id, request_id, level) REFERENCES assessment (community_id, id, request_id, level),
        CONSTRAINT fk_booking_community_id_slot_id FOREIGN KEY(community_id, slot_id) REFERENCES slot (community_id, id),
        CONSTRAINT ck_booking_level_allows_booking CHECK (level IN ('SAME_DAY', 'WITHIN_24H')),
        CONSTRAINT ck_booking_cancelled_by_somebody CHECK ((status = 'CANCELLED') = (cancelled_by IS NOT NULL)),
        CONSTRAINT fk_booking_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_booking_level CHECK (level IN ('NOT_UNSCHEDULED', 'WITHIN_24H', 'SAME_DAY', 'CALL_15_ADVICE', 'CALL_15')),
        CONSTRAINT ck_booking_bookingstatus CHECK (status IN ('CONFIRMED', 'ARRIVED', 'HONOURED', 'NO_SHOW', 'CANCELLED')),
        CONSTRAINT ck_booking_cancelledby CHECK (cancelled_by IN ('PATIENT', 'PRACTICE'))
    )
    """,
    """
    CREATE UNIQUE INDEX uq_booking_live_slot ON booking (community_id, slot_id) WHERE status <> 'CANCELLED'
    """,
    """
    CREATE INDEX ix_booking_link_hash ON booking (link_hash)
    """,
    """
    CREATE UNIQUE INDEX uq_booking_live_request ON booking (community_id, request_id) WHERE status <> 'CANCELLED'
    """,
    """
    CREATE TABLE account_site (
        community_id BIGINT NOT NULL,
        account_id BIGINT NOT NULL,
        site_id BIGINT NOT NULL,
        CONSTRAINT pk_account_site PRIMARY KEY (community_id, account_id, site_id),
        CONSTRAINT fk_account_site_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT fk_account_site_community_id_site_id FOREIGN KEY(community_id, site_id) REFERENCES site (community_id, id),
        CONSTRAINT fk_account_site_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE staff_session (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        account_id BIGINT NOT NULL,
        token_hash BYTEA NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_staff_session PRIMARY KEY (community_id, id),
        CONSTRAINT fk_staff_session_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT uq_staff_session_token UNIQUE (community_id, token_hash),
        CONSTRAINT fk_staff_session_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE INDEX ix_staff_session_token_hash ON staff_session (token_hash)
    """,
    """
    CREATE TABLE booking_state (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        booking_id BIGINT NOT NULL,
        version INTEGER NOT NULL,
        status VARCHAR(20) NOT NULL,
        slot_id BIGINT NOT NULL,
        by VARCHAR NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_booking_state PRIMARY KEY (community_id, id),
        CONSTRAINT fk_booking_state_community_id_booking_id FOREIGN KEY(community_id, booking_id) REFERENCES booking (community_id, id),
        CONSTRAINT fk_booking_state_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_booking_state_bookingstatus CHECK (status IN ('CONFIRMED', 'ARRIVED', 'HONOURED', 'NO_SHOW', 'CANCELLED'))
    )
    """,
    """
    CREATE INDEX ix_booking_state_booking ON booking_state (community_id, booking_id)
    """,
    """
    ALTER TABLE care_request ADD CONSTRAINT fk_care_request_community_id_assessment_id FOREIGN KEY(community_id, assessment_id) REFERENCES assessment (community_id, id)
    """,
)

TABLES = (
    "community",
    "sign_in_failure",
    "worker_heartbeat",
    "api_client",
    "care_request",
    "commune",
    "outbox_message",
    "professional",
    "site",
    "account",
    "assessment",
    "idempotency_key",
    "professional_site",
    "slot",
    "account_site",
    "booking",
    "staff_session",
    "booking_state",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(TABLES)} CASCADE")
