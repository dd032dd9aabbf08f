"""A call → the pieces of its page, each drawn once; and which of them an answer has to change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from flask import current_app, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from booking.desk import callers
from booking.models import CallerIs
from booking.web import staff_words, wording
from booking.web.booking_pages import UNAVAILABLE
from booking.web.calls import beside, finding, stages
from booking.web.calls.call import Call
from booking.web.calls.stages import Stage
from notifications.phones import PhoneInvalid, parse

Shown = dict[str, Any]

SAVED, ALERT = "etat", "alerte"
FREE = "libre"
LISTS = ("signes-tous", "signes-age", "signes-motif", "signes-mots")

PIECES = (
    "cle",
    SAVED,
    "bande",
    ALERT,
    *LISTS,
    "dit-telephone",
    "dit-commune",
    "dit-naissance",
    "dit-medecin",
    "dit-nom",
    "zone-sexe",
    "zone-motifs",
    "zone-questions",
    "zone-appelant",
    "zone-identite",
    "delai",
    "suite",
    "zone-adresse",
    FREE,
    "agir",
)
"""The pieces of the page by their ids; those inside another come before it."""

WITHIN = {
    "dit-telephone": "zone-appelant",
    "dit-commune": "zone-appelant",
    "dit-naissance": "zone-appelant",
    "zone-sexe": "zone-appelant",
    "dit-medecin": "zone-identite",
    "dit-nom": "zone-identite",
    "delai": "suite",
}
"""What comes with a piece when that one is drawn again."""

PERSON = ("zone-appelant", "zone-identite")
"""The fields of the person: drawn again only when a known person's are filled in, or emptied."""


@dataclass(frozen=True)
class Piece:
    """One piece of the page. While the seal stays the same, nobody needs it again."""

    name: str
    html: Markup
    seal: str


def pieces(call: Call, shown: Shown) -> dict[str, Piece]:
    """Draw every piece of the page.

    A piece with fields is sealed by what is asked in it, not by what was answered: an answer that
    is on its way must not be overwritten by the one before.
    """
    drawn: dict[str, Piece] = {}
    seals = _seals(call, shown)
    context: Shown = {**shown, "pieces": drawn}
    current_app.update_template_context(context)
    for name in PIECES:
        if name == FREE and shown["soonest"] is None:
            continue
        html = current_app.jinja_env.get_template(f"console/call/{name}.html").render(context)
        seal = seals.get(name) or _of(_without_pieces(html, drawn))
        # The seal travels with the form: the next answer says what the page already shows.
        mark = f'<input type="hidden" form="appel" name="vu" value="{name}:{seal}">'
        drawn[name] = Piece(name, Markup(html.replace("<!--vu-->", mark, 1)), seal)  # noqa: S704
    return drawn


def _without_pieces(html: str, drawn: Mapping[str, Piece]) -> str:
    """Return a piece without those that it holds: a clock that ticks changes nothing around it."""
    for each in drawn.values():
        html = html.replace(each.html, "")
    return html


def changed(drawn: Mapping[str, Piece], seen: Collection[str], *, person: bool) -> str:
    """Return the pieces that the page does not show yet, to be put into it where they belong."""
    again = {
        piece.name
        for piece in drawn.values()
        if (person if piece.name in PERSON else f"{piece.name}:{piece.seal}" not in seen)
    }
    return "\n".join(
        _in_place(drawn[name]) for name in drawn if name in again and _is_apart(name, drawn, again)
    )


def _is_apart(name: str, drawn: Mapping[str, Piece], again: Collection[str]) -> bool:
    """Return whether a piece has to be sent by itself: not with, nor without, the one around it."""
    around = WITHIN.get(name)
    return around is None or (around not in again and drawn[name].html in drawn[around].html)


def _in_place(piece: Piece) -> str:
    # What is spoken aloud when it changes must stay in the page: only its inside is exchanged.
    how = "innerHTML" if piece.name in (SAVED, ALERT) else "true"
    return str(piece.html).replace(
        f'id="{piece.name}"', f'id="{piece.name}" data-hx-swap-oob="{how}"', 1
    )


def _seals(call: Call, shown: Shown) -> dict[str, str]:
    lists = {each.stage: each.seal for each in call.lists}
    found = {
        "signes-tous": lists.get(Stage.EVERYBODY, "-"),
        "signes-age": lists.get(Stage.AGE, "-"),
        "signes-motif": lists.get(Stage.COMPLAINT, "-"),
        "signes-mots": lists.get(Stage.WORDS, "-"),
        "zone-sexe": f"{call.asks_sex}{call.asks_pregnancy}",
        "zone-motifs": _of(shown["chosen"], shown["found"], shown["searched"]),
        "zone-questions": _of(q.id for q in shown["criteria"]),
        "zone-adresse": f"{shown['suite']['kind'] == 'emergency'}",
    }
    return found | dict.fromkeys(PERSON, "-")


def _of(*parts: object) -> str:
    said = "|".join(
        part if isinstance(part, str) else " ".join(map(str, part))  # type: ignore[call-overload]
        for part in parts
    )
    return sha256(said.encode()).hexdigest()[:10]


