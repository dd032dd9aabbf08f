"""Slots that are offered to a request for some minutes, and who waits for one."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS = (
    "'CONFIRMATION', 'MOVED', 'CANCELLED', 'CALL_BACK', 'NOTICE', 'REMINDER', 'LATE', 'ESCALATION'"
)

STEPS: tuple[str, ...] = (
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}, 'OFFER'))",
    """
    CREATE TABLE offer (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference UUID NOT NULL,
        request_id BIGINT NOT NULL,
        slot_id BIGINT NOT NULL,
        kind VARCHAR(20) NOT NULL,
        link_hash BYTEA,
        is_to_call BOOLEAN DEFAULT false NOT NULL,
        offered_at TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        answer VARCHAR(20),
        answered_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_offer PRIMARY KEY (community_id, id),
        CONSTRAINT fk_offer_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT fk_offer_community_id_slot_id FOREIGN KEY(community_id, slot_id) REFERENCES slot (community_id, id),
        CONSTRAINT uq_offer_reference UNIQUE (community_id, reference),
        CONSTRAINT ck_offer_ends_after_it_begins CHECK (until > offered_at),
        CONSTRAINT ck_offer_answer_is_whole CHECK ((answer IS NULL) = (answered_at IS NULL)),
        CONSTRAINT fk_offer_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_offer_offerkind CHECK (kind IN ('ALTERNATIVE', 'WAITING_LIST')),
        CONSTRAINT ck_offer_offeranswer CHECK (answer IN ('TAKEN', 'REFUSED', 'LAPSED'))
    )
    """,
    "CREATE UNIQUE INDEX uq_offer_live_slot ON offer (community_id, slot_id) WHERE answered_at IS NULL",
    "CREATE UNIQUE INDEX uq_offer_live_request ON offer (community_id, request_id) WHERE answered_at IS NULL AND kind = 'WAITING_LIST'",
    "CREATE INDEX ix_offer_request ON offer (community_id, request_id)",
    "CREATE INDEX ix_offer_link_hash ON offer (link_hash) WHERE link_hash IS NOT NULL",
    """
    CREATE TABLE wish (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        request_id BIGINT NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_wish PRIMARY KEY (community_id, id),
        CONSTRAINT fk_wish_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id),
        CONSTRAINT ck_wish_ends_after_it_begins CHECK (ended_at >= since),
        CONSTRAINT fk_wish_community_id FOREIGN KEY(community_id) REFERENCES community (id)
    )
    """,
    "CREATE UNIQUE INDEX uq_wish_live ON wish (community_id, request_id) WHERE ended_at IS NULL",
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE wish",
    "DROP TABLE offer",
    "DELETE FROM outbox_message WHERE kind = 'OFFER'",
    "ALTER TABLE outbox_message DROP CONSTRAINT ck_outbox_message_kind",
    f"ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_kind CHECK (kind IN ({KINDS}))",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
