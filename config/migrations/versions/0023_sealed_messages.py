"""What messages say and to whom, and whatever else people wrote in their own words, is sealed."""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

from config import sealed

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

PLAIN: Mapping[str, Mapping[str, str]] = {
    "community": {"on_call_phone": "varchar"},
    "care_request": {"call_back_hours": "varchar"},
    "outbox_message": {
        "recipient": "varchar",
        "subject": "varchar",
        "text": "varchar",
        "invitation": "jsonb",
        "fallbacks": "jsonb",
    },
    "inbound_message": {"answer": "jsonb"},
    "opt_out": {"phone": "varchar"},
    "busy_calendar": {"url": "varchar"},
    "idempotency_key": {"body": "jsonb"},
    "professional": {"mobile": "varchar"},
    "level_decision": {"reason": "varchar"},
    "safety_event": {"what": "varchar"},
    "case_review": {"comment": "varchar"},
}
"""What was written for everybody to read who has the database, and how."""

NOTHING = {"text": "", "url": "", "fallbacks": "[]", "answer": "[]", "body": "{}"}
"""What stood there for nothing; now there is NULL."""

KEPT_FOR_EVER = {
    "level_decision": "level_decision_is_for_ever",
    "safety_event": "safety_event_stays",
    "case_review": "case_review_stays",
}
"""What refuses every change of these, by their triggers: but not this one."""

NAMED = ("opt_out", "idempotency_key", "case_review")
"""Had no public name: what is sealed is tied to one."""

KEYS = {
    "community": ("id",),
    "opt_out": ("reference",),
    "idempotency_key": ("community_id", "client_id", "key"),
}
USUAL_KEY = ("community_id", "id")

BATCH = 500

ADDED = (
    *(
        f"ALTER TABLE {table} ADD reference uuid DEFAULT gen_random_uuid() NOT NULL"
        for table in NAMED
    ),
    *(f"ALTER TABLE {table} ALTER reference DROP DEFAULT" for table in NAMED),
    "ALTER TABLE outbox_message ADD recipient_key bytea",
    "ALTER TABLE opt_out ADD phone_key bytea",
)

# A column takes its indexes and constraints along when it goes: they are made anew of the other.
GUARDS = (
    "ALTER TABLE outbox_message ALTER recipient_key SET NOT NULL",
    "ALTER TABLE outbox_message ADD CONSTRAINT uq_outbox_message_promised_once UNIQUE (community_id, about, version, kind, channel, recipient_key)",
    "ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_email_has_subject CHECK (channel <> 'EMAIL' OR subject IS NOT NULL OR text IS NULL)",
    "CREATE INDEX ix_outbox_message_recipient ON outbox_message (recipient_key, send_at)",
    "ALTER TABLE opt_out ADD CONSTRAINT pk_opt_out PRIMARY KEY (phone_key)",
    "ALTER TABLE busy_calendar ADD CONSTRAINT ck_busy_calendar_ended_is_forgotten CHECK (ended_at IS NULL OR url IS NULL)",
    "ALTER TABLE level_decision ADD CONSTRAINT ck_level_decision_reason_is_said CHECK (reason IS NOT NULL)",
    "ALTER TABLE safety_event ADD CONSTRAINT ck_safety_event_what_is_said CHECK (what IS NOT NULL AND octet_length(what) <= 4062)",
    "ALTER TABLE case_review ADD CONSTRAINT ck_case_review_comment_is_short CHECK (octet_length(comment) <= 4062)",
    "ALTER TABLE case_review ADD CONSTRAINT ck_case_review_doubt_is_said CHECK (verdict = 'SOUND' OR comment IS NOT NULL)",
)

FORMER_GUARDS = (
    "ALTER TABLE outbox_message ALTER recipient SET NOT NULL, ALTER text SET NOT NULL",
    "ALTER TABLE outbox_message ALTER fallbacks SET DEFAULT '[]', ALTER fallbacks SET NOT NULL",
    "ALTER TABLE outbox_message ADD CONSTRAINT uq_outbox_message_promised_once UNIQUE (community_id, about, version, kind, channel, recipient)",
    "ALTER TABLE outbox_message ADD CONSTRAINT ck_outbox_message_email_has_subject CHECK (channel <> 'EMAIL' OR subject IS NOT NULL)",
    "CREATE INDEX ix_outbox_message_recipient ON outbox_message (recipient, send_at)",
    "ALTER TABLE inbound_message ALTER answer SET DEFAULT '[]', ALTER answer SET NOT NULL",
    "ALTER TABLE opt_out ADD CONSTRAINT pk_opt_out PRIMARY KEY (phone)",
    "ALTER TABLE busy_calendar ALTER url SET NOT NULL",
    "ALTER TABLE busy_calendar ADD CONSTRAINT ck_busy_calendar_ended_is_forgotten CHECK (ended_at IS NULL OR url = '')",
    "ALTER TABLE idempotency_key ALTER body SET NOT NULL",
    "ALTER TABLE level_decision ALTER reason SET NOT NULL",
    "ALTER TABLE level_decision ADD CONSTRAINT ck_level_decision_reason_is_said CHECK (btrim(reason) <> '')",
    "ALTER TABLE safety_event ALTER what SET NOT NULL",
    "ALTER TABLE safety_event ADD CONSTRAINT ck_safety_event_what_is_said CHECK (btrim(what) <> '' AND length(what) <= 1000)",
    "ALTER TABLE case_review ADD CONSTRAINT ck_case_review_comment_is_said CHECK (comment IS NULL OR (btrim(comment) <> '' AND length(comment) <= 1000))",
    "ALTER TABLE case_review ADD CONSTRAINT ck_case_review_doubt_is_said CHECK (verdict = 'SOUND' OR comment IS NOT NULL)",
)

