"""SMS through Twilio, and whether a report really comes from there."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit, urlunsplit

import requests
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.request_validator import (  # type: ignore[import-untyped]
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]
from urllib3.exceptions import MaxRetryError, NewConnectionError

from config import logs
from config.settings import Settings
from notifications import phones
from notifications.gsm7 import gsm7
from notifications.letters import Letter
from notifications.models import Status
from notifications.senders import NotSent, Unclear, is_loopback

# At INFO the client writes every address it calls, and an address may hold a number.
logging.getLogger("twilio").setLevel(logging.WARNING)

TIMEOUT_SECONDS = 10
"""For each wait of one call. The client's own default is to wait for ever."""

LONGEST_VALIDITY_SECONDS = 36_000
"""`ValidityPeriod` of Twilio's API: 1 to 36 000 seconds."""

EVERYONE_IS_REFUSED = {20003, 21212, 21408, 21603, 21606, 21612}
"""Credentials, sender, permission, route: not this number's fault, the next message fails too.
https://www.twilio.com/docs/api/errors"""

LATER = {20429, 429}
"""Too many requests."""

SERVER_ERRORS = 500
CLIENT_ERRORS = 400


class TwilioSms:
    """Hands SMS to Twilio, one call each; reports come to an address with the row's reference."""

    taken = Status.SENT

    def __init__(self, settings: Settings) -> None:
        token = settings.twilio_auth_token
        assert token is not None
        there = urlsplit(settings.twilio_api_base_url)
        self._client = Client(
            settings.twilio_account_sid,
            token.get_secret_value(),
            http_client=Elsewhere(there),
        )
        self._from = (
            {"messaging_service_sid": settings.twilio_messaging_service_sid}
            if settings.twilio_messaging_service_sid
            else {"from_": settings.twilio_from}
        )
        self._reports_to = f"{settings.base_url}/webhooks/twilio/status/"
        self._is_rehearsal = is_loopback(there.hostname)

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Hand one SMS over; return its SID.

        Raises:
            NotSent: if Twilio refused it, or was not reached.
            Unclear: if Twilio was reached and did not say.
        """
        phone = phone_to_reach(letter.recipient, is_rehearsal=self._is_rehearsal)
        if not phone.is_mobile:
            raise NotSent("phone_not_mobile", permanent=True)
        seconds_left = int((letter.expires_at - now).total_seconds())
        try:
            message = self._client.messages.create(
                to=letter.recipient,
                body=letter.text,
                status_callback=f"{self._reports_to}{letter.reference}",
                validity_period=min(max(seconds_left, 1), LONGEST_VALIDITY_SECONDS),
                smart_encoded=True,
                **self._from,
            )
        except TwilioException as refusal:
            raise verdict(refusal) from None
        except requests.RequestException as broken:
            raise verdict_on_connection(broken) from None
        if not message.sid:
            raise Unclear("answer_without_sid")
        return str(message.sid)


def answered(texts: Sequence[str]) -> str:
    """Return the TwiML that answers an SMS with these, each a message of its own, or with none."""
    response = MessagingResponse()
    for text in texts:
        response.message(gsm7(text))
    return str(response)


class Elsewhere:
    """Twilio's own HTTP client, with a time-out, and sent to the address that settings name."""

    is_async = False

    def __init__(self, there: SplitResult) -> None:
        self._there = there
        self._http = TwilioHttpClient(timeout=TIMEOUT_SECONDS, max_retries=0)
        # A proxy from the environment must not stand between us and our own machine.
        self._http.session.trust_env = not is_loopback(there.hostname)

    def request(self, method: str, url: str, **details: Any) -> Response:
        """Send one request of the Twilio client to our host, whatever host it meant."""
        parts = urlsplit(url)
        path = self._there.path.rstrip("/") + parts.path
        moved = parts._replace(scheme=self._there.scheme, netloc=self._there.netloc, path=path)
        return self._http.request(method, urlunsplit(moved), **details)


def phone_to_reach(recipient: str, *, is_rehearsal: bool) -> phones.Phone:
    """Return the number, and keep invented, foreign and expensive ones from the provider.

    Raises:
        NotSent: for good.
    """
    try:
        phone = phones.parse(recipient)
    except phones.PhoneInvalid as wrong:
        raise NotSent(f"phone_{wrong.reason}", permanent=True) from None
    if phone.is_fictitious and not is_rehearsal:
        raise NotSent("phone_fictitious", permanent=True)
    return phone


class Headers(Protocol):
    """The headers of a request, as every web library has them."""

    def get(self, key: str, default: str) -> str:
        """Return the header's value, or the default."""


def genuine(
    token: str, base_url: str, raw_uri: str, form: Mapping[str, str], headers: Headers
) -> bool:
    """Whether Twilio signed this request for our public address; False when no token is set.

    `raw_uri` is the path and query exactly as received (`RAW_URI`): an address put together
    again is quoted otherwise, and its signature differs. The signature carries no time, so a
    copied request stays genuine: what it does must be safe to repeat.
    """
    if not token or not raw_uri.startswith("/"):
        return False
    algorithm = get_signature_algorithm(headers.get(SIGNATURE_SETTINGS_HEADER, ""))
    signature = headers.get(SIGNATURE_HEADER, "")
    try:
        return bool(
            RequestValidator(token).validate(base_url + raw_uri, form, signature, algorithm)
        )
    except ValueError:  # an address or a letter that Twilio would not have sent
        return False


def verdict(refusal: TwilioException) -> NotSent | Unclear:
    """Return what an answer of Twilio means for the message. Its text is never kept."""
    status = getattr(refusal, "status", None)
    code = getattr(refusal, "code", None) or status
    if not isinstance(status, int) or status >= SERVER_ERRORS:
        return Unclear(f"twilio_{code}")
    if code in EVERYONE_IS_REFUSED:
        logs.event("twilio_refuses_everything", level=logging.ERROR, code=code)
        return NotSent(f"twilio_{code}", permanent=False, is_everyones=True)
    is_final = status >= CLIENT_ERRORS and code not in LATER and status not in LATER
    return NotSent(f"twilio_{code}", permanent=is_final)


def verdict_on_connection(broken: requests.RequestException) -> NotSent | Unclear:
    """Return NotSent only where the request surely never left; Unclear for all the rest."""
    cause = broken.args[0] if broken.args else None
    never_connected = isinstance(cause, MaxRetryError) and isinstance(
        cause.reason, NewConnectionError
    )
    if never_connected or isinstance(broken, requests.ConnectTimeout):
        return NotSent("twilio_unreachable", permanent=False)
    return Unclear(f"twilio_{type(broken).__name__.lower()}")
