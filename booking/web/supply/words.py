"""Reserved time and what was done to it, in the words of people."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext

from booking.desk.acts import Done
from booking.desk.copying import Skipped
from booking.web import staff_words, wording
from config.clock import local_day
from schedules import undo
from schedules.models import ActKind, Community

Run = Sequence[tuple[datetime, datetime]]

SKIPPED = {
    Skipped.PAST: lazy("heure passée"),
    Skipped.ABSENT: lazy("absence"),
    Skipped.HOLIDAY: lazy("jour férié"),
    Skipped.OVERLAPS: lazy("déjà un créneau"),
}
CANNOT_UNDO = {
    "late": lazy("Plus de dix minutes ont passé : cela ne s’annule plus."),
    "undone": lazy("C’est déjà annulé."),
    "changed_since": lazy("Quelque chose a changé depuis : annulez d’abord le plus récent."),
    "overlaps": lazy("Une autre plage a été enregistrée à ces heures depuis."),
}
ACTS = {
    ActKind.OPENING_MADE: lazy("Plage habituelle enregistrée"),
    ActKind.OPENING_ENDED: lazy("Plage habituelle arrêtée"),
    ActKind.OPENING_CHANGED: lazy("Plage habituelle modifiée"),
    ActKind.DAY_SKIPPED: lazy("Jour sans créneaux noté"),
    ActKind.ABSENCE_MADE: lazy("Absence enregistrée"),
    ActKind.ABSENCE_ENDED: lazy("Absence retirée"),
}


def minutes(length: timedelta) -> int:
    """Return a length in whole minutes."""
    return int(length.total_seconds()) // 60


def run(times: Run, community: Community) -> str:
    """Return « 3 créneaux de 20 min : 11 h 00, 11 h 20, 11 h 40 »."""
    lengths = sorted({minutes(ends - starts) for starts, ends in times})
    count = staff_words.counted(len(times), _("créneau"), _("créneaux"))
    what = _("%(count)s de %(minutes)s min", count=count, minutes=_(" ou ").join(map(str, lengths)))
    # Of an hour with several places, each is a slot: the hour is said once.
    starts = dict.fromkeys(starts for starts, _ends in times)
    hours = ", ".join(wording.hour(each, community.zone) for each in starts)
    return str(_("%(what)s : %(hours)s", what=what, hours=hours))


def by_day(times: Run, community: Community, now: datetime) -> list[dict[str, str]]:
    """Return a line for each day: its name, and the slots of it."""
    zone = community.zone
    days = groupby(sorted(times), key=lambda each: local_day(each[0], zone))
    return [
        {
            "day": wording.day(in_day[0][0], zone, now=now),
            "what": run(in_day, community),
        }
        for in_day in (list(group) for _day, group in days)
    ]


def of_act(done: Done, community: Community, now: datetime) -> dict[str, Any]:
    """Return in words what was done: nobody publishes without seeing what was understood."""
    times = [(slot.starts_at, slot.ends_at) for slot in done.slots]
    left = minutes(done.at + undo.FOR - now)
    return {
        "act": done.act,
        "title": _title(done),
        "days": by_day(times, community, now) if done.kind not in ACTS else [],
        "who": done.professional_name,
        "where": ", ".join(dict.fromkeys(slot.site_name for slot in done.slots)),
        "at": wording.hour(done.at, community.zone),
        "may_undo": done.may_undo,
        "left": ngettext("encore %(num)d minute", "encore %(num)d minutes", max(left, 1)),
        "skipped": [
            {
                "when": wording.day_and_hour(at, community.zone, now=now),
                "why": SKIPPED.get(Skipped(why), "") if why in set(Skipped) else why,
            }
            for at, why in done.skipped
        ],
    }


def _title(done: Done) -> str:
    count = len(done.slots)
    if done.kind is ActKind.PUBLISHED:
        if not count:
            return str(_("Rien à recopier"))
        return str(ngettext("%(num)d créneau ouvert", "%(num)d créneaux ouverts", count))
    if done.kind is ActKind.WITHDRAWN:
        return str(ngettext("%(num)d créneau retiré", "%(num)d créneaux retirés", count))
    if done.kind is ActKind.RELOCATED:
        return str(_("Lieu changé"))
    return str(ACTS[done.kind])
