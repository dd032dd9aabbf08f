"""Reserved time that repeats, absences, calendars out and in, and what slots know of them."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE opening (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT NOT NULL,
        site_id BIGINT NOT NULL,
        starts_on DATE NOT NULL,
        ends_on DATE,
        weekdays SMALLINT[] NOT NULL,
        every_weeks SMALLINT DEFAULT '1' NOT NULL,
        from_time TIME WITHOUT TIME ZONE NOT NULL,
        until_time TIME WITHOUT TIME ZONE NOT NULL,
        slot_minutes SMALLINT NOT NULL,
        pause_minutes SMALLINT DEFAULT '0' NOT NULL,
        most_slots SMALLINT,
        mode VARCHAR(20) DEFAULT 'AMB' NOT NULL,
        appointment_type VARCHAR(20) DEFAULT 'ROUTINE' NOT NULL,
        visibility VARCHAR[] NOT NULL,
        complaints VARCHAR[] DEFAULT '{}' NOT NULL,
        only_own_patients BOOLEAN DEFAULT 'false' NOT NULL,
        on_public_holidays BOOLEAN DEFAULT 'false' NOT NULL,
        in_school_holidays BOOLEAN DEFAULT 'true' NOT NULL,
        ladder JSONB,
        created_by UUID,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        made_until DATE,
        CONSTRAINT pk_opening PRIMARY KEY (community_id, id),
        CONSTRAINT fk_opening_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT fk_opening_community_id_site_id FOREIGN KEY(community_id, site_id) REFERENCES site (community_id, id),
        CONSTRAINT uq_opening_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_opening_ends_after_start CHECK (until_time > from_time),
        CONSTRAINT ck_opening_last_day_after_first CHECK (ends_on >= starts_on),
        CONSTRAINT ck_opening_weekdays_are_days CHECK (weekdays <@ '{1,2,3,4,5,6,7}' AND cardinality(weekdays) > 0),
        CONSTRAINT ck_opening_weeks_are_few CHECK (every_weeks BETWEEN 1 AND 4),
        CONSTRAINT ck_opening_slot_is_a_visit CHECK (slot_minutes BETWEEN 5 AND 60),
        CONSTRAINT ck_opening_pause_is_short CHECK (pause_minutes BETWEEN 0 AND 60),
        CONSTRAINT ck_opening_makes_slots CHECK (most_slots > 0),
        CONSTRAINT ck_opening_visibility_is_national CHECK (visibility <@ '{PUBLIC,PRO,SNP,CPTS}' AND cardinality(visibility) > 0),
        CONSTRAINT fk_opening_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_opening_mode CHECK (mode IN ('AMB', 'HH', 'VR')),
        CONSTRAINT ck_opening_appointmenttype CHECK (appointment_type IN ('ROUTINE', 'WALKIN'))
    )
    """,
    "CREATE INDEX ix_opening_live ON opening (community_id, professional_id) WHERE ended_at IS NULL",
    """
    CREATE TABLE opening_skip (
        community_id BIGINT NOT NULL,
        opening_id BIGINT NOT NULL,
        day DATE NOT NULL,
        CONSTRAINT pk_opening_skip PRIMARY KEY (community_id, opening_id, day),
        CONSTRAINT fk_opening_skip_community_id_opening_id FOREIGN KEY(community_id, opening_id) REFERENCES opening (community_id, id),
        CONSTRAINT fk_opening_skip_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE absence (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT NOT NULL,
        starts_on DATE NOT NULL,
        ends_on DATE,
        weekdays SMALLINT[] NOT NULL,
        every_weeks SMALLINT DEFAULT '1' NOT NULL,
        from_time TIME WITHOUT TIME ZONE,
        until_time TIME WITHOUT TIME ZONE,
        created_by UUID,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_absence PRIMARY KEY (community_id, id),
        CONSTRAINT fk_absence_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT uq_absence_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_absence_last_day_after_first CHECK (ends_on >= starts_on),
        CONSTRAINT ck_absence_hours_are_whole CHECK ((from_time IS NULL) = (until_time IS NULL)),
        CONSTRAINT ck_absence_ends_after_start CHECK (until_time > from_time),
        CONSTRAINT ck_absence_weekdays_are_days CHECK (weekdays <@ '{1,2,3,4,5,6,7}' AND cardinality(weekdays) > 0),
        CONSTRAINT ck_absence_weeks_are_few CHECK (every_weeks BETWEEN 1 AND 4),
        CONSTRAINT fk_absence_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_absence_live ON absence (community_id, professional_id) WHERE ended_at IS NULL",
    """
    CREATE TABLE supply_act (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT NOT NULL,
        kind VARCHAR(20) NOT NULL,
        touched JSONB NOT NULL,
        by UUID,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        undone_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_supply_act PRIMARY KEY (community_id, id),
        CONSTRAINT fk_supply_act_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT uq_supply_act_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_supply_act_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_supply_act_actkind CHECK (kind IN ('PUBLISHED', 'WITHDRAWN', 'OPENING_MADE', 'OPENING_ENDED', 'OPENING_CHANGED', 'DAY_SKIPPED', 'ABSENCE_MADE', 'ABSENCE_ENDED'))
    )
    """,
    "CREATE INDEX ix_supply_act_at ON supply_act (community_id, professional_id, at)",
    """
    CREATE TABLE feed (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT,
        site_id BIGINT,
        token_hash BYTEA NOT NULL,
        created_by UUID,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_read_at TIMESTAMP WITH TIME ZONE,
        digest BYTEA,
        changed_at TIMESTAMP WITH TIME ZONE,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_feed PRIMARY KEY (community_id, id),
        CONSTRAINT fk_feed_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT fk_feed_community_id_site_id FOREIGN KEY(community_id, site_id) REFERENCES site (community_id, id),
        CONSTRAINT uq_feed_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_feed_is_of_somebody CHECK (professional_id IS NOT NULL OR site_id IS NOT NULL),
        CONSTRAINT fk_feed_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT uq_feed_token_hash UNIQUE (token_hash)
    )
    """,
    "CREATE INDEX ix_feed_live ON feed (community_id, professional_id) WHERE ended_at IS NULL",
    """
    CREATE TABLE busy_calendar (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT NOT NULL,
        url VARCHAR NOT NULL,
        etag VARCHAR,
        last_modified VARCHAR,
        tried_at TIMESTAMP WITH TIME ZONE,
        read_at TIMESTAMP WITH TIME ZONE,
        covers_until TIMESTAMP WITH TIME ZONE,
        next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
        failure VARCHAR,
        offers_when_unreadable BOOLEAN DEFAULT 'false' NOT NULL,
        site_id BIGINT,
        created_by UUID,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_busy_calendar PRIMARY KEY (community_id, id),
        CONSTRAINT fk_busy_calendar_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT fk_busy_calendar_community_id_site_id FOREIGN KEY(community_id, site_id) REFERENCES site (community_id, id),
        CONSTRAINT uq_busy_calendar_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_busy_calendar_ended_is_forgotten CHECK (ended_at IS NULL OR url = ''),
        CONSTRAINT fk_busy_calendar_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_busy_calendar_due ON busy_calendar (next_try_at) WHERE ended_at IS NULL",
    "CREATE INDEX ix_busy_calendar_professional ON busy_calendar (community_id, professional_id)",
    """
    CREATE TABLE busy_time (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        calendar_id BIGINT NOT NULL,
        professional_id BIGINT NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_busy_time PRIMARY KEY (community_id, id),
        CONSTRAINT fk_busy_time_community_id_calendar_id FOREIGN KEY(community_id, calendar_id) REFERENCES busy_calendar (community_id, id),
        CONSTRAINT ck_busy_time_ends_after_start CHECK (ends_at > starts_at),
        CONSTRAINT fk_busy_time_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_busy_time_of ON busy_time (community_id, professional_id, starts_at)",
    """
    CREATE TABLE calendar_opening (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        calendar_id BIGINT NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        slot_minutes SMALLINT NOT NULL,
        most_slots SMALLINT NOT NULL,
        CONSTRAINT pk_calendar_opening PRIMARY KEY (community_id, id),
        CONSTRAINT fk_calendar_opening_community_id_calendar_id FOREIGN KEY(community_id, calendar_id) REFERENCES busy_calendar (community_id, id),
        CONSTRAINT ck_calendar_opening_ends_after_start CHECK (ends_at > starts_at),
        CONSTRAINT fk_calendar_opening_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_calendar_opening_of ON calendar_opening (community_id, calendar_id, starts_at)",
)

FREE = "INCLUDE (ends_at, id, reference, professional_id, site_id, skills, visibility, mode, held_by, held_until{more}) WHERE claimed_by IS NULL AND withdrawn_at IS NULL{and_free}"

KINDS = "'CONFIRMATION', 'MOVED', 'CANCELLED', 'CALL_BACK', 'NOTICE', 'REMINDER'"

COLUMNS = (
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}, 'LATE'))",
    "ALTER TABLE account ADD COLUMN news_seen_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE community ADD COLUMN ladder JSONB DEFAULT '[]' NOT NULL",
    "ALTER TABLE community ADD COLUMN holidays VARCHAR DEFAULT 'FR' NOT NULL",
    "ALTER TABLE community ADD COLUMN school_zone VARCHAR",
    "ALTER TABLE slot ADD COLUMN opening_id BIGINT",
    "ALTER TABLE slot ADD COLUMN calendar_id BIGINT",
    "ALTER TABLE slot ADD COLUMN complaints VARCHAR[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE slot ADD COLUMN only_own_patients BOOLEAN DEFAULT 'false' NOT NULL",
    "ALTER TABLE slot ADD COLUMN release_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE slot ADD COLUMN release_step INTEGER DEFAULT '0' NOT NULL",
    "ALTER TABLE slot ADD COLUMN busy_since TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE slot ADD COLUMN conflict_kept_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE slot ADD COLUMN set_aside_since TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE slot ADD CONSTRAINT fk_slot_community_id_opening_id FOREIGN KEY(community_id, opening_id) REFERENCES opening (community_id, id)",
    "ALTER TABLE slot ADD CONSTRAINT fk_slot_community_id_calendar_id FOREIGN KEY(community_id, calendar_id) REFERENCES busy_calendar (community_id, id)",
    "CREATE INDEX ix_slot_calendar ON slot (community_id, calendar_id, starts_at) WHERE calendar_id IS NOT NULL",
    "DROP INDEX ix_slot_free",
    "CREATE INDEX ix_slot_free ON slot (community_id, discipline, starts_at) "
    + FREE.format(
        more=", complaints, only_own_patients, set_aside_since", and_free=" AND busy_since IS NULL"
    ),
    "CREATE INDEX ix_slot_release ON slot (release_at) WHERE release_at IS NOT NULL AND claimed_by IS NULL AND withdrawn_at IS NULL",
    "CREATE INDEX ix_slot_set_aside ON slot (starts_at) WHERE set_aside_since IS NOT NULL AND withdrawn_at IS NULL",
    "CREATE INDEX ix_slot_opening ON slot (community_id, opening_id, starts_at) WHERE opening_id IS NOT NULL",
)

