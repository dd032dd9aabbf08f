"""What partners may do."""

from alembic import op

revision = "0025"
down_revision = "0024"
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
