"""What each button of the page does, once what was typed is kept."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import url_for
from flask_babel import gettext as _

from booking.desk import ask, calls, choose, nothing_free, safety_net, transfers
from booking.extensions import equipment
from booking.models import RequestStatus, TransferState
from booking.triage.protocol import Level
from booking.web import staff_forms, staff_words
from booking.web.answers import Form, one
from booking.web.calls import entered, finding, recognising, stages
from booking.web.calls.call import Call
from booking.web.calls.keeping import Done, judge, save
from config import logs
from schedules import slots


def pick(call: Call, form: Form) -> Done:
    """Choose the best complaint for what was typed; with none, leave what was typed."""
    text = one(form, "cherche")
    chosen = list(call.request.complaints)
    found = [c.id for c in finding.complaints(text, call.possible) if c.id not in chosen]
    if not found or len(chosen) >= entered.MOST_COMPLAINTS:
        return Done(call, searched=text, focus="cherche")
    save(call, {"complaints": [*chosen, found[0]]}, call.request.version)
    call = judge(call.again(), None)
    return Done(call, focus=_first_question(call))


def _first_question(call: Call) -> str:
    said = call.request.answers
    due = [q for q in stages.criteria(call.asked) if said.get(q.id) is None]
    return f"q-{due[0].id}" if due else "questions"


def hold(call: Call, form: Form) -> Done:
    """Keep the chosen slot while it is read out; kept already, keep it longer."""
    chosen = staff_forms.a_reference(form.get("creneau"))
    wanted = chosen or staff_forms.a_reference(form.get("voulu"))
    request = call.request
    is_open = request.status is RequestStatus.OPEN and call.is_judged and not call.is_asked_again
    if wanted is None or not is_open:
        return Done(call)
    held = choose.held(call.session, request, now=call.now)
    try:
        with call.session.begin_nested():
            choose.hold(call.session, request, wanted, now=call.now)
    except slots.SlotTaken:
        return Done(call.again(), alert={"kind": "taken" if chosen else "unsuited"})
    except choose.LevelForbids:
        return Done(call.again())
    is_new = held is None or held.reference != wanted
    return Done(call.again(), focus=_next_of_person(call) if is_new else None)


def _next_of_person(call: Call) -> str | None:
    request = call.request
    empty = (
        ("nom", request.family_name),
        ("prenom", request.given_name),
        ("telephone", request.phone),
    )
    return next((name for name, said in empty if not said), None)


def release(call: Call, form: Form) -> Done:
    """Give back the slot that was kept."""
    del form
    slots.let_go(call.session, call.community.id, asker=call.request.reference, now=call.now)
    return Done(call.again(), focus="creneau-1")


def book(call: Call, form: Form) -> Done:
    """Give the kept slot to the person, and go to what is read back to them."""
    request = call.request
    if request.status is not RequestStatus.OPEN:
        return Done(call, alert={"kind": "wrong", "errors": _not_yet(call)})
    slot = staff_forms.a_reference(form.get("creneau"))
    errors = _incomplete(call, slot is not None)
    if errors or slot is None:
        return Done(call, alert={"kind": "wrong", "errors": errors}, focus="alerte")
    try:
        with call.session.begin_nested():
            choose.book(
                call.session,
                request,
                call.community,
                slot,
                person={"wants_sms": request.wants_sms},
                by=str(call.by.account),
                links=equipment().links,
                now=call.now,
            )
    except slots.SlotTaken:
        return Done(call.again(), alert={"kind": "taken"}, focus="creneau-1")
    except choose.LevelForbids:
        return Done(call.again(), alert={"kind": "wrong", "errors": _not_yet(call)})
    return Done(call, leave_to=url_for("console.show", reference=request.reference))


def _not_yet(call: Call) -> dict[str, str]:
    missing = {each.field: str(_("Il manque : %(what)s", what=each.text)) for each in call.missing}
    return missing or {"suite": str(_("Rien ne peut être réservé pour cette demande."))}


def _incomplete(call: Call, has_slot: bool) -> dict[str, str]:  # noqa: FBT001 - one of four lines
    request = call.request
    wanted = (
        ("creneau-1", has_slot, _("Choisissez un rendez-vous")),
        ("nom", request.family_name, _("Indiquez le nom de famille")),
        ("prenom", request.given_name, _("Indiquez le prénom")),
        ("telephone", request.phone, _("Indiquez un numéro de téléphone")),
    )
    return {name: str(sentence) for name, there, sentence in wanted if not there} | call.hints


def suspend(call: Call, form: Form) -> Done:
    """Set the call aside, on the list of those to go on with."""
    del form
    calls.suspend(call.session, call.request, by=call.by, now=call.now)
    return Done(call, leave_to=url_for("console.waiting", suspendu=""))


def transfer(call: Call, form: Form) -> Done:
    """Hand the call over to the 15, whatever was ticked; it stays on the list of those to check."""
    del form
    transfers.open_for(call.session, call.request, now=call.now)
    where = url_for("console.followed.transfer", reference=call.request.reference)
    return Done(call, leave_to=where)


def _noted(state: TransferState) -> Callable[[Call, Form], Done]:
    def note(call: Call, form: Form) -> Done:
        del form
        transfers.note(call.session, call.request, state, by=call.by, now=call.now)
        where = url_for("console.followed.transfer", reference=call.request.reference)
        return Done(call, leave_to=where)

    return note


def understood(call: Call, form: Form) -> Done:
    """Note that what to do if it gets worse was said, and understood (SR-15)."""
    judgement = staff_forms.a_reference(form.get("evaluation"))
    try:
        safety_net.note(call.session, call.request, judgement, by=call.by, now=call.now)
    except (ask.NotAssessed, safety_net.Overtaken):
        # The page shows what has to be said now.
        return Done(call)
    return Done(call.again(), focus="suite")


def promise(call: Call, form: Form) -> Done:
    """Promise that somebody calls back, for as long as somebody is there to do it."""
    del form
    request = call.request
    if not request.phone:
        errors = {"telephone": str(_("Indiquez un numéro de téléphone"))}
        return Done(call, alert={"kind": "wrong", "errors": errors}, focus="alerte")
    promised = nothing_free.promise(
        call.community, request.level or Level.SAME_DAY, request.deadline, now=call.now
    )
    if promised is None:
        return Done(call)
    ask.ask_for_call(
        call.session, request, phone=request.phone, hours=None, by=promised.by, now=call.now
    )
    return Done(call, leave_to=url_for("console.show", reference=request.reference))


def close(call: Call, form: Form) -> Done:
    """End the request without an appointment, for a reason that is said."""
    because = one(form, "pourquoi")
    if because not in staff_words.DECLINED_BECAUSE:
        errors = {"pourquoi": str(_("Choisissez pourquoi"))}
        return Done(call, alert={"kind": "wrong", "errors": errors}, focus="alerte")
    request = call.request
    ask.decline(call.session, request, because=because, by=str(call.by.account), now=call.now)
    logs.event("request_declined", request=request.reference, actor=call.by.account, reason=because)
    return Done(call, leave_to=url_for("console.waiting", close=""))


def stay(call: Call, form: Form) -> Done:
    """Do no more than was kept; a slot that was picked is kept for a while."""
    return hold(call, form)


BUTTONS: Mapping[str, Callable[[Call, Form], Done]] = {
    "connu": recognising.known,
    "autre": recognising.somebody_else,
    "motif": pick,
    "rendre": release,
    "reserver": book,
    "suspendre": suspend,
    "15": transfer,
    "ligne-prise": _noted(TransferState.LINE_TAKEN),
    "rappel-fait": _noted(TransferState.CALLED_BACK),
    "compris": understood,
    "promettre": promise,
    "clore": close,
}
"""What each button of the page does, by its value."""


def press(call: Call, form: Form, button: str) -> Done:
    """Do what a button says; with none, or one that is not ours, no more than keeping."""
    what, _colon, which = button.partition(":")
    if what == "personne":
        return recognising.this_person(call, form, which)
    done = BUTTONS.get(what, stay)(call, form)
    return done if done.searched or what == "motif" else replace(done, searched=_search(form))


def _search(form: Form) -> str:
    return one(form, "cherche")[:80]
