"""Drains the outbox: lease, give the connection back, call the provider, record."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from sqlalchemy.orm import Session

from config import logs
from config.clock import Clock
from config.database import OpenTransaction
from config.settings import Settings
from notifications import calls, outbox, ways
from notifications.letters import Letter, Sent
from notifications.models import Channel
from notifications.senders import LocalSender, NoSender, NotSent, Sender, Unclear
from notifications.smtp_email import Draw, SmtpEmail
from notifications.twilio_sms import TwilioSms
from notifications.twilio_voice import TwilioVoice

CALLS_AT_ONCE = 4
"""How many providers' answers one worker waits for at a time. A message is leased only when its
call can begin at once, and its thread is given another one only when its end is recorded: a worker
that dies leaves no more than these in doubt. Eight send little more than four (docs/performance.md)
and leave twice as many in doubt."""

LOOK_AGAIN_SECONDS = 0.5
"""While every call that is left is slow: whether something else has become due."""

Record = Callable[[Session], None]
Ended = Sent | tuple[Letter, Record]
"""How a call ended: the provider took it, or what is to be recorded of it."""


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

    Threads only wait for providers. This one records what ended meanwhile and leases for those
    that are free. Any number of workers may drain at once.
    """
    begun = 0
    is_more = True
    waiting: set[Future[Ended]] = set()
    ended: Sequence[Ended] = ()
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="sender") as threads:
        while True:
            free = min(CALLS_AT_ONCE - len(waiting), limit - begun) if is_more else 0
            _record(open_transaction, [each for each in ended if not isinstance(each, Sent)])
            sent = [each for each in ended if isinstance(each, Sent)]
            letters = _turn(open_transaction, senders, sent, free, clock, alone=not waiting)
            is_more = bool(letters)
            begun += len(letters)
            waiting |= {threads.submit(_call, each, senders, clock) for each in letters}
            if not waiting:
                return begun
            done, waiting = wait(waiting, LOOK_AGAIN_SECONDS, FIRST_COMPLETED)
            ended = [each.result() for each in done]
            is_more = is_more or not done


def _turn(
    open_transaction: OpenTransaction,
    senders: Mapping[Channel, Sender],
    sent: Sequence[Sent],
    free: int,
    clock: Clock,
    *,
    alone: bool,
) -> list[Letter]:
    """Record what the provider took and begin up to `free` others: one commit, if all goes well.

    Where it does not, what was taken is recorded each for itself, and nothing begins. Raises only
    when there is nothing to lose: no call runs, and none has just ended.
    """
    left: Sequence[Sent] = sent
    letters: list[Letter] = []
    try:
        with open_transaction() as session:
            left = calls.ended_well(session, sent)
            letters = _begun(session, senders, free, clock) if free else []
    except Exception as bug:
        if alone and not sent:
            raise
        logs.event("turn_broke", level=logging.ERROR, error=bug, count=len(sent))
        left, letters = sent, []
    _record(open_transaction, [(each.letter, _taken(each)) for each in left])
    return letters


def _begun(
    session: Session, senders: Mapping[Channel, Sender], most: int, clock: Clock
) -> list[Letter]:
    """Lease what is due, and note that its calls begin now."""
    letters = outbox.lease(session, now=clock(), limit=most)
    for each in letters:
        if each.channel not in senders:
            logs.event(
                "no_sender", level=logging.ERROR, channel=each.channel, message=each.reference
            )
    ours = [each for each in letters if each.channel in senders]
    return calls.begin(session, ours, now=clock())


def _record(open_transaction: OpenTransaction, ended: Sequence[tuple[Letter, Record]]) -> None:
    """Write how calls ended, each for itself: one letter must not stop the rest.

    What cannot be recorded (the database is gone, say) the end of the lease brings back.
    """
    for letter, record in ended:
        try:
            with open_transaction() as session:
                record(session)
        except Exception as bug:  # noqa: BLE001 - the worker's loop
            logs.event("record_broke", level=logging.ERROR, error=bug, message=letter.reference)


def _taken(sent: Sent) -> Record:
    return partial(
        outbox.record_sent, letter=sent.letter, provider_id=sent.provider_id, status=sent.status
    )


def _call(letter: Letter, senders: Mapping[Channel, Sender], clock: Clock) -> Ended:
    """Call the provider and return how it ended. No connection is held meanwhile."""
    now, sender = clock(), senders[letter.channel]
    try:
        return Sent(letter, sender.send(letter, now=now), sender.taken)
    except NotSent as no:
        logs.event(
            "message_not_sent", level=logging.WARNING, message=letter.reference, reason=no.why
        )
        if no.is_everyones:
            everyone = partial(outbox.record_everyone_refused, letter=letter, why=no.why, now=now)
            return letter, everyone
        refused = partial(outbox.record_failed, why=no.why, permanent=no.permanent, now=now)
        return letter, partial(refused, letter=letter)
    except Unclear as lost:
        why = lost.why
        logs.event("message_unclear", level=logging.WARNING, message=letter.reference, reason=why)
    except Exception as bug:  # noqa: BLE001 - nobody foresaw it, so nobody knows whether it left
        why = "sender_broke"
        logs.event(why, level=logging.ERROR, error=bug, message=letter.reference)
    return letter, partial(outbox.record_unclear, letter=letter, why=why, now=now)
