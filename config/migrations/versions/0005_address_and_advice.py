"""Where somebody sent to the 15 is now; and who said what to do if it gets worse."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STEPS = (
    "ALTER TABLE care_request ADD COLUMN current_address VARCHAR",
    "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_address_is_short CHECK (length(current_address) <= 200)",
    """
    CREATE TABLE safety_net_said (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        assessment_id BIGINT NOT NULL,
        account UUID NOT NULL,
        name VARCHAR NOT NULL,
        said_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_safety_net_said PRIMARY KEY (community_id, id),
        CONSTRAINT fk_safety_net_said_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT fk_safety_net_said_community_id_assessment_id FOREIGN KEY(community_id, assessment_id) REFERENCES assessment (community_id, id),
        CONSTRAINT uq_safety_net_said_assessment UNIQUE (community_id, assessment_id)
    )
    """,
    # That it was said is evidence, as a decision of level is.
    """
    CREATE FUNCTION safety_net_said_is_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'who said the safety net is never changed' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER safety_net_said_is_for_ever BEFORE UPDATE OR DELETE ON safety_net_said
    FOR EACH ROW EXECUTE FUNCTION safety_net_said_is_for_ever()
    """,
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    op.execute("DROP TABLE safety_net_said")
    op.execute("DROP FUNCTION safety_net_said_is_for_ever()")
    op.execute("ALTER TABLE care_request DROP COLUMN current_address")
