"""What a call needs: who holds it, transfers to recheck, decisions by clinicians."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LEVELS = "('NOT_UNSCHEDULED', 'WITHIN_24H', 'SAME_DAY', 'CALL_15_ADVICE', 'CALL_15')"
ORDER = "'{NOT_UNSCHEDULED,WITHIN_24H,SAME_DAY,CALL_15_ADVICE,CALL_15}'::varchar[]"
IS_RAISED = f"array_position({ORDER}, to_level) > array_position({ORDER}, from_level)"

CALLS = (
    "ALTER TABLE care_request ADD COLUMN version INTEGER DEFAULT '0' NOT NULL",
    "ALTER TABLE care_request ADD COLUMN owner UUID",
    "ALTER TABLE care_request ADD COLUMN saved_by UUID",
    "ALTER TABLE care_request ADD COLUMN saved_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE care_request ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE care_request ADD COLUMN caller VARCHAR(20)",
    "ALTER TABLE care_request ADD COLUMN call_by TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE care_request ADD COLUMN doctor_asked_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE care_request ADD COLUMN reasked VARCHAR[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_calleris CHECK (caller IN ('PATIENT', 'BESIDE', 'ELSEWHERE'))",
    "ALTER TABLE care_request DROP CONSTRAINT ck_care_request_channel",
    "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_channel CHECK (channel IN ('WEB', 'PHONE', 'PRACTICE', 'PHARMACIST', 'SAS', 'API'))",
    "CREATE INDEX ix_care_request_phone ON care_request (community_id, phone, created_at) WHERE phone IS NOT NULL",
    "CREATE INDEX ix_care_request_call ON care_request (community_id, created_at) WHERE status = 'DRAFT' AND (owner IS NOT NULL OR phone IS NOT NULL)",
)

DECISIONS = (
    "ALTER TABLE assessment ADD COLUMN latest_start_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE assessment ADD COLUMN decision_id BIGINT",
    # What was judged before keeps the limits that it had when it was judged.
    """
    UPDATE assessment SET latest_start_at =
           CASE level WHEN 'WITHIN_24H' THEN assessed_at + interval '24 hours'
           ELSE coalesce(
               (SELECT deadline FROM care_request
                 WHERE care_request.community_id = assessment.community_id
                   AND care_request.id = assessment.request_id),
               assessed_at + interval '12 hours')
           END
     WHERE level IN ('SAME_DAY', 'WITHIN_24H')
    """,
    "ALTER TABLE assessment ADD CONSTRAINT ck_assessment_bookable_has_limit CHECK ((level IN ('SAME_DAY', 'WITHIN_24H')) = (latest_start_at IS NOT NULL))",
    f"""
    CREATE TABLE level_decision (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        request_id BIGINT NOT NULL,
        assessment_id BIGINT NOT NULL,
        from_level VARCHAR(20) NOT NULL,
        to_level VARCHAR(20) NOT NULL,
        reason VARCHAR NOT NULL,
        account UUID NOT NULL,
        name VARCHAR NOT NULL,
        role VARCHAR(20) NOT NULL,
        professional_id BIGINT,
        profession VARCHAR,
        decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_level_decision PRIMARY KEY (community_id, id),
        CONSTRAINT fk_level_decision_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT fk_level_decision_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT fk_level_decision_from FOREIGN KEY(community_id, assessment_id, request_id, from_level) REFERENCES assessment (community_id, id, request_id, level),
        CONSTRAINT fk_level_decision_community_id_professional_id FOREIGN KEY(community_id, professional_id) REFERENCES professional (community_id, id),
        CONSTRAINT uq_decision_level UNIQUE (community_id, id, request_id, to_level),
        CONSTRAINT ck_level_decision_changes_the_level CHECK (from_level <> to_level),
        CONSTRAINT ck_level_decision_reason_is_said CHECK (btrim(reason) <> ''),
        CONSTRAINT ck_level_decision_clinician_is_whole CHECK ((professional_id IS NULL) = (profession IS NULL)),
        CONSTRAINT ck_level_decision_lowering_has_clinician CHECK ({IS_RAISED} OR coalesce(profession, '') IN ('10', '50')),
        CONSTRAINT ck_level_decision_emergency_lowered_by_doctor CHECK ({IS_RAISED} OR from_level NOT IN ('CALL_15', 'CALL_15_ADVICE') OR coalesce(profession, '') = '10'),
        CONSTRAINT ck_level_decision_from_level CHECK (from_level IN {LEVELS}),
        CONSTRAINT ck_level_decision_to_level CHECK (to_level IN {LEVELS}),
        CONSTRAINT ck_level_decision_role CHECK (role IN ('OPERATOR', 'SECRETARY', 'PROFESSIONAL', 'COORDINATOR', 'ADMINISTRATOR'))
    )
    """,
    "CREATE INDEX ix_level_decision_request ON level_decision (community_id, request_id)",
    "ALTER TABLE assessment ADD CONSTRAINT fk_assessment_decided FOREIGN KEY(community_id, decision_id, request_id, level) REFERENCES level_decision (community_id, id, request_id, to_level)",
    # A decision is evidence: whatever the code around it does, it stays as it was signed.
    """
    CREATE FUNCTION level_decision_is_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a decision of level is never changed' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER level_decision_is_for_ever BEFORE UPDATE OR DELETE ON level_decision
    FOR EACH ROW EXECUTE FUNCTION level_decision_is_for_ever()
    """,
)

FOLLOWED = (
    """
    CREATE TABLE second_look (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        request_id BIGINT NOT NULL,
        assessment_id BIGINT NOT NULL,
        why VARCHAR[] NOT NULL,
        opened_by UUID,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        outcome VARCHAR(20),
        looked_by UUID,
        looked_name VARCHAR,
        looked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_second_look PRIMARY KEY (community_id, id),
        CONSTRAINT fk_second_look_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT fk_second_look_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT fk_second_look_community_id_assessment_id FOREIGN KEY(community_id, assessment_id) REFERENCES assessment (community_id, id),
        CONSTRAINT ck_second_look_second_person CHECK (looked_by <> opened_by),
        CONSTRAINT ck_second_look_look_is_whole CHECK ((outcome IS NULL) = (looked_at IS NULL)),
        CONSTRAINT ck_second_look_looked_by_somebody CHECK (outcome IS NULL OR outcome = 'OVERTAKEN' OR looked_by IS NOT NULL),
        CONSTRAINT ck_second_look_lookoutcome CHECK (outcome IN ('CONFIRMED', 'RAISED', 'OVERTAKEN'))
    )
    """,
    "CREATE UNIQUE INDEX uq_second_look_open ON second_look (community_id, request_id) WHERE outcome IS NULL",
    "CREATE INDEX ix_second_look_due ON second_look (community_id, due_at) WHERE outcome IS NULL",
    """
    CREATE TABLE transfer (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        request_id BIGINT NOT NULL,
        state VARCHAR(20) NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        recheck_by TIMESTAMP WITH TIME ZONE NOT NULL,
        tries INTEGER DEFAULT '0' NOT NULL,
        CONSTRAINT pk_transfer PRIMARY KEY (community_id, id),
        CONSTRAINT fk_transfer_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT fk_transfer_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT ck_transfer_transferstate CHECK (state IN ('TO_RECHECK', 'LINE_TAKEN', 'CALLED_BACK', 'NO_ANSWER', 'CLOSED'))
    )
    """,
    "CREATE UNIQUE INDEX uq_transfer_open ON transfer (community_id, request_id) WHERE state <> 'CLOSED'",
    "CREATE INDEX ix_transfer_open ON transfer (community_id, opened_at) WHERE state <> 'CLOSED'",
    """
    CREATE TABLE transfer_step (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        transfer_id BIGINT NOT NULL,
        state VARCHAR(20) NOT NULL,
        account UUID,
        name VARCHAR,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_transfer_step PRIMARY KEY (community_id, id),
        CONSTRAINT fk_transfer_step_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT fk_transfer_step_community_id_transfer_id FOREIGN KEY(community_id, transfer_id) REFERENCES transfer (community_id, id),
        CONSTRAINT ck_transfer_step_somebody_is_named CHECK ((account IS NULL) = (name IS NULL)),
        CONSTRAINT ck_transfer_step_transferstate CHECK (state IN ('TO_RECHECK', 'LINE_TAKEN', 'CALLED_BACK', 'NO_ANSWER', 'CLOSED'))
    )
    """,
    "CREATE INDEX ix_transfer_step_transfer ON transfer_step (community_id, transfer_id)",
)


def upgrade() -> None:
    for step in (*CALLS, *DECISIONS, *FOLLOWED):
        op.execute(step)


ADDED = (
    "version",
    "owner",
    "saved_by",
    "saved_at",
    "suspended_at",
    "caller",
    "call_by",
    "doctor_asked_at",
    "reasked",
)


def downgrade() -> None:
    op.execute("ALTER TABLE assessment DROP COLUMN decision_id, DROP COLUMN latest_start_at")
    op.execute("DROP TABLE transfer_step, transfer, second_look, level_decision")
    op.execute("DROP FUNCTION level_decision_is_for_ever()")
    op.execute("DROP INDEX ix_care_request_phone, ix_care_request_call")
    op.execute("ALTER TABLE care_request " + ", ".join(f"DROP COLUMN {name}" for name in ADDED))
    op.execute("ALTER TABLE care_request DROP CONSTRAINT ck_care_request_channel")
    op.execute(
        "UPDATE care_request SET channel = 'PHONE' WHERE channel IN ('PRACTICE', 'PHARMACIST', 'SAS')"
    )
    op.execute(
        "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_channel CHECK (channel IN ('WEB', 'PHONE', 'API'))"
    )
