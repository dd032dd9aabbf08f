"""What identifies somebody or says what they suffer from is sealed."""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

from config import sealed

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

PLAIN: Mapping[str, Mapping[str, str]] = {
    "care_request": {
        "birth_date": "date",
        "pregnant": "varchar",
        "answers": "jsonb",
        "note": "varchar",
        "family_name": "varchar",
        "given_name": "varchar",
        "phone": "varchar",
        "current_address": "varchar",
        "email": "varchar",
    },
    "assessment": {
        "patient": "jsonb",
        "answers": "jsonb",
        "reasons": "jsonb",
        "safety_net": "varchar",
    },
    "inbound_message": {"phone": "varchar", "text": "varchar"},
}
"""What was written for everybody to read who has the database, and how."""

NOTHING = {"answers": "{}", "patient": "{}", "reasons": "[]", "safety_net": "", "text": ""}
"""What stood there for nothing; now there is NULL."""

LEAST = 2
"""Letters of a name that is looked for."""

BATCH = 500


def upgrade() -> None:
    op.execute("ALTER TABLE care_request ADD name_keys bytea[] DEFAULT '{}' NOT NULL")
    op.execute("ALTER TABLE care_request ADD phone_key bytea")
    op.execute("ALTER TABLE inbound_message ADD phone_key bytea")
    for table, columns in PLAIN.items():
        for name in columns:
            op.execute(f"ALTER TABLE {table} ADD {name}_sealed bytea")
        _rewrite(table, ", ".join(f"{name}::text" for name in columns), _sealed)
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP {name}")
            op.execute(f"ALTER TABLE {table} RENAME {name}_sealed TO {name}")
    for step in (
        "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_note_is_short CHECK (octet_length(note) <= 382)",
        "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_address_is_short CHECK (octet_length(current_address) <= 862)",
        "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_phone_is_found CHECK ((phone IS NULL) = (phone_key IS NULL))",
        "CREATE INDEX ix_care_request_phone ON care_request (community_id, phone_key, created_at) WHERE phone IS NOT NULL",
        "CREATE INDEX ix_care_request_name_keys ON care_request USING gin (name_keys)",
        "CREATE INDEX ix_care_request_call ON care_request (community_id, created_at) WHERE status = 'DRAFT' AND (owner IS NOT NULL OR phone IS NOT NULL)",
        "ALTER TABLE inbound_message ALTER phone_key SET NOT NULL",
        "CREATE INDEX ix_inbound_message_phone ON inbound_message (phone_key, came_at)",
    ):
        op.execute(step)


def downgrade() -> None:
    op.execute("DROP INDEX ix_care_request_name_keys")
    for table, columns in PLAIN.items():
        for name, kind in columns.items():
            op.execute(f"ALTER TABLE {table} ADD {name}_plain {kind}")
        _rewrite(table, ", ".join(columns), _plain)
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP {name}")
            op.execute(f"ALTER TABLE {table} RENAME {name}_plain TO {name}")
    for step in (
        "ALTER TABLE care_request DROP name_keys, DROP phone_key",
        "ALTER TABLE inbound_message DROP phone_key",
        "ALTER TABLE care_request ALTER answers SET DEFAULT '{}', ALTER answers SET NOT NULL",
        *(f"ALTER TABLE assessment ALTER {name} SET NOT NULL" for name in PLAIN["assessment"]),
        *(
            f"ALTER TABLE inbound_message ALTER {name} SET NOT NULL"
            for name in PLAIN["inbound_message"]
        ),
        "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_note_is_short CHECK (note IS NULL OR length(note) <= 80)",
        "ALTER TABLE care_request ADD CONSTRAINT ck_care_request_address_is_short CHECK (length(current_address) <= 200)",
        "CREATE INDEX ix_care_request_phone ON care_request (community_id, phone, created_at) WHERE phone IS NOT NULL",
        "CREATE INDEX ix_care_request_call ON care_request (community_id, created_at) WHERE status = 'DRAFT' AND (owner IS NOT NULL OR phone IS NOT NULL)",
        "CREATE INDEX ix_inbound_message_phone ON inbound_message (phone, came_at)",
    ):
        op.execute(step)


def _rewrite(table, read, written) -> None:
    """Write each row again, some hundreds at a time, by the order of their numbers."""
    connection, last = op.get_bind(), 0
    found = sa.text(
        f"SELECT id, reference, {read} FROM {table} WHERE id > :last ORDER BY id LIMIT {BATCH}"  # noqa: S608 - names of ours
    )
    while rows := connection.execute(found, {"last": last}).all():
        for row in rows:
            if values := written(table, row):
                said = ", ".join(f"{name} = {_bound(table, name)}" for name in values)
                connection.execute(
                    sa.text(f"UPDATE {table} SET {said} WHERE id = :id"),  # noqa: S608
                    {**values, "id": row.id},
                )
        last = rows[-1].id


def _bound(table, name) -> str:
    kind = PLAIN[table].get(name.removesuffix("_plain"))
    return f"CAST(:{name} AS {kind})" if name.endswith("_plain") else f":{name}"


def _sealed(table, row):
    plain = {name: getattr(row, name) for name in PLAIN[table]}
    plain = {n: said for n, said in plain.items() if said not in (None, NOTHING.get(n))}
    values = {
        f"{name}_sealed": sealed.seal(said, table=table, column=name, row=row.reference)
        for name, said in plain.items()
    }
    if "phone" in plain:
        values["phone_key"] = sealed.blind("phone", plain["phone"])
    if names := [plain[n] for n in ("family_name", "given_name") if n in plain]:
        values["name_keys"] = sealed.blind_beginnings("name", *names, least=LEAST)
    return values


def _plain(table, row):
    return {f"{name}_plain": _opened(table, name, row) for name in PLAIN[table]}


def _opened(table, name, row):
    kept = getattr(row, name)
    if kept is None:
        return NOTHING.get(name)
    return sealed.open_(bytes(kept), table=table, column=name, row=row.reference)