def values(call: Call, *, searched: str, only_wheelchair: bool, has_soonest: bool = True) -> Shown:
    """Return all that the templates of the page need, as plain values.

    What is free soon is looked up only if asked for: it need not be new at every field.
    """
    request, asked = call.request, call.asked
    suite = beside.shown(call, only_wheelchair=only_wheelchair)
    if suite["kind"] == "none":
        suite["to_say"] = beside.what_to_say(suite["promise"])
    soonest: list[Shown] | None = [] if suite["kind"] != "before" else None
    if soonest is None and has_soonest:
        soonest = beside.soonest(call)
    return {
        "soonest": soonest,
        "community": call.community,
        "reference": "" if call.is_new else request.reference,
        "version": request.version,
        "origin": request.channel,
        "saved_at": _saved_at(call),
        "lists": {each.stage.value: each for each in call.lists},
        "typed": typed(call) | call.typed,
        "hints": call.hints,
        "communes": call.around.communes,
        "doctors": call.around.doctors,
        "said": _said(call),
        "known": _known(call),
        "is_filled_in": bool(request.family_name and request.given_name),
        "callers": staff_words.CALLERS,
        "is_elsewhere": request.caller is CallerIs.ELSEWHERE,
        "asks_sex": call.asks_sex,
        "asks_pregnancy": call.asks_pregnancy,
        "chosen": [each.id for each in call.complaints],
        "complaints": call.complaints,
        "searched": searched,
        "found": _found(call, searched),
        "criteria": stages.criteria(asked) if call.complaints else (),
        "answers": request.answers,
        "suite": suite,
        "may_book": suite["kind"] == "choose" and suite["held"] is not None,
        "missing": call.missing,
    }


def _saved_at(call: Call) -> str:
    saved: datetime | None = call.request.saved_at
    return wording.hour(saved, call.zone) if saved is not None and not call.is_new else ""


def _found(call: Call, searched: str) -> list[Any]:
    chosen = {each.id for each in call.complaints}
    return [c for c in finding.complaints(searched, call.possible) if c.id not in chosen]


def _known(call: Call) -> list[Shown]:
    """Return the people who called from this number before; nobody once a name is there."""
    request = call.request
    if not request.phone or request.family_name or request.given_name:
        return []
    people = callers.known(call.session, call.reach, request.phone, now=call.now)
    return [
        {
            "reference": each.request,
            "name": staff_words.person(each.family_name, each.given_name),
            "age": staff_words.age(each.birth_date, None, call.today),
            "last": wording.day(each.last_seen_at, call.zone, now=call.now),
            "has_appointment": each.has_appointment,
            "search_url": url_for("console.waiting", q=request.phone),
        }
        for each in people
        if each.request != request.reference
    ]


def _said(call: Call) -> Shown:
    """Return what the page says back of what was typed, beside each field."""
    request = call.request
    commune = next((c for c in call.around.communes if c.insee == request.commune_insee), None)
    doctor = next((d for d in call.around.doctors if d.reference == request.regular_doctor), None)
    return {
        "telephone": _line(request.phone) if request.phone else "",
        "is_mobile": _is_mobile(request.phone),
        "commune": f"{commune.name} ({commune.postal_code})" if commune else "",
        "naissance": staff_words.age(request.birth_date, request.age_months, call.today),
        "born": request.birth_date and wording.birth_day(request.birth_date),
        "medecin": doctor.name if doctor else _no_doctor(request.has_regular_doctor),
        "sexe": str(staff_words.SEXES.get(request.sex or "", "")).lower(),
    }


def _line(phone: str) -> str:
    if _is_mobile(phone):
        return str(_("Portable : %(phone)s", phone=wording.spaced(phone)))
    return str(_("Fixe, sans SMS : %(phone)s", phone=wording.spaced(phone)))


def _is_mobile(phone: str | None) -> bool:
    try:
        return phone is not None and parse(phone).is_mobile
    except PhoneInvalid:
        return False


def _no_doctor(said: str | None) -> str:
    if said == "no":
        return str(_("Pas de médecin traitant"))
    return str(_("Médecin hors de la CPTS")) if said == UNAVAILABLE else ""


def typed(call: Call) -> dict[str, str]:
    """Return what the fields hold when nobody types: what is kept, as somebody would type it."""
    request, said = call.request, _said(call)
    commune = next((c for c in call.around.communes if c.insee == request.commune_insee), None)
    doctor = next((d for d in call.around.doctors if d.reference == request.regular_doctor), None)
    born = request.birth_date
    has_doctor = request.has_regular_doctor
    return {
        "telephone": wording.spaced(request.phone) if request.phone else "",
        "commune": commune.name if commune else "",
        "qui": request.caller or "",
        "naissance": f"{born:%d/%m/%Y}" if born else str(said["naissance"]),
        "sexe": request.sex or "",
        "enceinte": request.pregnant or "",
        "adresse": request.current_address or "",
        "precision": request.note or "",
        "medecin": doctor.name
        if doctor
        else {"no": _("aucun"), UNAVAILABLE: _("hors CPTS")}.get(has_doctor or "", ""),
        "nom": request.family_name or "",
        "prenom": request.given_name or "",
        "sms": "oui" if request.wants_sms else "",
    }