UNDONE = (
    "DELETE FROM outbox_message WHERE kind = 'LATE'",
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}))",
    "ALTER TABLE account DROP COLUMN news_seen_at",
    "DROP INDEX ix_slot_free",
    "ALTER TABLE slot DROP COLUMN opening_id, DROP COLUMN calendar_id, DROP COLUMN complaints, DROP COLUMN only_own_patients, DROP COLUMN release_at, DROP COLUMN release_step, DROP COLUMN busy_since, DROP COLUMN conflict_kept_at, DROP COLUMN set_aside_since",
    "CREATE INDEX ix_slot_free ON slot (community_id, discipline, starts_at) "
    + FREE.format(more="", and_free=""),
    "ALTER TABLE community DROP COLUMN ladder, DROP COLUMN holidays, DROP COLUMN school_zone",
    "DROP TABLE calendar_opening",
    "DROP TABLE busy_time",
    "DROP TABLE busy_calendar",
    "DROP TABLE feed",
    "DROP TABLE supply_act",
    "DROP TABLE absence",
    "DROP TABLE opening_skip",
    "DROP TABLE opening",
)


def upgrade() -> None:
    for statement in (*TABLES, *COLUMNS):
        op.execute(statement)


def downgrade() -> None:
    for statement in UNDONE:
        op.execute(statement)
