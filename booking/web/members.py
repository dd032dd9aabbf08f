"""The coordinator's page of members: who they are, what they may do, whether they are in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from booking import accounts, guards
from booking.audit import unit
from booking.audit.writing import About
from booking.desk import board
from booking.desk import members as choices
from booking.desk import membership as desk
from booking.desk.cascade import showing, terms
from booking.desk.membership import Member, Standing
from booking.extensions import db, equipment, now
from booking.models import Action, Role
from booking.web import member_forms, member_words, own_help, staff_forms, wording
from booking.web.member_files import files
from booking.web.staff_forms import FormRefused
from config import logs
from config.clock import local_day
from config.database import transaction
from schedules import legal, members
from schedules.annuaire.file import has_right_key
from schedules.members import MemberRefused
from schedules.models import Community, Professional

directory = Blueprint("members", __name__)
directory.register_blueprint(files)

MOST_SITES = 50


@dataclass(frozen=True)
class Room:
    """What every page of members knows."""

    session: Session
    community: Community
    now: datetime

    @property
    def today(self) -> date:
        """The day it is in the territory."""
        return local_day(self.now, self.community.zone)


def _room(session: Session) -> Room:
    return Room(session, board.community_of(session, guards.identity().community_id), now())


@directory.get("/coordination/membres")
@guards.open_to(Role.COORDINATOR)
def listing() -> ResponseReturnValue:
    """Show the members, all or those of a profession or with a word in their name or places."""
    asked = staff_forms.typed(request.args)
    with transaction(db.session) as session:
        here = _room(session)
        every = desk.listed(session, here.community.id, now=here.now)
        turns = _turns(here)
    found = [each for each in every if _is_asked_for(each, asked)]
    return render_template(
        "members/listing.html",
        errors={},
        community=here.community,
        members=[member_words.row(each, here.community, here.today) for each in found],
        count=len(every),
        asked=asked,
        disciplines=_disciplines_of(every),
        turns=turns,
    )


def _turns(here: Room) -> showing.Turns | None:
    """Return how often members were asked to help, where the community asks them at all."""
    if not terms.of(here.community.cascade).is_on:
        return None
    return showing.turns(here.session, here.community, now=here.now)


def _disciplines_of(every: list[Member]) -> list[dict[str, str]]:
    there = {each.who.discipline for each in every}
    return [each for each in member_forms.disciplines() if each["value"] in there]


def _is_asked_for(member: Member, asked: Mapping[str, str]) -> bool:
    who = member.who
    if asked.get("profession") and who.discipline != asked["profession"]:
        return False
    text = " ".join((who.name, who.rpps, *(f"{s.name} {s.city}" for s in member.sites)))
    words = staff_forms.plain(asked.get("q", "")).split()
    return all(word in staff_forms.plain(text) for word in words)


@directory.get("/coordination/membres/nouveau")
@guards.open_to(Role.COORDINATOR)
def new() -> ResponseReturnValue:
    """Show the form that adds a member."""
    with transaction(db.session) as session:
        return _new_page(_room(session), {"languages": "français"}, {})


def _new_page(here: Room, typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "members/new.html",
        errors=errors,
        typed=typed,
        community=here.community,
        civilities=member_forms.civilities(),
        disciplines=member_forms.disciplines(),
    )


@directory.post("/coordination/membres/nouveau")
@guards.open_to(Role.COORDINATOR)
def add() -> ResponseReturnValue:
    """Keep a new member, or say beside the field what is wrong."""
    said = staff_forms.typed(request.form)
    errors = dict[str, str]()
    with transaction(db.session) as session:
        here = _room(session)
        try:
            rpps = member_forms.rpps(said)
        except FormRefused as wrong:
            errors |= wrong.errors
        try:
            person = member_forms.person(said, None)
        except FormRefused as wrong:
            errors |= wrong.errors
        if errors:
            return _new_page(here, said, errors), 422
        try:
            made = members.add(session, here.community, rpps, person)
            unit.note(Action.MEMBER, About("professional", made.reference))
        except MemberRefused as refused:
            return _new_page(here, said, _sentence(refused)), 422
    logs.event("member_added", about=made.reference, actor=guards.identity().account)
    return _to(made.reference)


def _sentence(refused: MemberRefused | accounts.AccountRefused) -> dict[str, str]:
    return {refused.field: str(member_forms.REFUSED[refused.field, refused.why])}


def _to(reference: UUID, done: str = "fait") -> ResponseReturnValue:
    return redirect(url_for("coordination.members.show", reference=reference) + f"?{done}", 303)


@directory.get("/coordination/membres/<uuid:reference>")
@guards.open_to(Role.COORDINATOR)
def show(reference: UUID) -> ResponseReturnValue:
    """Show one member with everything that can be done."""
    with transaction(db.session) as session:
        return _page(_room(session), reference, {}, {})


def _page(here: Room, reference: UUID, typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    try:
        member = desk.member(here.session, here.community.id, reference, now=here.now)
    except members.NoSuchMember:
        abort(404)
    undecided = desk.undecided(here.session, member.who, now=here.now)
    account, turns = member.account, _turns(here)
    kept = member_forms.as_kept(member) | {
        "sites": [str(site.reference) for site in member.sites],
        "email": (account.email if account else member.who.email) or "",
    }
    return render_template(
        "members/show.html",
        errors=errors,
        typed={**kept, **typed},
        community=here.community,
        member=member_words.row(member, here.community, here.today),
        account_email=account.email if account else None,
        lost_factor_of=account
        and accounts.is_enrolled(here.session, account)
        and account.reference,
        is_invited=member.standing is Standing.INVITED,
        may_be_invited=member.standing in (Standing.NONE, Standing.INVITED, Standing.EXPIRED),
        has_wrong_key=not has_right_key(member.who.rpps),
        undecided=[_undecided(here, each) for each in undecided],
        civilities=member_forms.civilities(),
        disciplines=member_forms.disciplines(),
        codes=[
            {"value": code, "text": title}
            for code, title in legal.enablings(member.who.discipline).items()
        ],
        sites=[
            {"value": str(each.reference), "text": each.name}
            for each in choices.sites(here.session, here.community.id)
        ],
        asked=turns and own_help.sentence(turns, turns.by_member.get(reference, 0)),
        accepts=member.who.accepts_calls_for_help,
        done=next((key for key in ("fait", "invite") if key in request.args), None),
    )


def _undecided(here: Room, left: desk.Undecided) -> dict[str, Any]:
    return {
        "booking": left.booking,
        "when": wording.day_and_hour(left.starts_at, here.community.zone, now=here.now),
        "where": left.site_name,
    }


@contextmanager
def _changing(here: Room, reference: UUID) -> Iterator[Professional]:
    """Hand over a member, locked, and note that they were changed; a refusal notes nothing."""
    try:
        yield members.by_reference(here.session, here.community.id, reference, lock=True)
    except members.NoSuchMember:
        abort(404)
    unit.note(Action.MEMBER, About("professional", reference), community_id=here.community.id)


@directory.post("/coordination/membres/<uuid:reference>")
@guards.open_to(Role.COORDINATOR)
def change(reference: UUID) -> ResponseReturnValue:
    """Keep what was changed of a member."""
    said = staff_forms.typed(request.form)
    with transaction(db.session) as session:
        here = _room(session)
        try:
            with _changing(here, reference) as who:
                before = desk.member(session, here.community.id, reference, now=here.now)
                members.change(session, who, member_forms.person(said, before), now=here.now)
        except FormRefused as wrong:
            return _page(here, reference, said, wrong.errors), 422
    logs.event("member_changed", about=reference, actor=guards.identity().account)
    return _to(reference)


@directory.post("/coordination/membres/<uuid:reference>/lieux")
@guards.open_to(Role.COORDINATOR)
def choose_sites(reference: UUID) -> ResponseReturnValue:
    """Let a member work at the ticked places and no other; what is booked elsewhere stays."""
    wanted = staff_forms.references(request.form.getlist("sites"), most=MOST_SITES)
    with transaction(db.session) as session:
        here = _room(session)
        with _changing(here, reference) as who:
            sites = choices.site_ids(session, here.community.id, wanted)
            members.work_at(session, here.community, who, sites, now=here.now)
    logs.event("member_sites_changed", about=reference, actor=guards.identity().account)
    return _to(reference)


@directory.post("/coordination/membres/<uuid:reference>/habilitations")
@guards.open_to(Role.COORDINATOR)
def enable(reference: UUID) -> ResponseReturnValue:
    """Note what a member is enabled for, from when, until when."""
    said = staff_forms.typed(request.form)
    with transaction(db.session) as session:
        here = _room(session)
        by = guards.identity().account
        try:
            with _changing(here, reference) as who:
                days = vars(member_forms.days(said))
                members.enable(session, here.community, who, **days, by=by, now=here.now)
        except FormRefused as wrong:
            return _page(here, reference, said, wrong.errors), 422
        except MemberRefused as refused:
            return _page(here, reference, said, _sentence(refused)), 422
    logs.event("member_enabled", about=reference, actor=by)
    return _to(reference)


@directory.post("/coordination/membres/<uuid:reference>/habilitations/<uuid:enablement>")
@guards.open_to(Role.COORDINATOR)
def limit(reference: UUID, enablement: UUID) -> ResponseReturnValue:
    """Change the last day of an enablement, or let it count for nothing any more."""
    said = staff_forms.typed(request.form)
    field = f"ends_on-{enablement}"
    with transaction(db.session) as session:
        here = _room(session)
        try:
            with _changing(here, reference) as who:
                which = session, here.community, who, enablement
                if "retirer" in request.form:
                    members.withdraw_enablement(*which, now=here.now)
                else:
                    last = member_forms.last_day({"ends_on": said.get(field, "")})
                    members.limit(*which, last, now=here.now)
        except FormRefused as wrong:
            return _page(here, reference, said, {field: wrong.errors["ends_on"]}), 422
        except MemberRefused as refused:
            wrongs = {field: _sentence(refused)["ends_on"]}
            return _page(here, reference, said, wrongs), 422
    logs.event("member_enabled", about=reference, actor=guards.identity().account)
    return _to(reference)


@directory.post("/coordination/membres/<uuid:reference>/inviter")
@guards.open_to(Role.COORDINATOR)
def invite(reference: UUID) -> ResponseReturnValue:
    """Send a member the link by which they choose a password."""
    said = staff_forms.typed(request.form)
    actor, links = guards.identity().account, equipment().links
    try:
        with transaction(db.session) as session:
            here = _room(session)
            with _changing(here, reference) as who:
                email = said.get("email", "")
                desk.invite(
                    session, here.community, who, email, links=links, by=actor, now=here.now
                )
    except accounts.EmailTaken:
        errors = {"email": _("Cette adresse a déjà un compte")}
    except (MemberRefused, accounts.AccountRefused) as refused:
        errors = _sentence(refused)
    else:
        logs.event("member_invited", about=reference, actor=actor)
        return _to(reference, "invite")
    with transaction(db.session) as session:
        return _page(_room(session), reference, said, errors), 422


@directory.post("/coordination/membres/<uuid:reference>/suspendre")
@guards.open_to(Role.COORDINATOR)
def suspend(reference: UUID) -> ResponseReturnValue:
    """Offer nothing more of a member and let their account in no more; what is booked stays."""
    with transaction(db.session) as session:
        here = _room(session)
        with _changing(here, reference) as who:
            desk.suspend(session, here.community, who, now=here.now)
    logs.event("member_suspended", about=reference, actor=guards.identity().account)
    return _to(reference)


@directory.post("/coordination/membres/<uuid:reference>/reprendre")
@guards.open_to(Role.COORDINATOR)
def reinstate(reference: UUID) -> ResponseReturnValue:
    """Offer a member's time again, and let their account in."""
    with transaction(db.session) as session:
        here = _room(session)
        with _changing(here, reference) as who:
            members.reinstate(session, here.community, who, now=here.now)
    logs.event("member_reinstated", about=reference, actor=guards.identity().account)
    return _to(reference)
