"""Who erases what they typed is noted for a restore; a proof shown again has a word of its own."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BEFORE = (
    "'READ', 'WRITE', 'EXPORT', 'FORGET', 'RESEAL', 'REFUSED', 'SIGN_IN', 'SIGN_IN_REFUSED', 'SIGN_OUT',"
    " 'LOCK', 'UNLOCK', 'PASSWORD', 'FACTOR', {}'ACCOUNT', 'INVITE', 'MEMBER', 'KEY'"
)


def steps(provers: str, actions: str, how: str = "") -> tuple[str, ...]:
    return (
        "ALTER TABLE tombstone DROP CONSTRAINT ck_tombstone_provedby",
        f"ALTER TABLE tombstone ADD CONSTRAINT ck_tombstone_provedby CHECK (proved_by IN ({provers}))",
        "ALTER TABLE audit_line DROP CONSTRAINT ck_audit_line_action",
        f"ALTER TABLE audit_line ADD CONSTRAINT ck_audit_line_action CHECK (action IN ({actions})) {how}",
    )


STEPS: tuple[str, ...] = steps(
    "'DOCUMENT', 'CALL', 'PATIENT', 'COMMAND'", BEFORE.format("'PROOF', ")
)
UNDONE: tuple[str, ...] = (
    # Under the constraint as it was they would have to name another proof; the file keeps them.
    "DELETE FROM tombstone WHERE proved_by = 'PATIENT'",
    # Lines of the audit are never changed: those that have the new word stay.
    *steps("'DOCUMENT', 'CALL', 'COMMAND'", BEFORE.format(""), "NOT VALID"),
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
