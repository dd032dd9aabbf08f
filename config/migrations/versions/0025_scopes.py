"""What partners may do; who proved by Pro Santé Connect who they are, and has yet to say where."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = (
    "ALTER TABLE api_client ADD scopes varchar[] DEFAULT '{}' NOT NULL",
    # Who had a key could do everything with it.
    "UPDATE api_client SET scopes = ARRAY['bookings:write', 'requests:read', 'requests:write', 'slots:read']",
    "ALTER TABLE api_client ADD CONSTRAINT ck_api_client_scopes_are_known CHECK (scopes <@ ARRAY['bookings:write', 'requests:read', 'requests:write', 'slots:read']::varchar[])",
    """CREATE TABLE national_proof (
        id bigint GENERATED ALWAYS AS IDENTITY,
        token_hash bytea NOT NULL,
        rpps varchar NOT NULL,
        made_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT pk_national_proof PRIMARY KEY (id),
        CONSTRAINT uq_national_proof_token_hash UNIQUE (token_hash)
    )""",
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE national_proof",
    "ALTER TABLE api_client DROP scopes",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
