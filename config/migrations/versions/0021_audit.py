"""Who read and wrote what: lines that nobody changes, and the chain that shows if somebody did."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ACTORS = "'ACCOUNT', 'API_CLIENT', 'PATIENT_LINK', 'STAFF_LINK', 'PROVIDER', 'VISITOR', 'WORKER', 'COMMAND'"
ACTIONS = (
    "'READ', 'WRITE', 'EXPORT', 'FORGET', 'RESEAL', 'REFUSED', 'SIGN_IN', 'SIGN_IN_REFUSED', 'SIGN_OUT',"
    " 'LOCK', 'UNLOCK', 'PASSWORD', 'FACTOR', 'ACCOUNT', 'INVITE', 'MEMBER', 'KEY'"
)

STEPS: tuple[str, ...] = (
    f"""
    CREATE TABLE audit_line (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        community_id BIGINT,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        actor_kind VARCHAR(20) NOT NULL,
        actor UUID,
        action VARCHAR(20) NOT NULL,
        about_table VARCHAR,
        about UUID,
        route VARCHAR NOT NULL,
        trace UUID,
        how_many INTEGER,
        once BYTEA,
        mac BYTEA NOT NULL,
        CONSTRAINT pk_audit_line PRIMARY KEY (id),
        CONSTRAINT uq_audit_line_reference UNIQUE (reference),
        CONSTRAINT ck_audit_line_actorkind CHECK (actor_kind IN ({ACTORS})),
        CONSTRAINT ck_audit_line_action CHECK (action IN ({ACTIONS}))
    )
    """,
    "CREATE UNIQUE INDEX uq_audit_line_once ON audit_line (once) WHERE once IS NOT NULL",
    "CREATE INDEX ix_audit_line_at ON audit_line (at)",
    "CREATE INDEX ix_audit_line_about ON audit_line (about) WHERE about IS NOT NULL",
    """
    CREATE TABLE audit_link (
        number BIGINT NOT NULL,
        line UUID NOT NULL,
        hash BYTEA NOT NULL,
        CONSTRAINT pk_audit_link PRIMARY KEY (number),
        CONSTRAINT uq_audit_link_line UNIQUE (line)
    )
    """,
    """
    CREATE TABLE audit_start (
        id BIGINT NOT NULL,
        number BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        mac BYTEA NOT NULL,
        CONSTRAINT pk_audit_start PRIMARY KEY (id),
        CONSTRAINT ck_audit_start_is_alone CHECK (id = 1)
    )
    """,
    # Against mistakes and against what gets SQL through a hole; whoever owns the tables can take a
    # trigger away, and then the chain tells. What is a year old is let go by saying so before.
    """
    CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' OR coalesce(current_setting('jourmeme.forgets', true), '') <> 'audit' THEN
            RAISE EXCEPTION 'what was noted stays as it is' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()
        """
        for table in ("audit_line", "audit_link")
    ),
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE audit_start",
    "DROP TABLE audit_link",
    "DROP TABLE audit_line",
    "DROP FUNCTION audit_stays()",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
