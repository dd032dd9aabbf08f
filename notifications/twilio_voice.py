"""Calls through Twilio: a text said slowly, and what the keys of the telephone mean in them.

What is said is in the call itself (TwiML), so that no address has to be asked for it; what a key
does is asked at ours. https://www.twilio.com/docs/voice/twiml
"""

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import requests
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Gather, VoiceResponse  # type: ignore[import-untyped]

from config.settings import Settings
from notifications.letters import Letter
from notifications.models import Status
from notifications.senders import Unclear, is_loopback
from notifications.texts import SPOKEN, Language
from notifications.twilio_sms import (
    Elsewhere,
    phone_to_reach,
    verdict,
    verdict_on_connection,
)

VOICES = {"fr": ("fr-FR", "Polly.Lea-Neural"), "en": ("en-GB", "Polly.Amy-Neural")}

SLOWLY = "80%"

SECONDS_FOR_A_KEY = 6

SECONDS_OF_RINGING = 30

TIMES_SAID = 2
"""Without a key it is said again, and then it says goodbye."""

LONGEST_TWIML = 4000
"""Characters that a call may bring with it (Twilio's OpenAPI, `Twiml` of CreateCall)."""


class TwilioVoice:
    """Has Twilio call and say a text; reports come to an address with the row's reference."""

    taken = Status.SENT

    def __init__(self, settings: Settings) -> None:
        token = settings.twilio_auth_token
        assert token is not None
        there = urlsplit(settings.twilio_api_base_url)
        self._client = Client(
            settings.twilio_account_sid, token.get_secret_value(), http_client=Elsewhere(there)
        )
        self._from = settings.twilio_voice_from
        self._base_url = settings.base_url
        self._is_rehearsal = is_loopback(there.hostname)

    def send(self, letter: Letter, *, now: datetime) -> str:
        """Have one call made; return its SID.

        Raises:
            NotSent: if Twilio refused it, or was not reached.
            Unclear: if Twilio was reached and did not say.
        """
        del now
        phone_to_reach(letter.recipient, is_rehearsal=self._is_rehearsal)
        language: Language = "en" if letter.language == "en" else "fr"
        try:
            call = self._client.calls.create(
                to=letter.recipient,
                from_=self._from,
                twiml=said(letter.text, language, keys_at(self._base_url, letter.reference)),
                status_callback=f"{self._base_url}/webhooks/twilio/call/{letter.reference}",
                timeout=SECONDS_OF_RINGING,
                machine_detection="Enable",
            )
        except TwilioException as refusal:
            raise verdict(refusal) from None
        except requests.RequestException as broken:
            raise verdict_on_connection(broken) from None
        if not call.sid:
            raise Unclear("answer_without_sid")
        return str(call.sid)


def keys_at(base_url: str, message: UUID) -> str:
    """Return the address that is told which key was pressed."""
    return f"{base_url}/webhooks/twilio/voice/{message}"


def said(text: str, language: Language, keys: str) -> str:
    """Return the TwiML that says a text and waits for a key, twice, then says goodbye."""
    response = VoiceResponse()
    for _ in range(TIMES_SAID):
        response.append(_listening(text, language, keys))
    _say(response, SPOKEN[language].goodbye, language)
    return str(response)


def asked(question: str, language: Language, keys: str) -> str:
    """Return the TwiML that asks one question, waits for a key, and says goodbye without one."""
    response = VoiceResponse()
    response.append(_listening(question, language, keys))
    _say(response, SPOKEN[language].unchanged, language)
    return str(response)


def ended(text: str, language: Language) -> str:
    """Return the TwiML that says a last sentence."""
    response = VoiceResponse()
    _say(response, text, language)
    return str(response)


def _listening(text: str, language: Language, keys: str) -> Gather:
    gather = Gather(
        input="dtmf", num_digits=1, timeout=SECONDS_FOR_A_KEY, action=keys, method="POST"
    )
    _say(gather, text, language)
    return gather


def _say(where: VoiceResponse | Gather, text: str, language: Language) -> None:
    locale, voice = VOICES[language]
    where.say(language=locale, voice=voice).prosody(text, rate=SLOWLY)
