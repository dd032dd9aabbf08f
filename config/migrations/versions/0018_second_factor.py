"""Whoever works here proves it twice."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE authenticator (
        community_id BIGINT NOT NULL,
        account_id BIGINT NOT NULL,
        secret BYTEA,
        confirmed_at TIMESTAMP WITH TIME ZONE,
        last_counter BIGINT,
        pending BYTEA,
        pending_since TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_authenticator PRIMARY KEY (community_id, account_id),
        CONSTRAINT fk_authenticator_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT ck_authenticator_confirmed_is_whole CHECK ((secret IS NULL) = (confirmed_at IS NULL)),
        CONSTRAINT ck_authenticator_pending_is_whole CHECK ((pending IS NULL) = (pending_since IS NULL)),
        CONSTRAINT fk_authenticator_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE recovery_code (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        account_id BIGINT NOT NULL,
        code_hash BYTEA NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        used_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_recovery_code PRIMARY KEY (community_id, id),
        CONSTRAINT fk_recovery_code_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT uq_recovery_code_hash UNIQUE (community_id, account_id, code_hash),
        CONSTRAINT fk_recovery_code_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    """
    CREATE TABLE passkey (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        account_id BIGINT NOT NULL,
        name VARCHAR NOT NULL,
        credential_id BYTEA NOT NULL,
        public_key BYTEA NOT NULL,
        sign_count BIGINT NOT NULL,
        added_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_used_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_passkey PRIMARY KEY (community_id, id),
        CONSTRAINT fk_passkey_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT uq_passkey_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_passkey_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT uq_passkey_credential_id UNIQUE (credential_id)
    )
    """,
    "CREATE INDEX ix_passkey_account ON passkey (community_id, account_id)",
    """
    CREATE TABLE half_sign_in (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        account_id BIGINT NOT NULL,
        token_hash BYTEA NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_half_sign_in PRIMARY KEY (community_id, id),
        CONSTRAINT fk_half_sign_in_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT fk_half_sign_in_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT uq_half_sign_in_token_hash UNIQUE (token_hash)
    )
    """,
    "CREATE INDEX ix_half_sign_in_account ON half_sign_in (community_id, account_id)",
    """
    CREATE TABLE password_reset (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        account_id BIGINT NOT NULL,
        token_hash BYTEA NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_password_reset PRIMARY KEY (community_id, id),
        CONSTRAINT fk_password_reset_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT uq_password_reset_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_password_reset_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT uq_password_reset_token_hash UNIQUE (token_hash)
    )
    """,
    "CREATE INDEX ix_password_reset_account ON password_reset (community_id, account_id)",
    """
    CREATE TABLE known_device (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        account_id BIGINT NOT NULL,
        token_hash BYTEA NOT NULL,
        last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_known_device PRIMARY KEY (community_id, id),
        CONSTRAINT fk_known_device_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT uq_known_device_token UNIQUE (community_id, account_id, token_hash),
        CONSTRAINT fk_known_device_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_known_device_token_hash ON known_device (token_hash)",
    # With defaults: the code before this one goes on making sessions.
    """
    ALTER TABLE staff_session
        ADD COLUMN reference UUID DEFAULT gen_random_uuid() NOT NULL,
        ADD COLUMN proved_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN locked_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN device VARCHAR DEFAULT '' NOT NULL,
        ADD CONSTRAINT uq_staff_session_reference UNIQUE (community_id, reference)
    """,
    "CREATE INDEX ix_staff_session_account ON staff_session (community_id, account_id)",
)
UNDONE: tuple[str, ...] = (
    "DROP INDEX ix_staff_session_account",
    """
    ALTER TABLE staff_session
        DROP COLUMN reference, DROP COLUMN proved_at, DROP COLUMN locked_at, DROP COLUMN device
    """,
    "DROP TABLE known_device, password_reset, half_sign_in, passkey, recovery_code, authenticator",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
