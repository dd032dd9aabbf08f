"""A change of site is something that was done to somebody’s time, and can be taken back."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KINDS = (
    "'PUBLISHED', 'WITHDRAWN', 'OPENING_MADE', 'OPENING_ENDED', 'OPENING_CHANGED', "
    "'DAY_SKIPPED', 'ABSENCE_MADE', 'ABSENCE_ENDED'"
)

STEPS: tuple[str, ...] = (
    "ALTER TABLE supply_act DROP CONSTRAINT ck_supply_act_actkind",
    f"ALTER TABLE supply_act ADD CONSTRAINT ck_supply_act_actkind CHECK (kind IN ({KINDS}, 'RELOCATED'))",
)
UNDONE: tuple[str, ...] = (
    "DELETE FROM supply_act WHERE kind = 'RELOCATED'",
    "ALTER TABLE supply_act DROP CONSTRAINT ck_supply_act_actkind",
    f"ALTER TABLE supply_act ADD CONSTRAINT ck_supply_act_actkind CHECK (kind IN ({KINDS}))",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
