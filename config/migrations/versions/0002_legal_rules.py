"""Which legal rules each community has switched on: none until somebody says so."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE community ADD COLUMN legal_rules VARCHAR[] DEFAULT '{}' NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE community DROP COLUMN legal_rules")
