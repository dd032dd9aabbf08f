"""The coordinator reads what patients are told, and says it in the community's own words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext
from sqlalchemy.orm import Session

from booking import guards
from booking.desk import board
from booking.desk import own_words as desk
from booking.extensions import db, equipment, now
from booking.models import Role
from booking.web import staff_forms
from config.database import transaction
from notifications import own_words, proofreading
from notifications.gsm7 import segments, septets
from notifications.messages import Message
from notifications.proofreading import Fault, WordsRefused
from notifications.texts import TEXTS, Language
from schedules.models import Community

message_words = Blueprint("messages", __name__)

FIELD = "texte"
MOST_READ = 20_000
"""Letters of what was typed that are read and shown again: far beyond what is accepted."""

CASES = {
    "confirmed": lazy("Rendez-vous confirmé"),
    "reminder": lazy("Rappel du rendez-vous"),
    "moved": lazy("Rendez-vous déplacé"),
    "relocated": lazy("Changement de lieu"),
    "cancelled_by_practice": lazy("Annulé par le cabinet"),
    "cancelled_others_kept": lazy("Annulé par le cabinet, d’autres rendez-vous gardés"),
    "cancelled_by_patient": lazy("Annulé par le patient"),
    "late": lazy("Retard du professionnel"),
    "call_back": lazy("Promesse de rappel"),
    "offered": lazy("Place qui se libère"),
}
PARTS = {"sms": lazy("SMS"), "voice": lazy("Appel automatique"), "email": lazy("Courriel")}
LANGUAGES = {"fr": lazy("En français"), "en": lazy("En anglais")}

MARKS = {
    "day": lazy("le jour"),
    "hour": lazy("l’heure"),
    "place": lazy("l’adresse, avec la virgule qui la précède"),
    "where": lazy("le lieu et son adresse"),
    "moment": lazy("le jour et l’heure"),
    "link": lazy("le lien de la personne"),
    "before": lazy("ce qui n’est plus vrai : l’heure ou le lieu d’avant"),
    "until": lazy("l’heure limite pour répondre"),
    "minutes": lazy("les minutes de retard"),
}


@dataclass(frozen=True)
class Text:
    """One text of a community: which it is, ours, and what is said now."""

    case: str
    part: str
    language: Language
    ours: str
    now_said: str
    example: Message

    @property
    def is_own(self) -> bool:
        """Whether the community says it in its own words."""
        return self.now_said != self.ours

    def shown(self, text: str) -> dict[str, Any]:
        """Return what these words look like when they leave."""
        filled = proofreading.said(self.example, self.part, text)
        if self.part != "sms":
            return {"text": filled, "size": ""}
        count = ngettext("%(num)d SMS", "%(num)d SMS", segments(filled))
        size = _("%(count)s, %(letters)s caractères", count=count, letters=septets(filled))
        return {"text": filled, "size": size}


def _text(session: Session, community: Community, case: str, part: str, language: Language) -> Text:
    values = desk.example(session, community, case, equipment().links)
    said = own_words.wording(community.wording, case, language)
    return Text(
        case=case,
        part=part,
        language=language,
        ours=own_words.ours(case, part, language),
        now_said=getattr(said, part),
        example=proofreading.example_of(case, language, values),
    )


@message_words.get("/coordination/messages")
@guards.open_to(Role.COORDINATOR)
def listing() -> ResponseReturnValue:
    """Show every text as it leaves, in one language, with what it costs."""
    language = _language(request.args.get("langue", "fr"))
    with transaction(db.session) as session:
        community = board.community_of(session, guards.identity().community_id)
        groups = [
            {
                "title": title,
                "texts": [
                    _row(_text(session, community, case, part, language))
                    for part in PARTS
                    if own_words.ours(case, part, language)
                ],
            }
            for case, title in CASES.items()
        ]
    return render_template(
        "coordination/messages.html",
        errors={},
        community=community,
        groups=groups,
        languages=LANGUAGES,
        told_in=language,
        is_saved="fait" in request.args,
    )


def _row(text: Text) -> dict[str, Any]:
    shown = text.shown(text.now_said)
    return {
        **shown,
        "id": f"{text.case}-{text.part}",
        "part": PARTS[text.part],
        "is_own": text.is_own,
        "url": _url("edit", text),
    }


def _url(view: str, text: Text) -> str:
    return url_for(
        f"coordination.messages.{view}", case=text.case, part=text.part, language=text.language
    )


@message_words.get("/coordination/messages/<case>/<part>/<language>")
@guards.open_to(Role.COORDINATOR)
def edit(case: str, part: str, language: str) -> ResponseReturnValue:
    """Show one text with its marks, to change."""
    with transaction(db.session) as session:
        text = _asked(session, case, part, language)
        return _page(session, text, own_words.in_french(text.now_said), text.now_said, {})


def _asked(session: Session, case: str, part: str, language: str) -> Text:
    """Return the text that an address names, or end the request with 404."""
    if case not in CASES or part not in PARTS or language not in LANGUAGES:
        abort(404)
    spoken = _language(language)
    if not own_words.ours(case, part, spoken):
        abort(404)
    community = board.community_of(session, guards.identity().community_id)
    return _text(session, community, case, part, spoken)


@message_words.post("/coordination/messages/<case>/<part>/<language>")
@guards.open_to(Role.COORDINATOR)
def save(case: str, part: str, language: str) -> ResponseReturnValue:
    """Keep the text, show what it would look like, or take ours again; else say what is wrong."""
    typed = _typed(request.form.get(FIELD, ""), is_one_line=part != "email")
    with transaction(db.session) as session:
        text = _asked(session, case, part, language)
        which: dict[str, Any] = {"case": case, "part": part, "language": text.language}
        who = guards.identity()
        if "revenir" in request.form:
            desk.back_to_ours(session, who.community_id, **which)
            return _back(text)
        words = own_words.from_french(typed, text.ours)
        try:
            if "apercu" in request.form:
                proofreading.check(text.example, part, words)
                return _page(session, text, typed, words, {})
            desk.save(
                session,
                who.community_id,
                words,
                **which,
                links=equipment().links,
                by=who.account,
                now=now(),
            )
        except WordsRefused as wrong:
            return _page(session, text, typed, None, {FIELD: _why(wrong)}), 422
    return _back(text)


def _back(text: Text) -> ResponseReturnValue:
    page = url_for("coordination.messages.listing", langue=text.language, fait=1)
    return redirect(f"{page}#{text.case}-{text.part}", 303)


def _typed(said: str, *, is_one_line: bool) -> str:
    """Return what was typed without what no keyboard writes; a mail keeps its lines."""
    lines = [staff_forms.clean(line) for line in said[:MOST_READ].splitlines()]
    if is_one_line:
        return staff_forms.clean(" ".join(lines))
    whole = "\n".join(lines).strip()
    return whole + "\n" if whole else ""


def _language(said: str) -> Language:
    return cast("Language", said if said in TEXTS else "fr")


def _why(wrong: WordsRefused) -> str:
    mark = own_words.IN_FRENCH.get(wrong.detail, wrong.detail)
    sentences: dict[Fault, str] = {
        Fault.EMPTY: _("Écrivez un texte"),
        Fault.TOO_LONG: _(
            "Ce texte est trop long de %(count)s caractères, pour l’adresse la plus longue",
            count=wrong.detail,
        ),
        Fault.UNKNOWN_MARK: _("« %(mark)s » ne peut pas figurer dans ce texte", mark=mark),
        Fault.MISSING_MARK: _("Il manque « {%(mark)s} »", mark=mark),
        Fault.LINK_IS_STUCK: _("Mettez un espace avant et après « {lien} »"),
        Fault.ANOTHER_SITE: _(
            "N’écrivez pas d’adresse web : seul « {lien} » en donne une. "
            "Mettez un espace après chaque point."
        ),
        Fault.WITHOUT_15: _("Gardez le 15 : ce texte dit quoi faire si l’état s’aggrave"),
    }
    return sentences[wrong.fault]


def _page(
    session: Session, text: Text, typed: str, words: str | None, errors: Mapping[str, str]
) -> str:
    used = dict.fromkeys(own_words.MARK.findall(text.ours))
    return render_template(
        "coordination/message.html",
        errors=errors,
        community=board.community_of(session, guards.identity().community_id),
        title=CASES[text.case],
        part=PARTS[text.part],
        told_in=LANGUAGES[text.language],
        typed=typed,
        preview=text.shown(words) if words is not None else None,
        is_own=text.is_own,
        ours=text.shown(text.ours),
        marks=[(f"{{{own_words.IN_FRENCH[mark]}}}", MARKS[mark]) for mark in used],
        rows=12 if text.part == "email" else 4,
        list_url=url_for("coordination.messages.listing", langue=text.language),
    )
