"""Professionals are asked, in waves, to take somebody for whom nothing is free."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KINDS = (
    "'CONFIRMATION', 'MOVED', 'CANCELLED', 'CALL_BACK', 'NOTICE', 'REMINDER', 'LATE', 'ESCALATION', "
    "'OFFER'"
)

STEPS: tuple[str, ...] = (
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}, 'HELP'))",
    "ALTER TABLE community ADD COLUMN cascade JSONB DEFAULT '{}' NOT NULL",
    "ALTER TABLE professional ADD COLUMN mobile VARCHAR",
    "ALTER TABLE professional ADD COLUMN accepts_calls_for_help BOOLEAN DEFAULT true NOT NULL",
    """
    CREATE TABLE call_for_help (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        request_id BIGINT NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        started_by UUID,
        wave SMALLINT DEFAULT '0' NOT NULL,
        next_wave_at TIMESTAMP WITH TIME ZONE,
        everybody_asked BOOLEAN DEFAULT false NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        ended_as VARCHAR(20),
        ended_by UUID,
        CONSTRAINT pk_call_for_help PRIMARY KEY (community_id, id),
        CONSTRAINT fk_call_for_help_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT ck_call_for_help_end_is_whole CHECK ((ended_at IS NULL) = (ended_as IS NULL)),
        CONSTRAINT ck_call_for_help_ended_asks_nobody CHECK ((ended_at IS NULL) = (next_wave_at IS NOT NULL)),
        CONSTRAINT ck_call_for_help_stopped_by_somebody CHECK ((ended_by IS NOT NULL) = (ended_as IS NOT DISTINCT FROM 'STOPPED')),
        CONSTRAINT ck_call_for_help_waves_are_counted CHECK (wave >= 0),
        CONSTRAINT fk_call_for_help_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_call_for_help_callend CHECK (ended_as IN ('FILLED', 'GONE', 'EXHAUSTED', 'STOPPED'))
    )
    """,
    "CREATE UNIQUE INDEX uq_call_for_help_live ON call_for_help (community_id, request_id) WHERE ended_at IS NULL",
    "CREATE INDEX ix_call_for_help_request ON call_for_help (community_id, request_id)",
    """
    CREATE TABLE asked (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        call_id BIGINT NOT NULL,
        professional_id BIGINT NOT NULL,
        wave SMALLINT NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        link_hash BYTEA NOT NULL,
        answer VARCHAR(20),
        answered_at TIMESTAMP WITH TIME ZONE,
        slot_id BIGINT,
        CONSTRAINT pk_asked PRIMARY KEY (community_id, id),
        CONSTRAINT fk_asked_community_id_call_id FOREIGN KEY(community_id, call_id) REFERENCES call_for_help (community_id, id),
        CONSTRAINT fk_asked_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT fk_asked_community_id_slot_id FOREIGN KEY(community_id, slot_id) REFERENCES slot (community_id, id),
        CONSTRAINT uq_asked_reference UNIQUE (community_id, reference),
        CONSTRAINT uq_asked_once UNIQUE (community_id, call_id, professional_id),
        CONSTRAINT ck_asked_answer_is_whole CHECK ((answer IS NULL) = (answered_at IS NULL)),
        CONSTRAINT ck_asked_taken_has_hour CHECK ((slot_id IS NULL) = (COALESCE(answer, 'REFUSED') = 'REFUSED')),
        CONSTRAINT ck_asked_waves_are_counted CHECK (wave >= 1),
        CONSTRAINT fk_asked_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_asked_helpanswer CHECK (answer IN ('TAKEN', 'REFUSED', 'LAPSED'))
    )
    """,
    "CREATE UNIQUE INDEX uq_asked_taken ON asked (community_id, call_id) WHERE answer = 'TAKEN'",
    "CREATE INDEX ix_asked_link_hash ON asked (link_hash)",
    "CREATE INDEX ix_asked_professional ON asked (community_id, professional_id, asked_at)",
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE asked",
    "DROP TABLE call_for_help",
    "ALTER TABLE professional DROP COLUMN accepts_calls_for_help",
    "ALTER TABLE professional DROP COLUMN mobile",
    "ALTER TABLE community DROP COLUMN cascade",
    "DELETE FROM outbox_message WHERE kind = 'HELP'",
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}))",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