DECISION = (
    "RAISE EXCEPTION 'a decision of level is never changed' USING ERRCODE = 'restrict_violation';"
)
RECORD = "RAISE EXCEPTION '%: append only', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = 'safety_records_are_kept';"

SEALED_AGAIN = """
    IF TG_OP = 'UPDATE' AND current_setting('jourmeme.sealing_again', true) = 'on'
       AND to_jsonb(NEW) - {columns} = to_jsonb(OLD) - {columns} THEN
        RETURN NEW;
    END IF;
"""
"""Under a new key the words are the same: to change them takes the key, whoever writes here."""


def upgrade() -> None:
    for step in ADDED:
        op.execute(step)
    _guarded("DISABLE")
    for table, columns in PLAIN.items():
        for name in columns:
            op.execute(f"ALTER TABLE {table} ADD {name}_sealed bytea")
        read = [f"{name}::text" for name in columns]
        _rewrite(table, [*read, *(["fingerprint"] if table == "idempotency_key" else [])], _sealed)
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP {name}")
            op.execute(f"ALTER TABLE {table} RENAME {name}_sealed TO {name}")
    _guarded("ENABLE")
    for step in GUARDS:
        op.execute(step)
    _stays("level_decision_is_for_ever", SEALED_AGAIN.format(columns="'reason'") + DECISION)
    _stays("safety_record_stays", SEALED_AGAIN.format(columns="ARRAY['what', 'comment']") + RECORD)


def downgrade() -> None:
    """Bring everything back but how partners' writes are told apart: repeated, they are refused."""
    _stays("level_decision_is_for_ever", DECISION)
    _stays("safety_record_stays", RECORD)
    op.execute("ALTER TABLE case_review DROP CONSTRAINT ck_case_review_comment_is_short")
    _guarded("DISABLE")
    for table, columns in PLAIN.items():
        for name, kind in columns.items():
            op.execute(f"ALTER TABLE {table} ADD {name}_plain {kind}")
        _rewrite(table, [*columns, *(["channel"] if table == "outbox_message" else [])], _plain)
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP {name}")
            op.execute(f"ALTER TABLE {table} RENAME {name}_plain TO {name}")
    _guarded("ENABLE")
    op.execute("ALTER TABLE outbox_message DROP recipient_key")
    op.execute("ALTER TABLE opt_out DROP phone_key")
    for table in NAMED:
        op.execute(f"ALTER TABLE {table} DROP reference")
    for step in FORMER_GUARDS:
        op.execute(step)


def _guarded(how) -> None:
    for table, trigger in KEPT_FOR_EVER.items():
        op.execute(f"ALTER TABLE {table} {how} TRIGGER {trigger}")


def _stays(function, body) -> None:
    op.execute(
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    )


def _rewrite(table, read, written) -> None:
    """Write each row again, some hundreds at a time, by the order of their keys."""
    connection, last = op.get_bind(), None
    key = KEYS.get(table, USUAL_KEY)
    names, values = ", ".join(key), ", ".join(f":{name}" for name in key)
    columns = ", ".join(dict.fromkeys((*key, "reference", *read)))
    ordered = f"ORDER BY {names} LIMIT {BATCH}"
    while rows := connection.execute(
        sa.text(
            f"SELECT {columns} FROM {table} {'' if last is None else f'WHERE ({names}) > ({values})'} {ordered}"  # noqa: S608 - names of ours
        ),
        last or {},
    ).all():
        changes = [written(table, row) for row in rows]
        said = ", ".join(f"{name} = {_bound(table, name)}" for name in changes[0])
        connection.execute(
            sa.text(f"UPDATE {table} SET {said} WHERE ({names}) = ({values})"),  # noqa: S608
            [
                {**change, **{name: getattr(row, name) for name in key}}
                for change, row in zip(changes, rows, strict=True)
            ],
        )
        last = {name: getattr(rows[-1], name) for name in key}


def _bound(table, name) -> str:
    kind = PLAIN[table].get(name.removesuffix("_plain"))
    return f"CAST(:{name} AS {kind})" if name.endswith("_plain") else f":{name}"


def _sealed(table, row):
    plain = {name: getattr(row, name) for name in PLAIN[table]}
    more = {}
    if table == "outbox_message":
        # Emptied before: no number and no address, and a key that is no other's.
        if plain["text"] == "":
            plain |= {"recipient": None, "subject": None}
            more["recipient_key"] = row.reference.bytes
        else:
            more["recipient_key"] = sealed.blind("recipient", plain["recipient"])
    if table == "opt_out":
        more["phone_key"] = sealed.blind("recipient", plain["phone"])
    if table == "idempotency_key":
        more["fingerprint"] = sealed.blind("partner's write", bytes(row.fingerprint).hex())
    return more | {
        f"{name}_sealed": None
        if said in (None, NOTHING.get(name))
        else sealed.seal(said, table=table, column=name, row=row.reference)
        for name, said in plain.items()
    }


def _plain(table, row):
    plain = {name: _opened(table, name, row) for name in PLAIN[table]}
    if table == "outbox_message" and plain["text"] == "":
        plain["recipient"] = str(row.reference)
        plain["subject"] = "" if row.channel == "EMAIL" else None
    return {f"{name}_plain": said for name, said in plain.items()}


def _opened(table, name, row):
    kept = getattr(row, name)
    if kept is None:
        return NOTHING.get(name)
    return sealed.open_(bytes(kept), table=table, column=name, row=row.reference)
