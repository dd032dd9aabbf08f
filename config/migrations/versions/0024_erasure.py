"""What is kept how long."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE tombstone (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        mark BYTEA NOT NULL,
        erased_at TIMESTAMP WITH TIME ZONE NOT NULL,
        erased_by UUID,
        proved_by VARCHAR(20) NOT NULL,
        CONSTRAINT pk_tombstone PRIMARY KEY (community_id, id),
        CONSTRAINT uq_tombstone_mark UNIQUE (community_id, mark, erased_at),
        CONSTRAINT fk_tombstone_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_tombstone_provedby
            CHECK (proved_by IN ('DOCUMENT', 'CALL', 'COMMAND'))
    )
    """,
    "ALTER TABLE account ADD COLUMN last_seen_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE account ADD COLUMN warned_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE care_request ADD COLUMN notice_version INTEGER",
)
UNDONE: tuple[str, ...] = (
    "ALTER TABLE care_request DROP COLUMN notice_version",
    "ALTER TABLE account DROP COLUMN last_seen_at, DROP COLUMN warned_at",
    "DROP TABLE tombstone",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
