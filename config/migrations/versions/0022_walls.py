"""A second wall between communities.

The wall itself is put up by config.walls after each upgrade: it covers the tables of later steps
too. This number tells databases that have it from those that have not.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UNDONE = (
    """
    DO $$
    DECLARE each record;
    BEGIN
        FOR each IN
            SELECT polname, polrelid::regclass AS tbl FROM pg_policy
             WHERE polname IN ('community', 'everywhere', 'read', 'note')
        LOOP
            EXECUTE format('DROP POLICY %I ON %s', each.polname, each.tbl);
            EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', each.tbl);
        END LOOP;
    END $$
    """,
    "DROP FUNCTION IF EXISTS community_of(bytea)",
    "DROP FUNCTION IF EXISTS community_of_account(text)",
)


def upgrade() -> None:
    """Nothing: see above."""


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
