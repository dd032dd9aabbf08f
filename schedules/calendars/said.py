"""What a calendar may tell us: moments and numbers, never what they are for."""

from dataclasses import dataclass
from datetime import datetime

Span = tuple[datetime, datetime]
"""From a moment to another, in UTC."""


@dataclass(frozen=True)
class Written:
    """Time that the owner opens with `#SNP`: slots of so many minutes, no more than `most`."""

    starts_at: datetime
    ends_at: datetime
    minutes: int
    most: int
