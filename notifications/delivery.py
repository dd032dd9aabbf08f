"""Drains the outbox: lease, give the connection back, call the provider, record."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from config import logs
from config.clock import Clock
from config.database import OpenTransaction
from config.settings import Settings
from notifications import outbox, ways
from notifications.letters import Letter
from notifications.models import Channel
from notifications.senders import LocalSender, NoSender, NotSent, Sender, Unclear
from notifications.smtp_email import Draw, SmtpEmail
from notifications.twilio_sms import TwilioSms
from notifications.twilio_voice import TwilioVoice

CALLS_AT_ONCE = 8
"""How many providers' answers one worker waits for at a time; each needs a connection now and
then, never during the call. No more are leased than are called at once, so that a lease begins
when its call does."""

Record = Callable[[Session, Letter], None]


def build_senders(settings: Settings, draw: Draw) -> Mapping[Channel, Sender]:
    """Return a sender for every channel: the real one where it is set up, else the local one."""
    return {
        Channel.SMS: TwilioSms(settings) if settings.twilio_is_set else LocalSender(),
        Channel.VOICE: _voice(settings),
        Channel.EMAIL: SmtpEmail(settings, draw) if settings.smtp_url else LocalSender(),
    }


def _voice(settings: Settings) -> Sender:
    """Return who calls: nobody where SMS leave for real and no number to call from is set."""
    if not settings.twilio_is_set:
        return LocalSender()
    return TwilioVoice(settings) if settings.twilio_voice_from else NoSender()


def pass_on(open_transaction: OpenTransaction, *, clock: Clock) -> int:
    """Pass on what was not reported in time, or waits behind a provider that refuses everything.

    Returns how many messages got their next way, or became a person's.
    """
    with open_transaction() as session:
        silent = ways.give_up_on_the_silent(session, now=clock())
    with open_transaction() as session:
        stuck = ways.give_up_on_the_stopped(session, now=clock())
    return silent + stuck


def drain(
    open_transaction: OpenTransaction,
    senders: Mapping[Channel, Sender],
    *,
    clock: Clock,
    limit: int,
) -> int:
    """Send what is due, oldest first, up to `limit` messages; return how many calls were made.

    `open_transaction` is called from several threads, each time for a session of its own. Any
    number of workers may drain at once.
    """
    calls = leased = 0
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="sender") as threads:
        while leased < limit:
            with open_transaction() as session:
                letters = outbox.lease(
                    session, now=clock(), limit=min(CALLS_AT_ONCE, limit - leased)
                )
            if not letters:
                break
            leased += len(letters)
            calls += sum(
                threads.map(
                    lambda letter: _deliver_alone(letter, open_transaction, senders, clock), letters
                )
            )
    return calls


def _deliver_alone(
    letter: Letter,
    open_transaction: OpenTransaction,
    senders: Mapping[Channel, Sender],
    clock: Clock,
) -> bool:
    """Deliver one letter; whatever happens to it, the others go on.

    What is not recorded here (the database is gone, say) the end of the lease brings back.
    """
    try:
        return _deliver(letter, open_transaction, senders[letter.channel], clock)
    except Exception as bug:  # noqa: BLE001 - the worker's loop: one letter must not stop the rest
        logs.event("delivery_broke", level=logging.ERROR, error=bug, message=letter.reference)
        return False


def _deliver(
    letter: Letter, open_transaction: OpenTransaction, sender: Sender, clock: Clock
) -> bool:
    with open_transaction() as session:
        if not outbox.begin_call(session, letter, now=clock()):
            return False
    record = _call(letter, sender, clock())
    with open_transaction() as session:
        record(session, letter)
    return True


def _call(letter: Letter, sender: Sender, now: datetime) -> Record:
    """Call the provider and return what to record about it. No connection is held meanwhile."""
    try:
        provider_id = sender.send(letter, now=now)
    except NotSent as no:
        logs.event(
            "message_not_sent", level=logging.WARNING, message=letter.reference, reason=no.why
        )
        if no.is_everyones:
            return partial(outbox.record_everyone_refused, why=no.why, now=now)
        return partial(outbox.record_failed, why=no.why, permanent=no.permanent, now=now)
    except Unclear as lost:
        logs.event(
            "message_unclear", level=logging.WARNING, message=letter.reference, reason=lost.why
        )
        return partial(outbox.record_unclear, why=lost.why, now=now)
    except Exception as bug:  # noqa: BLE001 - nobody foresaw it, so nobody knows whether it left
        logs.event("sender_broke", level=logging.ERROR, error=bug, message=letter.reference)
        return partial(outbox.record_unclear, why="sender_broke", now=now)
    return partial(outbox.record_sent, provider_id=provider_id, status=sender.taken)
