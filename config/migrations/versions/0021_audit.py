"""Who read and wrote what."""

from alembic import op

revision = "0021"
down_revision = "0020"
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
