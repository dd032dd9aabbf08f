"""What `serve` tells whoever started it: where to look, and how to get into the demonstration."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import exists, select

from booking import demo
from booking.demo import seeding
from booking.extensions import db, equipment, now
from config import logs
from config.database import transaction
from config.settings import Settings
from schedules.models import Community

ROLES = {
    "operator": "opératrice",
    "secretary": "secrétaire",
    "professional": "médecin",
    "coordinator": "coordinateur",
    "administrator": "administration",
}


def prepare_demo(settings: Settings) -> Mapping[str, Any] | None:
    """Make the demonstration in an empty database, keep it fresh; return its sign-ins if known."""
    if settings.is_production:
        return None
    with transaction(db.session) as session:
        community = seeding.the_community(session)
        if community is not None:
            demo.replenish(session, community, now=now())
        elif session.scalar(select(exists().where(Community.id.is_not(None)))):
            return None
    if community is None:
        return seed_demo()
    return _remembered(settings)


def seed_demo() -> Mapping[str, Any]:
    """Make the demonstration, write how to get in into var/demo.json, and return it.

    Raises:
        demo.AlreadySeeded: if it is there.
    """
    kit = equipment()
    moment = now()
    with transaction(db.session) as session:
        made = demo.seed(session, protocol=kit.delivered["fr"], links=kit.links, now=moment)
    told = demo.described(made, kit.settings.base_url)
    _write(kit.settings, told)
    logs.event("demo_seeded", count=made.slots)
    return told


def _write(settings: Settings, told: Mapping[str, Any]) -> None:
    settings.var.mkdir(parents=True, exist_ok=True)
    file = settings.var / "demo.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _remembered(settings: Settings) -> Mapping[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads((settings.var / "demo.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    told["url"] = settings.base_url
    _write(settings, told)
    return told


def welcome(settings: Settings, told: Mapping[str, Any] | None) -> Iterator[str]:
    """Return where everything is, line by line, for people."""
    home = settings.base_url
    yield ""
    yield "JourMême est prêt."
    yield ""
    yield f"  Patients      {home}/"
    yield f"  Équipes       {home}/connexion"
    if settings.keeps_messages_here:
        yield f"  Messages      {home}/dev/messages  (SMS et courriels qui ne partent pas)"
    yield f"  Logiciels     {home}/api/openapi.json"
    yield ""
    if told:
        yield from sign_ins(told)
    yield "Ctrl-C arrête tout."


def sign_ins(told: Mapping[str, Any]) -> Iterator[str]:
    """Return how to get into the demonstration, line by line, for people."""
    yield "Comptes de démonstration (personnages et lieux inventés) :"
    yield ""
    for each in told["accounts"]:
        role = ROLES.get(each["role"], each["role"])
        yield f"  {role:<15} {each['email']:<40} {each['password']}"
    yield f"  {'clé de l’API':<15} {told['api_key']}"
    yield ""
    yield "Ces accès sont aussi dans var/demo.json."
