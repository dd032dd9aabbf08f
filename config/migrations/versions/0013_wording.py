"""A community's own words, who says that they will come, and how much a community sends."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = (
    "ALTER TABLE community ADD COLUMN wording JSONB DEFAULT '{}' NOT NULL",
    "ALTER TABLE booking ADD COLUMN coming_at TIMESTAMP WITH TIME ZONE",
    "CREATE INDEX ix_outbox_message_begun ON outbox_message (community_id, send_at) WHERE attempts > 0 AND channel <> 'EMAIL'",
    """
    CREATE TABLE daily_limit (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        most INTEGER NOT NULL,
        CONSTRAINT pk_daily_limit PRIMARY KEY (community_id, id),
        CONSTRAINT uq_daily_limit_community UNIQUE (community_id),
        CONSTRAINT fk_daily_limit_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_daily_limit_most_is_counted CHECK (most >= 0)
    )
    """,
    """
    CREATE TABLE sms_asked (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        who_hash BYTEA NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_sms_asked PRIMARY KEY (community_id, id),
        CONSTRAINT fk_sms_asked_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_sms_asked_who ON sms_asked (who_hash, at)",
    "CREATE INDEX ix_sms_asked_at ON sms_asked (community_id, at)",
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE sms_asked",
    "DROP TABLE daily_limit",
    "DROP INDEX ix_outbox_message_begun",
    "ALTER TABLE booking DROP COLUMN coming_at",
    "ALTER TABLE community DROP COLUMN wording",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
