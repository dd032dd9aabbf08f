"""Promises: care before a moment, from triage until it is kept, declined or handed over."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE promise (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        request_id BIGINT NOT NULL,
        level VARCHAR(20) NOT NULL,
        began_at TIMESTAMP WITH TIME ZONE NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        decision_id BIGINT,
        next_step_at TIMESTAMP WITH TIME ZONE,
        escalated_to VARCHAR(20),
        escalated_at TIMESTAMP WITH TIME ZONE,
        ended_at TIMESTAMP WITH TIME ZONE,
        ended_as VARCHAR(20),
        reason VARCHAR,
        CONSTRAINT pk_promise PRIMARY KEY (community_id, id),
        CONSTRAINT fk_promise_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT fk_promise_decided FOREIGN KEY(community_id, decision_id, request_id, level) REFERENCES level_decision (community_id, id, request_id, to_level),
        CONSTRAINT ck_promise_level_is_owed_care CHECK (level IN ('SAME_DAY', 'WITHIN_24H')),
        CONSTRAINT ck_promise_due_after_it_began CHECK (due_at > began_at),
        CONSTRAINT ck_promise_end_is_whole CHECK ((ended_at IS NULL) = (ended_as IS NULL)),
        CONSTRAINT ck_promise_other_end_has_reason CHECK ((reason IS NOT NULL) = coalesce(ended_as IN ('DECLINED', 'HANDED_OVER'), false)),
        CONSTRAINT ck_promise_escalation_is_whole CHECK ((escalated_to IS NULL) = (escalated_at IS NULL)),
        CONSTRAINT ck_promise_quiet_once_ended CHECK (ended_at IS NULL OR next_step_at IS NULL),
        CONSTRAINT fk_promise_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_promise_level CHECK (level IN ('NOT_UNSCHEDULED', 'WITHIN_24H', 'SAME_DAY', 'CALL_15_ADVICE', 'CALL_15')),
        CONSTRAINT ck_promise_escalatedto CHECK (escalated_to IN ('OPERATOR', 'COORDINATOR', 'ON_CALL')),
        CONSTRAINT ck_promise_promiseend CHECK (ended_as IN ('KEPT', 'LATE', 'DECLINED', 'HANDED_OVER'))
    )
    """,
    "CREATE INDEX ix_promise_began ON promise (community_id, began_at)",
    "CREATE INDEX ix_promise_due ON promise (community_id, due_at) WHERE ended_at IS NULL",
    "CREATE INDEX ix_promise_next_step ON promise (next_step_at) WHERE next_step_at IS NOT NULL",
    "CREATE INDEX ix_promise_request ON promise (community_id, request_id)",
    "CREATE UNIQUE INDEX uq_promise_open ON promise (community_id, request_id) WHERE ended_at IS NULL",
    """
    CREATE TABLE promise_event (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        promise_id BIGINT NOT NULL,
        what VARCHAR(20) NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        escalated_to VARCHAR(20),
        by VARCHAR NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_promise_event PRIMARY KEY (community_id, id),
        CONSTRAINT fk_promise_event_community_id_promise_id FOREIGN KEY(community_id, promise_id) REFERENCES promise (community_id, id),
        CONSTRAINT ck_promise_event_escalated_to_somebody CHECK ((what = 'ESCALATED') = (escalated_to IS NOT NULL)),
        CONSTRAINT fk_promise_event_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_promise_event_promisechange CHECK (what IN ('BEGAN', 'SOONER', 'LATER', 'ESCALATED', 'TAKEN', 'ENDED', 'RESUMED')),
        CONSTRAINT ck_promise_event_escalatedto CHECK (escalated_to IN ('OPERATOR', 'COORDINATOR', 'ON_CALL'))
    )
    """,
    "CREATE INDEX ix_promise_event_promise ON promise_event (community_id, promise_id)",
)

KINDS = "'CONFIRMATION', 'MOVED', 'CANCELLED', 'CALL_BACK', 'NOTICE', 'REMINDER', 'LATE'"

COLUMNS = (
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}, 'ESCALATION'))",
    "ALTER TABLE community ADD COLUMN alarm_percents SMALLINT[] DEFAULT '{50,75,90}' NOT NULL",
    "ALTER TABLE community ADD COLUMN on_call_phone VARCHAR",
    "ALTER TABLE community ADD COLUMN promises_checked_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE community ADD COLUMN promises_wrong INTEGER DEFAULT '0' NOT NULL",
    "ALTER TABLE community ADD CONSTRAINT ck_community_alarms_follow_each_other CHECK (cardinality(alarm_percents) = 3 AND alarm_percents[1] >= 1 AND alarm_percents[2] > alarm_percents[1] AND alarm_percents[3] > alarm_percents[2] AND alarm_percents[3] <= 99)",
)

