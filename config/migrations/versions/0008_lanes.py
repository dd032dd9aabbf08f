"""Several patients at the same time: each slot of such an opening has a lane of its own."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NO_OVERLAP = "ALTER TABLE slot ADD CONSTRAINT slot_no_overlap EXCLUDE USING gist (int8range(professional_id, professional_id, '[]') WITH &&, {lanes}tstzrange(starts_at, ends_at) WITH &&) WHERE (withdrawn_at IS NULL)"

STEPS: tuple[str, ...] = (
    "ALTER TABLE opening ADD COLUMN capacity SMALLINT DEFAULT '1' NOT NULL",
    "ALTER TABLE opening ADD CONSTRAINT ck_opening_capacity_is_small CHECK (capacity BETWEEN 1 AND 12)",
    "ALTER TABLE slot ADD COLUMN lane INTEGER",
    "ALTER TABLE slot ADD CONSTRAINT ck_slot_lane_is_of_an_opening CHECK (lane IS NULL OR (opening_id IS NOT NULL AND lane BETWEEN 0 AND 11))",
    "ALTER TABLE slot DROP CONSTRAINT slot_no_overlap",
    NO_OVERLAP.format(lanes="int4range(COALESCE(lane, 0), lane, '[]') WITH &&, "),
)
UNDONE: tuple[str, ...] = (
    # What nobody has booked can go. Two appointments at one time cannot: going back is refused.
    "UPDATE slot SET withdrawn_at = now(), held_by = NULL, held_until = NULL WHERE lane > 0 AND claimed_by IS NULL AND withdrawn_at IS NULL",
    "ALTER TABLE slot DROP CONSTRAINT slot_no_overlap",
    NO_OVERLAP.format(lanes=""),
    "ALTER TABLE slot DROP COLUMN lane",
    "ALTER TABLE opening DROP COLUMN capacity",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
