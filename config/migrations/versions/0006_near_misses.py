"""What went wrong or nearly, and what the coordinator says of each case of the month."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STEPS = (
    "CREATE INDEX ix_assessment_assessed_at ON assessment (community_id, assessed_at)",
    """
    CREATE TABLE safety_event (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        request_id BIGINT NOT NULL,
        kind VARCHAR(20) NOT NULL,
        what VARCHAR NOT NULL,
        account UUID NOT NULL,
        name VARCHAR NOT NULL,
        role VARCHAR(20) NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_safety_event PRIMARY KEY (community_id, id),
        CONSTRAINT uq_safety_event_reference UNIQUE (community_id, reference),
        CONSTRAINT fk_safety_event_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT fk_safety_event_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT ck_safety_event_what_is_said CHECK (btrim(what) <> '' AND length(what) <= 1000),
        CONSTRAINT ck_safety_event_eventkind CHECK (kind IN ('INCIDENT', 'NEAR_MISS')),
        CONSTRAINT ck_safety_event_role CHECK (role IN ('OPERATOR', 'SECRETARY', 'PROFESSIONAL', 'COORDINATOR', 'ADMINISTRATOR'))
    )
    """,
    "CREATE INDEX ix_safety_event_request ON safety_event (community_id, request_id)",
    "CREATE INDEX ix_safety_event_at ON safety_event (community_id, at)",
    """
    CREATE TABLE case_review (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        request_id BIGINT NOT NULL,
        month DATE NOT NULL,
        why VARCHAR[] NOT NULL,
        verdict VARCHAR(20) NOT NULL,
        comment VARCHAR,
        account UUID NOT NULL,
        name VARCHAR NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_case_review PRIMARY KEY (community_id, id),
        CONSTRAINT fk_case_review_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT fk_case_review_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT ck_case_review_month_is_its_first_day CHECK (extract(day FROM month) = 1),
        CONSTRAINT ck_case_review_read_for_a_reason CHECK (cardinality(why) > 0),
        CONSTRAINT ck_case_review_comment_is_said CHECK (comment IS NULL OR (btrim(comment) <> '' AND length(comment) <= 1000)),
        CONSTRAINT ck_case_review_doubt_is_said CHECK (verdict = 'SOUND' OR comment IS NOT NULL),
        CONSTRAINT ck_case_review_verdict CHECK (verdict IN ('SOUND', 'TO_DISCUSS'))
    )
    """,
    "CREATE INDEX ix_case_review_month ON case_review (community_id, month, request_id)",
    # Both are evidence: whatever the code around them does, they stay as they were written.
    """
    CREATE FUNCTION safety_record_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%: append only', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = 'safety_records_are_kept';
    END $$
    """,
    """
    CREATE TRIGGER safety_event_stays BEFORE UPDATE OR DELETE ON safety_event
        FOR EACH ROW EXECUTE FUNCTION safety_record_stays()
    """,
    """
    CREATE TRIGGER case_review_stays BEFORE UPDATE OR DELETE ON case_review
        FOR EACH ROW EXECUTE FUNCTION safety_record_stays()
    """,
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    op.execute("DROP TABLE case_review, safety_event")
    op.execute("DROP FUNCTION safety_record_stays")
    op.execute("DROP INDEX ix_assessment_assessed_at")