OWED = (
    # Whoever waits when this step is applied has a promise from the judgement that first owed
    # them care. One whose time is over wakes nobody: its clock on the lists has said so already.
    """
    INSERT INTO promise (community_id, reference, request_id, level, began_at, due_at, next_step_at)
    SELECT community_id, gen_random_uuid(), id, level, began_at, deadline,
           CASE WHEN deadline > now() THEN began_at + (deadline - began_at) / 2 END
      FROM (SELECT r.community_id, r.id, r.level, r.deadline,
                   least((SELECT coalesce(min(a.assessed_at), r.created_at) FROM assessment a
                           WHERE a.community_id = r.community_id AND a.request_id = r.id
                             AND a.level IN ('SAME_DAY', 'WITHIN_24H')),
                         r.deadline - interval '1 minute') AS began_at
              FROM care_request r WHERE r.status = 'OPEN') AS open
    """,
    # Whoever has an appointment was promised one: kept if it began in time, else late.
    """
    INSERT INTO promise (community_id, reference, request_id, level, began_at, due_at, ended_at, ended_as)
    SELECT r.community_id, gen_random_uuid(), r.id, r.level,
           least(coalesce((SELECT min(a.assessed_at) FROM assessment a
                            WHERE a.community_id = r.community_id AND a.request_id = r.id
                              AND a.level IN ('SAME_DAY', 'WITHIN_24H')), r.created_at),
                 r.deadline - interval '1 minute'),
           r.deadline, b.booked_at,
           CASE WHEN s.starts_at <= r.deadline THEN 'KEPT' ELSE 'LATE' END
      FROM care_request r
      JOIN booking b ON b.community_id = r.community_id AND b.request_id = r.id AND b.status <> 'CANCELLED'
      JOIN slot s ON s.community_id = b.community_id AND s.id = b.slot_id
     WHERE r.status = 'BOOKED'
    """,
    """
    INSERT INTO promise_event (community_id, promise_id, what, due_at, by, at)
    SELECT community_id, id, 'BEGAN', due_at, 'TRIAGE', began_at FROM promise
    UNION ALL
    SELECT community_id, id, 'ENDED', due_at, 'TRIAGE', ended_at FROM promise WHERE ended_at IS NOT NULL
    """,
)

KEPT = (
    """
    CREATE FUNCTION promise_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'a promise that has ended does not change'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF (NEW.community_id, NEW.id, NEW.reference, NEW.request_id, NEW.began_at)
           IS DISTINCT FROM (OLD.community_id, OLD.id, OLD.reference, OLD.request_id, OLD.began_at)
        THEN
            RAISE EXCEPTION 'a promise stays with its request, and began once'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF NEW.due_at > OLD.due_at
           AND (NEW.decision_id IS NULL OR NEW.decision_id IS NOT DISTINCT FROM OLD.decision_id)
        THEN
            RAISE EXCEPTION 'only a clinician who decides gives a promise more time'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER promise_keeps_its_word BEFORE UPDATE ON promise
        FOR EACH ROW EXECUTE FUNCTION promise_keeps_its_word()
    """,
    """
    CREATE FUNCTION promise_goes_with_its_request() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM care_request
                    WHERE community_id = OLD.community_id AND id = OLD.request_id) THEN
            RAISE EXCEPTION 'a promise is not deleted while its request is there'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER promise_goes_with_its_request AFTER DELETE ON promise
        FOR EACH ROW EXECUTE FUNCTION promise_goes_with_its_request()
    """,
    """
    CREATE FUNCTION promise_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' OR EXISTS (SELECT FROM promise
            WHERE community_id = OLD.community_id AND id = OLD.promise_id) THEN
            RAISE EXCEPTION 'what happened to a promise stays'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER promise_event_stays AFTER UPDATE OR DELETE ON promise_event
        FOR EACH ROW EXECUTE FUNCTION promise_event_stays()
    """,
    """
    CREATE FUNCTION request_has_its_promise() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        asked bigint;
    BEGIN
        IF TG_TABLE_NAME = 'promise' THEN asked := NEW.request_id; ELSE asked := NEW.id; END IF;
        IF EXISTS (
            SELECT FROM care_request r
             WHERE r.community_id = NEW.community_id AND r.id = asked AND NOT CASE r.status
                WHEN 'OPEN' THEN EXISTS (
                    SELECT FROM promise p WHERE p.community_id = r.community_id
                       AND p.request_id = r.id AND p.ended_at IS NULL AND p.due_at = r.deadline)
                WHEN 'DRAFT' THEN NOT EXISTS (
                    SELECT FROM promise p WHERE p.community_id = r.community_id
                       AND p.request_id = r.id AND p.ended_at IS NULL
                       AND p.due_at IS DISTINCT FROM r.deadline)
                ELSE NOT EXISTS (
                    SELECT FROM promise p WHERE p.community_id = r.community_id
                       AND p.request_id = r.id AND p.ended_at IS NULL)
                    AND (r.status <> 'BOOKED' OR EXISTS (
                    SELECT FROM promise p WHERE p.community_id = r.community_id
                       AND p.request_id = r.id AND p.ended_as IN ('KEPT', 'LATE')))
                END)
        THEN
            RAISE EXCEPTION 'a request is owed exactly what its promise says'
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'request_has_its_promise';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER request_has_its_promise
        AFTER INSERT OR UPDATE OF status, deadline ON care_request
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.status <> 'DRAFT' OR NEW.deadline IS NOT NULL)
        EXECUTE FUNCTION request_has_its_promise()
    """,
    """
    CREATE CONSTRAINT TRIGGER promise_is_of_its_request
        AFTER INSERT OR UPDATE OF ended_at, due_at ON promise
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        EXECUTE FUNCTION request_has_its_promise()
    """,
)

STEPS: tuple[str, ...] = (*TABLES, *COLUMNS, *OWED, *KEPT)

UNDONE: tuple[str, ...] = (
    "DROP TRIGGER request_has_its_promise ON care_request",
    "DROP TABLE promise_event",
    "DROP TABLE promise",
    "DROP FUNCTION request_has_its_promise()",
    "DROP FUNCTION promise_event_stays()",
    "DROP FUNCTION promise_goes_with_its_request()",
    "DROP FUNCTION promise_keeps_its_word()",
    "ALTER TABLE community DROP COLUMN alarm_percents, DROP COLUMN on_call_phone, DROP COLUMN promises_checked_at, DROP COLUMN promises_wrong",
    "DELETE FROM outbox_message WHERE kind = 'ESCALATION'",
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}))",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
