"""Members in words: standing, days, languages, and what a table of members would change."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from babel import Locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext

from booking.desk.membership import Member, Standing
from booking.web import wording
from config.clock import local_day
from schedules import legal, nomenclature
from schedules.models import Community, Enablement
from schedules.rostering import Effect, Planned, Remark

STANDINGS = {
    Standing.NONE: lazy("Pas de compte"),
    Standing.INVITED: lazy("Invité"),
    Standing.EXPIRED: lazy("Invitation dépassée"),
    Standing.ACTIVE: lazy("Actif"),
    Standing.SUSPENDED: lazy("Suspendu"),
}

EFFECTS = {
    Effect.NEW: lazy("Nouveau"),
    Effect.CHANGED: lazy("Modifié"),
    Effect.SAME: lazy("Inchangé"),
    Effect.REFUSED: lazy("Refusé"),
}

REMARKS = {
    ("RPPS", "digits"): lazy("RPPS : 11 chiffres sont attendus"),
    ("RPPS", "twice"): lazy("RPPS : déjà sur une ligne plus haut"),
    ("RPPS", "key"): lazy("RPPS : clé inattendue, à vérifier"),
    ("Nom", "name"): lazy("Nom : de 1 à 80 caractères sont attendus"),
    ("Prénom", "name"): lazy("Prénom : de 1 à 80 caractères sont attendus"),
    ("Profession", "unknown"): lazy("Profession : code inconnu"),
    ("Civilité", "unknown"): lazy("Civilité : « Dr », « Pr » ou rien ; laissée de côté"),
    ("E-mail", "invalid"): lazy("E-mail : ce n’est pas une adresse ; laissé de côté"),
    ("Langues", "unknown"): lazy("Langues : code inconnu, laissé de côté"),
    ("Lieux", "key"): lazy("Lieux : clé du FINESS inattendue, à vérifier"),
    ("Lieux", "unknown"): lazy("Lieux : aucun lieu, ou plusieurs, de ce nom ; laissé de côté"),
    ("Habilitations", "unreadable"): lazy(
        "Habilitations : code et dates attendus ; laissé de côté"
    ),
    ("Habilitations", "unknown"): lazy(
        "Habilitations : pas pour cette profession ; laissé de côté"
    ),
    ("Habilitations", "overlaps"): lazy(
        "Habilitations : dates qui se chevauchent ; laissé de côté"
    ),
}


def row(member: Member, community: Community, today: date) -> dict[str, Any]:
    """Return a member as the list shows them."""
    who = member.who
    return {
        "reference": who.reference,
        "name": who.name,
        "rpps": who.rpps,
        "discipline": wording.capital(nomenclature.label(who.discipline, wording.language())),
        "sites": [site.name for site in member.sites],
        "languages": ", ".join(languages(who.languages)),
        "enabled": [enablement(each, who.discipline, today) for each in member.enabled],
        "standing": str(STANDINGS[member.standing]),
        "is_suspended": member.standing is Standing.SUSPENDED,
        "last": last_offer(member, community, today),
    }


def last_offer(member: Member, community: Community, today: date) -> str:
    """Return how long ago somebody offered time: « il y a 9 jours »."""
    if member.last_offer is None:
        return str(_("aucune"))
    days = (today - local_day(member.last_offer, community.zone)).days
    if days <= 0:
        return str(_("aujourd’hui"))
    return str(ngettext("il y a %(num)d jour", "il y a %(num)d jours", days))


def enablement(each: Enablement, discipline: str, today: date) -> dict[str, Any]:
    """Return one enablement with its days, and whether it counts today."""
    is_over = each.ends_on is not None and each.ends_on < today
    return {
        "reference": each.reference,
        "title": legal.enablings(discipline).get(each.code, each.code),
        "from": wording.birth_day(each.starts_on),
        "until": each.ends_on and wording.birth_day(each.ends_on),
        "ends_on": each.ends_on and each.ends_on.isoformat(),
        "counts": each.starts_on <= today and not is_over,
        "is_over": is_over,
    }


def languages(codes: Iterable[str]) -> list[str]:
    """Return languages by their names, for people."""
    names = Locale(wording.language()).languages
    return [names.get(code, code) for code in codes]


def language_codes(text: str) -> tuple[list[str], list[str]]:
    """Return the codes of the languages that were typed, by name or code, and what is none."""
    names: dict[str, str] = {}
    for locale in ("en", "fr"):
        names |= {name.casefold(): code for code, name in Locale(locale).languages.items()}
    codes, unknown = dict[str, None](), list[str]()
    for said in filter(None, (part.strip().casefold() for part in text.split(","))):
        code = said if said in Locale("fr").languages else names.get(said)
        if code is None:
            unknown.append(said)
        else:
            codes[code] = None
    return list(codes), unknown


def line(planned: Planned) -> dict[str, Any]:
    """Return what one line of a file would do."""
    return {
        "number": planned.number,
        "name": planned.name,
        "rpps": planned.rpps,
        "effect": str(EFFECTS[planned.effect]),
        "kind": planned.effect.value,
        "changes": ", ".join(planned.changes),
        "remarks": [_remark(each) for each in planned.remarks],
    }


def counted(counts: Mapping[Effect, int]) -> list[str]:
    """Return how many lines would do what; what none does is not said."""
    new, changed, same, refused = (counts[effect] for effect in Effect)
    said = (
        (new, ngettext("%(num)d nouveau", "%(num)d nouveaux", new)),
        (changed, ngettext("%(num)d modifié", "%(num)d modifiés", changed)),
        (same, ngettext("%(num)d inchangé", "%(num)d inchangés", same)),
        (refused, ngettext("%(num)d refusé", "%(num)d refusés", refused)),
    )
    return [str(text) for count, text in said if count]


def _remark(remark: Remark) -> str:
    sentence = str(REMARKS[remark.column, remark.why])
    return f"{sentence} ({remark.said})" if remark.said else sentence
