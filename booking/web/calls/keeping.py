"""What was typed is kept, as far as it is understood; and judged, once nothing is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _

from booking.desk import again, ask, calls
from booking.web import answers
from booking.web.answers import Form, one
from booking.web.calls import entered, stages
from booking.web.calls.call import OF_EVERY_CALL, Call
from booking.web.calls.stages import Signs, Stage
from schedules import slots


@dataclass(frozen=True)
class Done:
    """Where a press leads: to another page, or to a field of this one; and what to say of it."""

    call: Call
    leave_to: str | None = None
    focus: str | None = None
    person_changed: bool = False
    alert: Mapping[str, Any] | None = None
    """What the page says loudly: a template's values, with `kind`."""
    searched: str = ""
    is_elsewhere_now: bool = False
    """Whether distances are others than before, so that what is free is looked up anew."""


def keep(call: Call, form: Form, *, version: int) -> Call:
    """Keep all that can be understood of what was typed, and let triage judge when it can.

    Raises:
        calls.Stale: if somebody else saved since.
        ask.AlreadyBooked: if the call has ended with an appointment.
    """
    known = [complaint.id for complaint in call.protocol.complaints]
    read = entered.read(form, call.around, known)
    hints = dict(read.hints)
    # The request is one object: what it was has to be seen before anything is written.
    age_before = call.list_of(Stage.AGE)
    if read.changes.get("note", call.request.note) != call.request.note:
        read.changes["reasked"] = []
    version = save(call, read.changes, version)
    call = replace(call, hints=hints, typed=_unclear(form, hints))
    said = _answers(call, form, age_before)
    is_told_again = call.is_asked_again and call.is_judged and _all_signs_heard(call, said)
    save(call, {"answers": said, "reasked": _reasked(call, form)}, version)
    _reopen_for_words(call.again())
    if is_told_again or not call.is_judged:
        # The signs were answered just now, or wait for an answer: none of before counts.
        call = replace(call, stale_since=None)
    return judge(call.again(), said if is_told_again else None)


def save(call: Call, changes: Mapping[str, Any], version: int) -> int:
    """Keep what differs, and return the version that this makes.

    Raises:
        calls.Stale: if somebody else saved since.
        ask.AlreadyBooked: if the call has ended with an appointment.
    """
    return calls.save(
        call.session,
        call.request,
        changes,
        version=version,
        by=call.by,
        protocol=call.protocol,
        now=call.now,
    )


def forget_stale(call: Call) -> None:
    """Take back the answers to the signs of a call that was left too long, and not judged."""
    if not call.is_asked_again or call.is_judged:
        return
    listed = [each for each in call.lists if each.stage in OF_EVERY_CALL]
    signs = {question.id: None for each in listed for question in each.questions}
    save(call, {"answers": signs}, call.request.version)


def _unclear(form: Form, hints: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed into the fields that were not understood: it stays in them."""
    return {name: one(form, name)[: answers.LONGEST_ECHO] for name in hints}


def _answers(call: Call, form: Form, age_before: Signs | None) -> dict[str, Any]:
    """Return an answer, or None, to every question that is asked now.

    « Aucun » counts for the very list that was read: its seal says so. A new age or sex makes
    another list, whose signs have to be asked.
    """
    lists = call.lists
    seals = {each.seal for each in lists}
    heard = stages.heard(lists, form.getlist("signe"), seals & set(form.getlist("aucun")))
    rest = entered.questions(form, stages.criteria(call.asked))
    shown = [each for each in lists if f"{each.stage}-lu" in form]
    if call.is_asked_again:
        # Too old to count: once triage has to judge afresh, only what is answered now does.
        others = [each for each in shown if each.stage not in OF_EVERY_CALL]
        again_due = [each for each in lists if each.stage in OF_EVERY_CALL]
        undoes = _undoes(call, rest)
        shown = others + [e for e in again_due if undoes or _is_heard(e, heard)]
    due = {q.id for each in shown for q in each.questions}
    return {sign: heard.get(sign) for sign in due | _outdated(age_before, call)} | rest


def _reasked(call: Call, form: Form) -> list[str]:
    """Return the signs that were asked again because of what was written, and denied."""
    listed = call.list_of(Stage.WORDS)
    before = list(call.request.reasked)
    if listed is None or listed.seal not in form.getlist("aucun"):
        return before
    return list(dict.fromkeys([*before, *(question.id for question in listed.questions)]))


def _reopen_for_words(call: Call) -> None:
    """Undo a judgement that has not heard what the words for the professional may mean (SR-07)."""
    listed = call.list_of(Stage.WORDS)
    if not call.is_judged or call.is_emergency or listed is None or listed.is_heard:
        return
    ask.amend(call.session, call.request, {})
    slots.let_go(call.session, call.community.id, asker=call.request.reference, now=call.now)


def _undoes(call: Call, rest: Mapping[str, Any]) -> bool:
    """Return whether triage will have to judge afresh, by what else was typed."""
    said = call.request.answers
    return not call.is_judged or any(said.get(key) != value for key, value in rest.items())


def _is_heard(signs: Signs, heard: Mapping[str, str]) -> bool:
    return any(question.id in heard for question in signs.questions)


def _outdated(before: Signs | None, call: Call) -> set[str]:
    """Return the signs of age and sex, when the patient's age or sex is another than before."""
    now = call.list_of(Stage.AGE)
    if before is None or (now is not None and now.seal == before.seal):
        return set()
    return {q.id for each in (before, now) if each for q in each.questions}


def _all_signs_heard(call: Call, said: Mapping[str, Any]) -> bool:
    due = again.questions(call.protocol, call.request)
    return all(said.get(question.id) is not None for question in due)


def judge(call: Call, told_again: Mapping[str, Any] | None) -> Call:
    """Let triage judge once nothing is missing, or a sign is there."""
    request = call.request
    common = (call.session, request, call.protocol, call.community)
    try:
        if told_again is not None and call.is_judged:
            signs = {k: v for k, v in told_again.items() if v is not None}
            again.answer(*common, signs, now=call.now)
        elif not call.is_judged and (call.has_sign or not call.missing):
            ask.assess(*common, now=call.now)
    except ask.ProtocolNotInForce:
        return replace(call, hints=call.hints | {"protocole": _no_protocol()})
    return call.again()


def _no_protocol() -> str:
    return str(_("Aucun protocole n’est en vigueur : passez l’appel au 15, ou à un médecin."))
