"""What a booking and a message write becomes less: keys and indexes that others imply."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = (
    # Said by the keys to the rows that these belong to, which hold the community too.
    "ALTER TABLE slot DROP CONSTRAINT fk_slot_community_id",
    "ALTER TABLE booking DROP CONSTRAINT fk_booking_community_id",
    "ALTER TABLE booking_state DROP CONSTRAINT fk_booking_state_community_id",
    "ALTER TABLE promise_event DROP CONSTRAINT fk_promise_event_community_id",
    # Said by fk_booking_triaged: an assessment has its request.
    "ALTER TABLE booking DROP CONSTRAINT fk_booking_community_id_request_id",
    # ix_outbox_message_reference finds it; a random name needs nobody to say that it is the only one.
    "ALTER TABLE outbox_message DROP CONSTRAINT uq_outbox_message_community_id_reference",
    # Few messages follow another: the others need no entry.
    "ALTER TABLE outbox_message DROP CONSTRAINT uq_outbox_message_community_id_follows",
    "CREATE UNIQUE INDEX uq_outbox_message_follows ON outbox_message (community_id, follows) WHERE follows IS NOT NULL",
)
UNDONE: tuple[str, ...] = (
    "DROP INDEX uq_outbox_message_follows",
    "ALTER TABLE outbox_message ADD CONSTRAINT uq_outbox_message_community_id_follows UNIQUE (community_id, follows)",
    "ALTER TABLE outbox_message ADD CONSTRAINT uq_outbox_message_community_id_reference UNIQUE (community_id, reference)",
    "ALTER TABLE booking ADD CONSTRAINT fk_booking_community_id_request_id FOREIGN KEY(community_id, request_id) REFERENCES care_request (community_id, id)",
    "ALTER TABLE promise_event ADD CONSTRAINT fk_promise_event_community_id FOREIGN KEY(community_id) REFERENCES community (id)",
    "ALTER TABLE booking_state ADD CONSTRAINT fk_booking_state_community_id FOREIGN KEY(community_id) REFERENCES community (id)",
    "ALTER TABLE booking ADD CONSTRAINT fk_booking_community_id FOREIGN KEY(community_id) REFERENCES community (id)",
    "ALTER TABLE slot ADD CONSTRAINT fk_slot_community_id FOREIGN KEY(community_id) REFERENCES community (id)",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
