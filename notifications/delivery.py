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
"""How many providers' answers one worker waits for at a time. A thread is given its next message
only when the end of the one before is recorded: a worker that dies leaves no more than these in
doubt. Eight send little more than four (docs/performance.md) and leave twice as many in doubt."""

LEASED_AT_ONCE = 2 * CALLS_AT_ONCE
"""To look for what is due costs more than to begin a call, so it is done for several. When a worker
dies, those that had not begun leave at the end of their lease: later, and in no doubt."""

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
    hands = _Hands(open_transaction, senders, clock, limit)
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="sender") as threads:
        while True:
            free = CALLS_AT_ONCE - len(waiting) if is_more else 0
            _record(open_transaction, [each for each in ended if not isinstance(each, Sent)])
            sent = [each for each in ended if isinstance(each, Sent)]
            letters = hands.turn(sent, free, alone=not waiting)
            is_more = bool(letters) or hands.hold_any
            begun += len(letters)
            waiting |= {threads.submit(_call, each, senders, clock) for each in letters}
            if not waiting and not is_more:
                return begun
            done, waiting = wait(waiting, LOOK_AGAIN_SECONDS, FIRST_COMPLETED)
            ended = [each.result() for each in done]
            is_more = is_more or not done


class _Hands:
    """What one worker has leased and not begun, and how many more it may lease."""

    def __init__(
        self,
        open_transaction: OpenTransaction,
        senders: Mapping[Channel, Sender],
        clock: Clock,
        limit: int,
    ) -> None:
        self._open_transaction, self._senders, self._clock = open_transaction, senders, clock
        self._ahead: list[Letter] = []
        self._may_lease = limit

    @property
    def hold_any(self) -> bool:
        """Whether something is leased and has not begun."""
        return bool(self._ahead)

    def turn(self, sent: Sequence[Sent], free: int, *, alone: bool) -> list[Letter]:
        """Record what the provider took and begin up to `free` others, in one commit.

        If that fails, what was taken is recorded each for itself, and nothing begins. Raises only
        when there is nothing to lose: no call runs, and none has just ended.
        """
        left: Sequence[Sent] = sent
        letters: list[Letter] = []
        before = self._ahead, self._may_lease
        try:
            with self._open_transaction() as session:
                left = calls.ended_well(session, sent)
                letters = self._begun(session, free)
        except Exception as bug:
            self._ahead, self._may_lease = before
            if alone and not sent:
                raise
            logs.event("turn_broke", level=logging.ERROR, error=bug, count=len(sent))
            left, letters = sent, []
        _record(self._open_transaction, [(each.letter, _taken(each)) for each in left])
        return letters

    def _begun(self, session: Session, free: int) -> list[Letter]:
        """Note that calls begin now: those in hand first, then what is due, as far as it goes."""
        begun = self._begin(session, free)
        if len(begun) < free and self._may_lease:
            self._lease(session)
            begun += self._begin(session, free - len(begun))
        return begun

    def _begin(self, session: Session, most: int) -> list[Letter]:
        next_, self._ahead = self._ahead[:most], self._ahead[most:]
        begun = calls.begin(session, next_, now=self._clock())
        calls.give_back(session, [each for each in next_ if each not in begun])
        return begun

    def _lease(self, session: Session) -> None:
        most = min(LEASED_AT_ONCE, self._may_lease)
        letters = outbox.lease(session, now=self._clock(), limit=most)
        self._may_lease -= len(letters)
        for each in letters:
            if each.channel not in self._senders:
                logs.event(
                    "no_sender", level=logging.ERROR, channel=each.channel, message=each.reference
                )
        self._ahead += [each for each in letters if each.channel in self._senders]


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
