"""What became of an appointment is asked once, and to whom somebody was sent on is kept."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KINDS = (
    "'CONFIRMATION', 'MOVED', 'CANCELLED', 'CALL_BACK', 'NOTICE', 'REMINDER', 'LATE', 'ESCALATION', "
    "'OFFER', 'HELP'"
)

STEPS: tuple[str, ...] = (
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}, 'OUTCOME'))",
    "ALTER TABLE booking ADD COLUMN sent_on_to VARCHAR(20)",
    "ALTER TABLE booking ADD CONSTRAINT ck_booking_sentonto CHECK (sent_on_to IN ('EMERGENCY', 'COLLEAGUE', 'EXAM'))",
    """
    CREATE TABLE outcome_letter (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT NOT NULL,
        link_hash BYTEA NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_outcome_letter PRIMARY KEY (community_id, id),
        CONSTRAINT fk_outcome_letter_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT uq_outcome_letter_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_outcome_letter_ends_after_it_begins CHECK (until > asked_at),
        CONSTRAINT fk_outcome_letter_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_outcome_letter_link_hash ON outcome_letter (link_hash)",
    """
    CREATE TABLE outcome_asked (
        community_id BIGINT NOT NULL,
        booking_id BIGINT NOT NULL,
        letter_id BIGINT NOT NULL,
        CONSTRAINT pk_outcome_asked PRIMARY KEY (community_id, booking_id),
        CONSTRAINT fk_outcome_asked_community_id_booking_id FOREIGN KEY(community_id, booking_id) REFERENCES booking (community_id, id),
        CONSTRAINT fk_outcome_asked_community_id_letter_id FOREIGN KEY(community_id, letter_id) REFERENCES outcome_letter (community_id, id),
        CONSTRAINT fk_outcome_asked_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_outcome_asked_letter ON outcome_asked (community_id, letter_id)",
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE outcome_asked",
    "DROP TABLE outcome_letter",
    "ALTER TABLE booking DROP COLUMN sent_on_to",
    "DELETE FROM outbox_message WHERE kind = 'OUTCOME'",
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}))",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
