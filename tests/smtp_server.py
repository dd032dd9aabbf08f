"""A mail server of our own on the loopback: keeps what came, refuses or hangs up on demand."""

import socket
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HANG_UP = "hang up"


@dataclass(frozen=True)
class Mail:
    """One e-mail as it arrived."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The e-mail, parsed."""
        return cast("EmailMessage", message_from_bytes(self.raw, policy=default))


class SmtpServer:
    """`with SmtpServer() as smtp:` listens at `smtp.url` and keeps e-mails in `.mails`."""

    def __init__(self, *, takes_utf8: bool = True) -> None:
        self.mails: list[Mail] = []
        self.at_recipient: deque[str] = deque()
        """Replies to the next RCPT commands, such as "451 later"."""
        self.at_data: deque[str] = deque()
        """Replies to the next e-mails, or HANG_UP."""
        port = _free_port()
        self.url = f"smtp://127.0.0.1:{port}"
        self._controller = Controller(
            self, hostname="127.0.0.1", port=port, enable_SMTPUTF8=takes_utf8
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks for this name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.at_recipient:
            return self.at_recipient.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> Any:  # noqa: N802
        reply = self.at_data.popleft() if self.at_data else "250 OK"
        if reply == HANG_UP:
            server.transport.close()
            return "250 nobody hears this"
        if reply.startswith("250"):
            raw = cast("bytes", envelope.original_content)
            self.mails.append(Mail(str(envelope.mail_from), list(envelope.rcpt_tos), raw))
        return reply


def _free_port() -> int:
    # aiosmtpd calls itself at the port it was given, so that 0 does not do.
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
