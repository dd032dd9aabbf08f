"""What every sender promises, what it may refuse, and the sender of a developer's machine."""

from datetime import datetime
from ipaddress import ip_address
from typing import Protocol

from config import logs
from notifications.letters import Letter
from notifications.models import Status


class NotSent(Exception):
    """The message surely did not leave: `permanent` says whether another try may help.

    `why` is a short code for logs and boards, never the provider's text: that quotes numbers.
    `is_everyones`: the next message would be refused as well.
    """

    def __init__(self, why: str, *, permanent: bool, is_everyones: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.permanent = permanent
        self.is_everyones = is_everyones


class Unclear(Exception):
    """The call began and its answer was lost: the message may have left, or not."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Sender(Protocol):
    """Hands messages of one channel to a provider. Called from several threads at once."""

    @property
    def taken(self) -> Status:
        """What a message is once `send` has returned: SENT where a report may follow."""

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Hand one message over; return the provider's name for it.

        Raises:
            NotSent: if it surely did not leave.
            Unclear: if nobody can say.
        """
        ...


class LocalSender:
    """Keeps messages on this machine, where a page of development shows them. Logs ids only."""

    taken = Status.DELIVERED

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Return a name for the message; it goes nowhere."""
        del now
        logs.event("message_kept_here", channel=letter.channel, message=letter.reference)
        return f"local-{letter.reference}"


class NoSender:
    """Stands where an installation has no provider: the next way takes over at once."""

    taken = Status.FAILED

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Refuse.

        Raises:
            NotSent: for good.
        """
        del now
        raise NotSent(f"no_{letter.channel.lower()}_sender", permanent=True)


def is_loopback(host: str | None) -> bool:
    """Whether this host is the machine itself, where nothing can reach a real telephone."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
