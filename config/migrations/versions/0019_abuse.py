"""What keeps anonymous visitors from taking care away from others."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE visitor_act (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        community_id BIGINT,
        kind VARCHAR(20) NOT NULL,
        who_hash BYTEA NOT NULL,
        about UUID,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_visitor_act PRIMARY KEY (id),
        CONSTRAINT fk_visitor_act_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_visitor_act_visitordid
            CHECK (kind IN ('BEGAN', 'HELD', 'BOOKED', 'GAVE_PHONE', 'WRONG_LINK'))
    )
    """,
    "CREATE INDEX ix_visitor_act_who ON visitor_act (kind, who_hash, at)",
    "CREATE INDEX ix_visitor_act_community ON visitor_act (community_id, kind, at)",
    "CREATE INDEX ix_visitor_act_about ON visitor_act (about)",
    """
    CREATE TABLE form_door (
        community_id BIGINT NOT NULL,
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        mode VARCHAR(20) NOT NULL,
        changed_by UUID NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_form_door PRIMARY KEY (community_id, id),
        CONSTRAINT uq_form_door_community UNIQUE (community_id),
        CONSTRAINT fk_form_door_community_id FOREIGN KEY(community_id) REFERENCES community (id),
        CONSTRAINT ck_form_door_formmode CHECK (mode IN ('WATCHED', 'OPEN', 'CLOSED'))
    )
    """,
)
UNDONE: tuple[str, ...] = (
    "DROP TABLE form_door",
    "DROP TABLE visitor_act",
)


def upgrade() -> None:
    for step in STEPS:
        op.execute(step)


def downgrade() -> None:
    for step in UNDONE:
        op.execute(step)
