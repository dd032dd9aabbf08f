"""What a booking is measured against: a hello-world route, and the same SQL without our code."""

import os
import threading
from uuid import uuid4

import psycopg
from flask import Flask, request

app = Flask(__name__)
local = threading.local()

LOCKED = """
SELECT id, community_id, assessment_id, level FROM care_request WHERE reference = %s FOR UPDATE
"""
KNOWN = "SELECT community_id FROM api_client WHERE key_hash = sha256(%s)"
BOOKED = """
WITH claimed AS (
    UPDATE slot SET claimed_by = %(request)s, claimed_at = now(), held_by = NULL, held_until = NULL
     WHERE community_id = %(community)s AND reference = %(slot)s AND claimed_by IS NULL
       AND withdrawn_at IS NULL AND starts_at > now()
       AND (held_by IS NULL OR held_by = %(request)s OR held_until <= now())
    RETURNING community_id, id, starts_at),
booked AS (
    INSERT INTO booking (community_id, slot_id, reference, request_id, assessment_id, level,
                         link_hash, code, booked_at, changed_at)
    SELECT community_id, id, %(booking)s, %(request_id)s, %(assessment)s, %(level)s,
           sha256('x'), 'AAA AA', now(), now() FROM claimed
    RETURNING community_id, id, slot_id),
noted AS (
    INSERT INTO booking_state (community_id, booking_id, slot_id, version, status, by, at)
    SELECT community_id, id, slot_id, 0, 'CONFIRMED', 'API', now() FROM booked),
done AS (
    UPDATE care_request SET status = 'BOOKED', family_name = sha256('Morel'),
           given_name = sha256('Lucie'), phone = sha256('+33639980001'),
           phone_key = sha256('key') FROM booked
     WHERE care_request.community_id = booked.community_id AND care_request.id = %(request_id)s),
kept AS (
    UPDATE promise SET ended_at = now(), ended_as = 'KEPT', next_step_at = NULL FROM claimed
     WHERE promise.community_id = claimed.community_id AND promise.request_id = %(request_id)s
       AND promise.ended_at IS NULL
    RETURNING promise.community_id, promise.id, promise.due_at),
remembered AS (
    INSERT INTO promise_event (community_id, promise_id, what, due_at, by, at)
    SELECT community_id, id, 'ENDED', due_at, 'API', now() FROM kept),
told AS (
    INSERT INTO outbox_message (community_id, reference, about, version, kind, channel, recipient,
                                recipient_key, subject, text, send_at, expires_at, status, attempts)
    SELECT community_id, gen_random_uuid(), %(booking)s, 0, kind, channel, sha256('who'),
           sha256('who'), sha256('subject'), decode(repeat('78', 200), 'hex'),
           now(), starts_at, 'WAITING', 0
      FROM claimed, (VALUES ('CONFIRMATION', 'SMS'), ('NOTICE', 'EMAIL')) AS m (kind, channel))
SELECT id FROM claimed
"""


def connection() -> psycopg.Connection:
    """Return this thread's own connection, opened once."""
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(
            os.environ["DATABASE_URL"].replace("postgresql+psycopg", "postgresql")  # noqa: TID251
        )
    return local.connection


@app.get("/hello")
def hello() -> str:
    """Answer with nothing."""
    return "hello"


@app.post("/book")
def book() -> tuple[dict[str, str], int]:
    """Book as the product does: who calls, the request locked, one statement, one commit."""
    asked = request.get_json()
    key = request.headers["Authorization"].removeprefix("Bearer ")
    live = connection()
    with live.transaction(), live.cursor() as cursor:
        cursor.execute(KNOWN, [key.encode()])
        cursor.execute(LOCKED, [asked["request"]])
        request_id, community, assessment, level = cursor.fetchone()
        said = {
            "community": community,
            "request": asked["request"],
            "slot": asked["slot"],
            "booking": uuid4(),
            "request_id": request_id,
            "assessment": assessment,
            "level": level,
        }
        if cursor.execute(BOOKED, said).fetchone() is None:
            return {"error": "taken"}, 409
    return {"booking": str(said["booking"])}, 201
