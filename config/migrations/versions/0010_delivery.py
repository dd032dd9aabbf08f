"""Ways that follow a message, calls, numbers that want no SMS, stopped senders, replies."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CHANNELS = "('SMS', 'VOICE', 'EMAIL')"

STEPS: tuple[str, ...] = (
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_channel",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_channel CHECK (channel IN {CHANNELS})",
    "ALTER TABLE outbox_message ADD COLUMN language VARCHAR DEFAULT 'fr' NOT NULL",
    "ALTER TABLE outbox_message ADD COLUMN fallbacks JSONB DEFAULT '[]' NOT NULL",
    "ALTER TABLE outbox_message ADD COLUMN follows BIGINT",
    "ALTER TABLE outbox_message ADD COLUMN given_up_id VARCHAR",
    "ALTER TABLE outbox_message ADD CONSTRAINT uq_outbox_message_community_id_follows UNIQUE (community_id, follows)",
    "ALTER TABLE outbox_message ADD CONSTRAINT fk_outbox_message_community_id_follows FOREIGN KEY(community_id, follows) REFERENCES outbox_message (community_id, id)",
    "CREATE INDEX ix_outbox_message_unreported ON outbox_message (call_started_at) WHERE status = 'SENT' AND channel <> 'EMAIL'",
    "CREATE INDEX ix_outbox_message_recipient ON outbox_message (recipient, send_at)",
    """
    CREATE TABLE opt_out (
        phone VARCHAR NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_opt_out PRIMARY KEY (phone)
    )
    """,
    f"""
    CREATE TABLE sender_pause (
        channel VARCHAR(20) NOT NULL,
        why VARCHAR NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_sender_pause PRIMARY KEY (channel),
        CONSTRAINT ck_sender_pause_channel CHECK (channel IN {CHANNELS})
    )
    """,
    """
    CREATE TABLE inbound_message (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        provider_id VARCHAR NOT NULL,
        phone VARCHAR NOT NULL,
        text VARCHAR NOT NULL,
        meaning VARCHAR(20) NOT NULL,
        answer JSONB DEFAULT '[]' NOT NULL,
        came_at TIMESTAMP WITH TIME ZONE NOT NULL,
        needs_somebody BOOLEAN NOT NULL,
        seen_at TIMESTAMP WITH TIME ZONE,
        seen_by UUID,
        CONSTRAINT pk_inbound_message PRIMARY KEY (community_id, id),
        CONSTRAINT uq_inbound_message_community_id_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_inbound_message_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT uq_inbound_message_provider_id UNIQUE (provider_id),
        CONSTRAINT ck_inbound_message_meaning CHECK (meaning IN ('CANCEL', 'STOP', 'START', 'WORSE', 'OTHER'))
    )
    """,
    "CREATE INDEX ix_inbound_message_unseen ON inbound_message (community_id, came_at) WHERE needs_somebody AND seen_at IS NULL",
    "CREATE INDEX ix_inbound_message_phone ON inbound_message (phone, came_at)",
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE inbound_message",
    "DROP TABLE sender_pause",
    "DROP TABLE opt_out",
    "DROP INDEX ix_outbox_message_recipient",
    "DROP INDEX ix_outbox_message_unreported",
    "ALTER TABLE outbox_message DROP COLUMN follows, DROP COLUMN fallbacks, DROP COLUMN language, DROP COLUMN given_up_id",
    "DELETE FROM outbox_message WHERE channel = 'VOICE'",
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_channel",
    "ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_channel CHECK (channel IN ('SMS', 'EMAIL'))",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
