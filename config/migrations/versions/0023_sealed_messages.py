"""Messages and addresses are sealed."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = ()
UNDONE: tuple[str, ...] = ()


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
