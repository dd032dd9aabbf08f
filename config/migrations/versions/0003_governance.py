"""Protocol versions, who wrote and who approved them, and from when each is in force."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STEPS = (
    """
    CREATE TABLE protocol_version (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        protocol VARCHAR NOT NULL,
        number INTEGER NOT NULL,
        document VARCHAR NOT NULL,
        cases VARCHAR NOT NULL,
        english VARCHAR,
        digest VARCHAR NOT NULL,
        english_digest VARCHAR,
        based_on_id BIGINT,
        status VARCHAR(20) DEFAULT 'DRAFT' NOT NULL,
        written_by_id BIGINT NOT NULL,
        written_by_name VARCHAR NOT NULL,
        written_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        trial JSONB,
        tested_by_id BIGINT,
        tested_by_name VARCHAR,
        tested_at TIMESTAMP WITH TIME ZONE,
        approved_by_id BIGINT,
        approved_by_name VARCHAR,
        approved_at TIMESTAMP WITH TIME ZONE,
        in_force_from DATE,
        valid_until DATE,
        withdrawn_by_id BIGINT,
        withdrawn_by_name VARCHAR,
        withdrawn_at TIMESTAMP WITH TIME ZONE,
        withdrawn_because VARCHAR,
        CONSTRAINT pk_protocol_version PRIMARY KEY (community_id, id),
        CONSTRAINT uq_protocol_version_reference UNIQUE (community_id, reference),
        CONSTRAINT uq_protocol_version_number UNIQUE (community_id, protocol, number),
        CONSTRAINT fk_protocol_version_community_id_based_on_id FOREIGN KEY(community_id, based_on_id) REFERENCES protocol_version (community_id, id),
        CONSTRAINT fk_protocol_version_community_id_written_by_id FOREIGN KEY(community_id, written_by_id) REFERENCES account (community_id, id),
        CONSTRAINT fk_protocol_version_community_id_tested_by_id FOREIGN KEY(community_id, tested_by_id) REFERENCES account (community_id, id),
        CONSTRAINT fk_protocol_version_community_id_approved_by_id FOREIGN KEY(community_id, approved_by_id) REFERENCES account (community_id, id),
        CONSTRAINT fk_protocol_version_community_id_withdrawn_by_id FOREIGN KEY(community_id, withdrawn_by_id) REFERENCES account (community_id, id),
        CONSTRAINT ck_protocol_version_number_counts CHECK (number >= 1),
        CONSTRAINT ck_protocol_version_author_does_not_approve CHECK (approved_by_id <> written_by_id),
        CONSTRAINT ck_protocol_version_digest_is_of_document CHECK (digest = encode(sha256(convert_to(document, 'UTF8')), 'hex')),
        CONSTRAINT ck_protocol_version_english_digest_is_of_english CHECK ((english IS NULL) = (english_digest IS NULL) AND (english IS NULL OR english_digest = encode(sha256(convert_to(english, 'UTF8')), 'hex'))),
        CONSTRAINT ck_protocol_version_trial_is_whole CHECK (num_nulls(tested_by_id, tested_by_name, tested_at, trial) IN (0, 4)),
        CONSTRAINT ck_protocol_version_tested_is_sound CHECK (status NOT IN ('TESTED', 'APPROVED') OR coalesce(trial ->> 'is_sound', '') = 'true'),
        CONSTRAINT ck_protocol_version_approval_is_whole CHECK (num_nulls(approved_by_id, approved_by_name, approved_at, in_force_from, valid_until) IN (0, 5)),
        CONSTRAINT ck_protocol_version_approved_is_signed CHECK (CASE status WHEN 'APPROVED' THEN approved_at IS NOT NULL WHEN 'WITHDRAWN' THEN true ELSE approved_at IS NULL END),
        CONSTRAINT ck_protocol_version_lasts_a_year_at_most CHECK (valid_until >= in_force_from AND valid_until < in_force_from + interval '1 year'),
        CONSTRAINT ck_protocol_version_withdrawn_by_somebody CHECK (num_nulls(withdrawn_by_id, withdrawn_by_name, withdrawn_at, withdrawn_because) = CASE status WHEN 'WITHDRAWN' THEN 0 ELSE 4 END),
        CONSTRAINT fk_protocol_version_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_protocol_version_versionstatus CHECK (status IN ('DRAFT', 'TESTED', 'APPROVED', 'WITHDRAWN'))
    )
    """,
    """
    CREATE INDEX ix_protocol_version_digest ON protocol_version (community_id, digest)
    """,
    """
    CREATE INDEX ix_protocol_version_signed ON protocol_version (community_id, in_force_from) WHERE approved_at IS NOT NULL
    """,
    """
    CREATE TABLE governance_act (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        version_id BIGINT,
        act VARCHAR(20) NOT NULL,
        by_id BIGINT NOT NULL,
        by_name VARCHAR NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        detail JSONB DEFAULT '{}' NOT NULL,
        CONSTRAINT pk_governance_act PRIMARY KEY (community_id, id),
        CONSTRAINT fk_governance_act_community_id_version_id FOREIGN KEY(community_id, version_id) REFERENCES protocol_version (community_id, id),
        CONSTRAINT fk_governance_act_community_id_by_id FOREIGN KEY(community_id, by_id) REFERENCES account (community_id, id),
        CONSTRAINT ck_governance_act_act_is_on_something CHECK ((version_id IS NULL) = (act = 'RULES_CHOSEN')),
        CONSTRAINT fk_governance_act_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_governance_act_act CHECK (act IN ('IMPORTED', 'DRAFTED', 'EDITED', 'TESTED', 'APPROVED', 'WITHDRAWN', 'RULES_CHOSEN'))
    )
    """,
    """
    CREATE INDEX ix_governance_act_version ON governance_act (community_id, version_id)
    """,
    """
    CREATE FUNCTION protocol_version_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        ending CONSTANT text[] := '{status,withdrawn_by_id,withdrawn_by_name,withdrawn_at,withdrawn_because}';
        wrong text;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            wrong := CASE WHEN OLD.approved_at IS NOT NULL THEN 'signed_version_is_kept' END;
        ELSIF TG_OP = 'INSERT' THEN
            wrong := CASE WHEN NEW.status <> 'DRAFT' THEN 'version_begins_as_draft' END;
        ELSE
            wrong := CASE
                WHEN OLD.status = 'WITHDRAWN' THEN 'withdrawn_version_never_changes'
                WHEN OLD.approved_at IS NOT NULL
                     AND (NEW.status NOT IN ('APPROVED', 'WITHDRAWN') OR to_jsonb(NEW) - ending <> to_jsonb(OLD) - ending)
                    THEN 'signed_version_never_changes'
                WHEN (NEW.id, NEW.reference, NEW.protocol, NEW.number, NEW.written_by_id, NEW.written_by_name, NEW.written_at)
                     IS DISTINCT FROM (OLD.id, OLD.reference, OLD.protocol, OLD.number, OLD.written_by_id, OLD.written_by_name, OLD.written_at)
                    THEN 'author_stays'
                WHEN NEW.status IN ('TESTED', 'APPROVED')
                     AND (NEW.document, NEW.cases, NEW.english) IS DISTINCT FROM (OLD.document, OLD.cases, OLD.english)
                    THEN 'tested_text_stays'
                WHEN NEW.status = 'APPROVED' AND OLD.status NOT IN ('TESTED', 'APPROVED') THEN 'only_tested_is_signed'
            END;
        END IF;
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'protocol_version: %', wrong USING ERRCODE = 'check_violation', CONSTRAINT = wrong;
        END IF;
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END $$
    """,
    """
    CREATE TRIGGER protocol_version_keeps_its_word BEFORE INSERT OR UPDATE OR DELETE ON protocol_version
        FOR EACH ROW EXECUTE FUNCTION protocol_version_keeps_its_word()
    """,
    """
    CREATE FUNCTION governance_act_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'governance_act: append only' USING ERRCODE = 'check_violation', CONSTRAINT = 'acts_are_kept';
    END $$
    """,
    """
    CREATE TRIGGER governance_act_stays BEFORE UPDATE OR DELETE ON governance_act
        FOR EACH ROW EXECUTE FUNCTION governance_act_stays()
    """,
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    op.execute("DROP TABLE governance_act, protocol_version")
    op.execute("DROP FUNCTION governance_act_stays, protocol_version_keeps_its_word")
