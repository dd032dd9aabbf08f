"""Ask for care, and read where a request stands. Each answer is plain JSON."""

from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from booking.api import showing, territory
from booking.api.asked import CareRequest as Wanted
from booking.api.asked import Signs
from booking.api.door import Call, with_links
from booking.api.idempotency import Answer
from booking.api.problems import Kind, Problem, invalid
from booking.desk import again, ask, choose
from booking.extensions import equipment
from booking.models import CareRequest, Scope
from booking.triage import exchange
from booking.triage.protocol import Protocol


def open_request(call: Call, wanted: Wanted) -> Answer:
    """Open a request, let triage judge it, and propose what is free in time: 201.

    Raises:
        Problem: INVALID, for another community or what nobody knows here; NO_PROTOCOL.
    """
    community = call.client.community
    if wanted.community != community.slug:
        raise invalid("community", _("Cette clé n’est pas celle de cette communauté."))
    protocol = equipment().protocol(call.language, call.client.community.id)
    changes = _answered(wanted, protocol) | territory.known(call.session, community.id, wanted)
    request = ask.start(
        call.session,
        community,
        channel=wanted.channel,
        language=call.language,
        links=equipment().links,
        opened_by=call.client.reference,
        now=call.now,
    )
    ask.amend(call.session, request, changes)
    try:
        ask.assess(call.session, request, protocol, community, now=call.now)
    except ask.ProtocolNotInForce:
        raise Problem(Kind.NO_PROTOCOL) from None
    said = showing.standing(call, request)
    return Answer(201, said | {"proposals": _free(call, request)})


def answer_signs(call: Call, reference: UUID, wanted: Signs) -> Answer:
    """Judge again with fresh answers to the warning signs: 200, with what is free in time.

    Raises:
        Problem: NOT_FOUND; ALREADY_BOOKED; LEVEL_FORBIDS, where nothing may be booked anyway;
            NO_PROTOCOL.
    """
    request = to_change(call, reference)
    protocol = equipment().protocol(call.language, call.client.community.id)
    if request.level is None or not request.level.is_bookable:
        raise Problem(Kind.LEVEL_FORBIDS)
    community = call.client.community
    try:
        again.answer(call.session, request, protocol, community, wanted.answers, now=call.now)
    except ask.AlreadyBooked:
        raise Problem(Kind.ALREADY_BOOKED) from None
    except ask.ProtocolNotInForce:
        raise Problem(Kind.NO_PROTOCOL) from None
    said = showing.standing(call, request)
    return Answer(200, said | {"proposals": _free(call, request)})


def show(call: Call, reference: UUID) -> dict[str, Any]:
    """Return where a request stands, with its live appointment.

    Raises:
        Problem: NOT_FOUND, if this key opened none of that name.
    """
    request = _seen(call, reference)
    said = showing.standing(call, request) | {"booking": showing.live(call, request)}
    # Whoever has the links can cancel: that is more than to read.
    if not call.may(Scope.BOOKINGS_WRITE):
        return said | {"links": None}
    return with_links(said, equipment().links)


def proposals(call: Call, reference: UUID) -> list[dict[str, Any]]:
    """Return what is free for this request now, best first; nothing where nothing may be booked.

    Raises:
        Problem: NOT_FOUND, if this key opened none of that name.
    """
    return showing.proposals(call, _seen(call, reference), choose.SHOWN)


def _free(call: Call, request: CareRequest) -> list[dict[str, Any]] | None:
    """Return what is free in time; None where the key is not for that: it is not "nothing"."""
    if not call.may(Scope.SLOTS_READ):
        return None
    return showing.proposals(call, request, choose.SHOWN)


def to_change(call: Call, reference: UUID) -> CareRequest:
    """Return a request that this key opened, locked.

    Raises:
        Problem: NOT_FOUND, also for a request that another key or a patient opened.
    """
    try:
        request = ask.by_reference(call.session, call.client.community.id, reference)
    except ask.NoSuchRequest:
        raise Problem(Kind.NOT_FOUND) from None
    return _own(call, request)


def _seen(call: Call, reference: UUID) -> CareRequest:
    """Return a request that this key opened, not locked: readers make nobody wait."""
    request = call.session.scalar(
        select(CareRequest).where(
            CareRequest.community_id == call.client.community.id,
            CareRequest.reference == reference,
        )
    )
    if request is None:
        raise Problem(Kind.NOT_FOUND)
    return _own(call, request)


def _own(call: Call, request: CareRequest) -> CareRequest:
    # A reference stands in logs and is no secret: one partner must not read another's patients.
    if request.opened_by != call.client.reference:
        raise Problem(Kind.NOT_FOUND)
    return request


def _answered(wanted: Wanted, protocol: Protocol) -> dict[str, Any]:
    """Return what triage looks at, as the request keeps it.

    Raises:
        Problem: INVALID.
    """
    for place, complaint in enumerate(wanted.complaints):
        if complaint not in protocol.by_complaint:
            raise invalid(f"complaints.{place}", _("Le protocole ne connaît pas ce motif."))
    line = wanted.model_dump(
        include={"patient": {"age_years", "age_months", "sex", "pregnant"}}
    ) | {"complaints": wanted.complaints, "answers": wanted.answers}
    try:
        patient, complaints, answers = exchange.parse(line, protocol)
    except exchange.BadInput as bad:
        raise invalid(bad.field, bad.message) from None
    return {
        "age_months": patient.age_months,
        "older_by_months": patient.older_by_months,
        "sex": patient.sex,
        "pregnant": patient.pregnant,
        "complaints": list(complaints),
        "answers": answers,
    }
