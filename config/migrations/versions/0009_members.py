"""What professionals are enabled for has dates; members are invited, suspended, reinstated."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STEPS = (
    """
    CREATE TABLE enablement (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        professional_id BIGINT NOT NULL,
        code VARCHAR NOT NULL,
        starts_on DATE NOT NULL,
        ends_on DATE,
        created_by UUID,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        withdrawn_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_enablement PRIMARY KEY (community_id, id),
        CONSTRAINT fk_enablement_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT uq_enablement_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_enablement_last_day_after_first CHECK (ends_on >= starts_on),
        CONSTRAINT fk_enablement_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_enablement_professional ON enablement (community_id, professional_id)",
    """
    CREATE TABLE invitation (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        account_id BIGINT NOT NULL,
        token_hash BYTEA NOT NULL,
        created_by UUID,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        accepted_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_invitation PRIMARY KEY (community_id, id),
        CONSTRAINT fk_invitation_community_id_account_id FOREIGN KEY(community_id, account_id) REFERENCES account (community_id, id),
        CONSTRAINT uq_invitation_reference UNIQUE (community_id, reference),
        CONSTRAINT uq_invitation_token_hash UNIQUE (token_hash),
        CONSTRAINT fk_invitation_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE INDEX ix_invitation_account ON invitation (community_id, account_id)",
    # What was declared until now counts from today on, without an end.
    """
    INSERT INTO enablement (community_id, reference, professional_id, code, starts_on, created_at)
    SELECT p.community_id, gen_random_uuid(), p.id, skill, CURRENT_DATE, now()
      FROM professional p CROSS JOIN LATERAL (SELECT DISTINCT unnest(p.skills)) AS s (skill)
    """,
    "ALTER TABLE professional DROP COLUMN skills, ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE",
)
UNDONE = (
    "ALTER TABLE professional DROP COLUMN suspended_at, ADD COLUMN skills VARCHAR[] DEFAULT '{}' NOT NULL",
    """
    UPDATE professional p
       SET skills = ARRAY(
           SELECT DISTINCT code FROM enablement e
            WHERE e.community_id = p.community_id AND e.professional_id = p.id
              AND e.withdrawn_at IS NULL AND CURRENT_DATE BETWEEN e.starts_on
              AND coalesce(e.ends_on, CURRENT_DATE)
            ORDER BY code)
    """,
    "DROP TABLE invitation",
    "DROP TABLE enablement",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
