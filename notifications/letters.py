"""A message as plain values: the draft that a use case promises, the letter that a sender gets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notifications.models import Channel, Kind, Status


@dataclass(frozen=True, kw_only=True)
class Way:
    """Another way to tell the same, finished: it leaves if those before it do not arrive."""

    channel: Channel
    recipient: str
    text: str
    subject: str | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a use case promises to send: finished text, to one recipient, between two moments.

    `recipient` is an E.164 number for an SMS or a call, an address for an e-mail; an e-mail needs
    a `subject`. Nothing leaves once `expires_at` has come: the start of the appointment, as a
    rule. `fallbacks` are tried in their order, each once the one before it has failed for good.
    """

    community_id: int
    about: UUID
    version: int
    kind: Kind
    channel: Channel
    recipient: str
    text: str
    send_at: datetime
    expires_at: datetime
    subject: str | None = None
    invitation: Mapping[str, Any] | None = None
    language: str = "fr"
    fallbacks: tuple[Way, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A leased message, as its sender gets it: no session needed, no question back.

    `attempts` counts this call too. The one who holds another `lease` than the row's has
    lost the message, and whatever they record about it is ignored.
    """

    community_id: int
    id: int
    lease: UUID
    reference: UUID
    channel: Channel
    recipient: str
    subject: str | None
    text: str
    invitation: Mapping[str, Any] | None
    expires_at: datetime
    attempts: int
    language: str = "fr"


@dataclass(frozen=True)
class Sent:
    """A letter that the provider took: the name it gave it, and what the message is by now."""

    letter: Letter
    provider_id: str
    status: Status
