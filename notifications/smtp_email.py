"""E-mail over SMTP, with the calendar entry that clients draw; the only importer of smtplib."""

import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

from config.settings import Settings
from notifications.letters import Letter
from notifications.models import Status
from notifications.senders import NotSent, Unclear, is_loopback

TIMEOUT_SECONDS = 10
"""For each answer of the server."""

PERMANENT = 500
"""Replies from here on are final (RFC 5321, 4.2.1); 4yz may succeed later."""

SUBMISSION_PORT = 587
SUBMISSIONS_PORT = 465


Draw = Callable[[Mapping[str, Any]], tuple[bytes, str]]
"""From what an invitation says to its iCalendar bytes and their METHOD (RFC 5546). Handed in,
because calendars are the business of another room; and called here, because drawing takes a
millisecond that a patient who books should not wait for."""


class SmtpEmail:
    """Hands e-mails to one SMTP server, a connection for each."""

    taken = Status.SENT

    def __init__(self, settings: Settings, draw: Draw) -> None:
        self._draw = draw
        assert settings.smtp_url is not None
        url = urlsplit(settings.smtp_url.get_secret_value())
        self._is_tls = url.scheme == "smtps"
        self._host = url.hostname or "localhost"
        self._port = url.port or (SUBMISSIONS_PORT if self._is_tls else SUBMISSION_PORT)
        self._user = unquote(url.username or "")
        self._password = unquote(url.password or "")
        self._from = settings.mail_from
        self._domain = settings.host
        self._tls = ssl.create_default_context()

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Hand one e-mail over; return its Message-ID, the same at every try.

        Raises:
            NotSent: if the server refused it, or was not reached.
            Unclear: if the server went away while it had the message in hand.
        """
        message = _compose(letter, sender=self._from, domain=self._domain, now=now)
        if letter.invitation is not None:
            _add_calendar(message, *self._draw(letter.invitation))
        server = self._connect()
        try:
            server.send_message(message, parseaddr(self._from)[1], [letter.recipient])
        except smtplib.SMTPRecipientsRefused as refused:
            raise _refusal(max(code for code, _ in refused.recipients.values())) from None
        except smtplib.SMTPResponseException as refused:
            raise _refusal(refused.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise NotSent("smtp_address", permanent=True) from None
        except (smtplib.SMTPException, OSError) as lost:
            raise Unclear(f"smtp_{type(lost).__name__.lower()}") from None
        finally:
            _leave(server)
        return str(message["Message-ID"])

    def _connect(self) -> smtplib.SMTP:
        """Return a connection, encrypted and signed in where the settings ask for it.

        Raises:
            NotSent: if there is none: nothing has left yet.
        """
        try:
            server = self._dial()
            try:
                self._sign_in(server)
            except BaseException:
                _leave(server)
                raise
        except smtplib.SMTPResponseException as refused:
            # A wrong password is the installation's fault, not this message's: try again later.
            raise NotSent(f"smtp_{refused.smtp_code}", permanent=False) from None
        except (smtplib.SMTPException, OSError) as unreachable:
            raise NotSent(f"smtp_{type(unreachable).__name__.lower()}", permanent=False) from None
        return server

    def _dial(self) -> smtplib.SMTP:
        if self._is_tls:
            return smtplib.SMTP_SSL(
                self._host, self._port, timeout=TIMEOUT_SECONDS, context=self._tls
            )
        return smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        """Encrypt, and sign in if there is a name; to another machine nothing goes in the clear."""
        server.ehlo_or_helo_if_needed()
        is_encrypted = self._is_tls
        if not is_encrypted and server.has_extn("starttls"):
            server.starttls(context=self._tls)
            is_encrypted = True
        if not is_encrypted and not is_loopback(self._host):
            raise NotSent("smtp_without_tls", permanent=False)
        if self._user:
            server.login(self._user, self._password)


def _leave(server: smtplib.SMTP) -> None:
    """Hang up. How the server takes leave changes nothing about what it answered before."""
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


def _compose(letter: Letter, *, sender: str, domain: str, now: datetime) -> EmailMessage:
    """Return the e-mail without its calendar entry.

    Raises:
        NotSent: if the address or the subject cannot stand in a header.
    """
    message = EmailMessage(policy=SMTP)
    try:
        message["From"], message["To"] = sender, _one_address(letter.recipient)
        message["Subject"] = letter.subject or ""
        # The library lets a break at the end pass (what follows would be the mail's text), and
        # writes one that hides in an encoded word as a break (CVE-2024-6923).
        _refuse_breaks(letter.recipient, letter.subject or "", message["To"], message["Subject"])
    except (ValueError, HeaderParseError):
        raise NotSent("smtp_header", permanent=True) from None
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{letter.reference}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text)
    return message


def _one_address(recipient: str) -> str:
    """Return it if it is one address: a header takes groups and lists too, and folds them wrongly.

    Raises:
        ValueError: if it is anything but one address (RFC 5322, 3.4.1).
        HeaderParseError: if it cannot be read.
    """
    if not recipient:
        raise ValueError
    # The library reads RFC 5322 alone; RFC 6531 lets any letter beyond ASCII stand where "?" may.
    Address(addr_spec=recipient.encode("ascii", "replace").decode())
    return recipient


def _refuse_breaks(*values: str) -> None:
    if any(len(f"{value}.".splitlines()) > 1 for value in values):
        raise ValueError


def _add_calendar(message: EmailMessage, ics: bytes, method: str) -> None:
    """Add the entry as the last alternative, inline (Gmail and Outlook draw it), and as a file."""
    # Base64, since quoted-printable broke Outlook; METHOD must be the one inside the entry.
    message.add_alternative(
        ics,
        maintype="text",
        subtype="calendar",
        cte="base64",
        params={"method": method, "charset": "utf-8"},
    )
    message.add_attachment(ics, maintype="application", subtype="ics", filename="rendez-vous.ics")


def _refusal(code: int) -> NotSent:
    return NotSent(f"smtp_{code}", permanent=code >= PERMANENT)
