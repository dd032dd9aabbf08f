"""What staff screens call things, in French; the hours themselves are worded for patients too."""

from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext

from booking.desk.ask import age_in_months
from booking.desk.board import State
from booking.desk.figures import Half
from booking.models import BookingStatus, Channel, RequestStatus, Role
from booking.triage.protocol import Level, Protocol
from notifications.models import Kind, Status
from schedules.models import Visibility

TWO_YEARS = 24
THREE_MONTHS = 3

STATES = {
    State.FREE: lazy("Libre"),
    State.HELD: lazy("En cours de réservation"),
    State.BOOKED: lazy("Réservé"),
    State.ARRIVED: lazy("Arrivé"),
    State.SEEN: lazy("Vu"),
    State.MISSED: lazy("Absent"),
    State.UNUSED: lazy("Resté libre"),
}
BOOKINGS = {
    BookingStatus.CONFIRMED: lazy("Réservé"),
    BookingStatus.ARRIVED: lazy("Arrivé"),
    BookingStatus.HONOURED: lazy("Vu"),
    BookingStatus.NO_SHOW: lazy("Absent"),
    BookingStatus.CANCELLED: lazy("Annulé"),
}
LEVELS = {
    Level.CALL_15: lazy("Urgence vitale : le 15"),
    Level.CALL_15_ADVICE: lazy("Avis du 15"),
    Level.SAME_DAY: lazy("Le jour même"),
    Level.WITHIN_24H: lazy("Sous 24 heures"),
    Level.NOT_UNSCHEDULED: lazy("Pas de soin non programmé"),
}
ROLES = {
    Role.OPERATOR: lazy("Opérateur"),
    Role.SECRETARY: lazy("Secrétaire"),
    Role.PROFESSIONAL: lazy("Professionnel de santé"),
    Role.COORDINATOR: lazy("Coordinateur"),
    Role.ADMINISTRATOR: lazy("Administrateur"),
}
CHANNELS = {
    Channel.WEB: lazy("Internet"),
    Channel.PHONE: lazy("Téléphone"),
    Channel.API: lazy("Logiciel partenaire"),
}
ENDED = {
    RequestStatus.BOOKED: lazy("Rendez-vous pris"),
    RequestStatus.EMERGENCY: lazy("Orientée vers le 15"),
    RequestStatus.ADVISED: lazy("Conseil donné"),
    RequestStatus.DECLINED: lazy("Close sans rendez-vous"),
}
MESSAGES = {
    Kind.CONFIRMATION: lazy("Confirmation du rendez-vous"),
    Kind.MOVED: lazy("Changement d’heure"),
    Kind.CANCELLED: lazy("Annulation du rendez-vous"),
    Kind.CALL_BACK: lazy("Promesse de rappel"),
}
NOT_ARRIVED = {
    Status.FAILED: lazy("non envoyé"),
    Status.UNDELIVERED: lazy("non remis"),
    Status.UNKNOWN: lazy("peut-être remis"),
}
VISIBILITIES = {
    Visibility.CPTS: lazy("La CPTS"),
    Visibility.SNP: lazy("Le SAS (soins non programmés)"),
    Visibility.PRO: lazy("Les professionnels de santé"),
    Visibility.PUBLIC: lazy("Le public"),
}
HALVES = {
    Half.TODAY_MORNING: lazy("Aujourd’hui, matin"),
    Half.TODAY_AFTERNOON: lazy("Aujourd’hui, après-midi"),
    Half.TODAY_EVENING: lazy("Aujourd’hui, soir"),
    Half.TOMORROW_MORNING: lazy("Demain, matin"),
    Half.TOMORROW_AFTERNOON: lazy("Demain, après-midi"),
    Half.TOMORROW_EVENING: lazy("Demain, soir"),
}
DECLINED_BECAUSE = {
    "unwanted": lazy("La personne ne veut plus de rendez-vous"),
    "elsewhere": lazy("Elle a trouvé un soignant ailleurs"),
    "called_15": lazy("Elle a été orientée vers le 15"),
    "too_far": lazy("Trop loin, ou elle ne peut pas se déplacer"),
    "unreachable": lazy("Injoignable après trois appels"),
}


def clock(deadline: datetime, now: datetime) -> str:
    """Return how long is left: « reste 3 h 12 », or « dépassé de 25 min »."""
    left = deadline - now
    words = _length(abs(left))
    if left >= timedelta():
        return str(_("reste %(length)s", length=words))
    return str(_("dépassé de %(length)s", length=words))


def _length(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return f"{hours} h {minutes:02}" if hours else f"{minutes} min"


def age(birth_date: date | None, age_months: int | None, today: date) -> str:
    """Return an age as people say it: « 78 ans », « 14 mois », « 7 semaines »; or nothing."""
    months = age_months if birth_date is None else age_in_months(birth_date, today)
    if months is None or months < 0:
        return ""
    if birth_date is not None and months < THREE_MONTHS:
        weeks = (today - birth_date).days // 7
        return str(ngettext("%(num)d semaine", "%(num)d semaines", weeks))
    if months < TWO_YEARS:
        return str(_("%(months)d mois", months=months))
    return str(ngettext("%(num)d an", "%(num)d ans", months // 12))


def complaints(ids: tuple[str, ...] | list[str], protocol: Protocol) -> str:
    """Return the titles of presenting complaints; an id that a former version knew stays an id."""
    known = protocol.by_complaint
    return ", ".join(known[c].title if c in known else c for c in ids)


def person(family_name: str | None, given_name: str | None) -> str:
    """Return a patient's name as lists show it: « DURAND Louise »; or that none was given."""
    said = " ".join(filter(None, ((family_name or "").upper(), given_name)))
    return said or str(_("Nom non donné"))
