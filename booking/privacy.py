"""Forget what is past its term: answers first, then identity; what is left says nothing of anybody.

The terms are proposals for the community's data protection officer to sign, and may only get
shorter. What stays of a request: its moments, its level and how it ended.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    CursorResult,
    Delete,
    FromClause,
    String,
    Table,
    Update,
    case,
    delete,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import cast as sql_cast
from sqlalchemy.sql import literal

from booking.models import (
    Assessment,
    Booking,
    CareRequest,
    IdempotencyKey,
    SignInFailure,
    StaffSession,
)
from config.database import OpenTransaction
from notifications.models import Channel, OutboxMessage, Status
from schedules.models import Slot
