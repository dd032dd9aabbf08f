"""A patient who erases what they typed is noted for a restore, as whoever asks for it."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = (
    "ALTER TABLE tombstone DROP CONSTRAINT ck_tombstone_provedby",
    """ALTER TABLE tombstone ADD CONSTRAINT ck_tombstone_provedby
        CHECK (proved_by IN ('DOCUMENT', 'CALL', 'PATIENT', 'COMMAND'))""",
)
UNDONE: tuple[str, ...] = (
    # Under the constraint as it was they would have to name another proof; the file keeps them.
    "DELETE FROM tombstone WHERE proved_by = 'PATIENT'",
    "ALTER TABLE tombstone DROP CONSTRAINT ck_tombstone_provedby",
    """ALTER TABLE tombstone ADD CONSTRAINT ck_tombstone_provedby
        CHECK (proved_by IN ('DOCUMENT', 'CALL', 'COMMAND'))""",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
