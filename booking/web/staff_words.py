"""What staff screens call things, in French; the hours themselves are worded for patients too."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext

from booking.desk.board import State
from booking.desk.figures import Half
from booking.models import (
    BookingStatus,
    CallerIs,
    Channel,
    LookReason,
    RequestStatus,
    Role,
    Scope,
    TransferState,
)
from booking.triage.protocol import Kind as QuestionKind
from booking.triage.protocol import Level, Protocol, Question
from booking.web import wording
from notifications.models import Channel as Means
from notifications.models import Kind, Status
from schedules.models import Visibility

STATES = {
    State.FREE: lazy("Libre"),
    State.HELD: lazy("En cours de réservation"),
    State.BOOKED: lazy("Réservé"),
    State.ARRIVED: lazy("Arrivé"),
    State.SEEN: lazy("Vu"),
    State.MISSED: lazy("Absent"),
    State.UNUSED: lazy("Resté libre"),
    State.CLOSED: lazy("Fermé par l’agenda"),
    State.BLOCKED: lazy("Bloqué"),
}
SCOPES = {
    Scope.REQUESTS_WRITE: lazy("Déposer des demandes"),
    Scope.REQUESTS_READ: lazy("Lire où en sont ses demandes"),
    Scope.SLOTS_READ: lazy("Voir les créneaux libres"),
    Scope.BOOKINGS_WRITE: lazy("Prendre et annuler des rendez-vous"),
}
BOOKINGS = {
    BookingStatus.CONFIRMED: lazy("Réservé"),
    BookingStatus.ARRIVED: lazy("Arrivé"),
    BookingStatus.HONOURED: lazy("Vu"),
    BookingStatus.NO_SHOW: lazy("Absent"),
    BookingStatus.CANCELLED: lazy("Annulé"),
}
LEVELS = {
    Level.CALL_15: lazy("Urgence vitale : le 15"),
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
SEXES = {"female": lazy("Femme"), "male": lazy("Homme")}
CHANNELS = {
    Channel.WEB: lazy("Internet"),
    Channel.PHONE: lazy("Téléphone"),
    Channel.PRACTICE: lazy("Cabinet"),
    Channel.PHARMACIST: lazy("Pharmacie"),
    Channel.SAS: lazy("SAS"),
    Channel.API: lazy("Logiciel partenaire"),
}
CALLERS = {
    CallerIs.PATIENT: lazy("La personne malade"),
    CallerIs.BESIDE: lazy("À côté d’elle"),
    CallerIs.ELSEWHERE: lazy("Loin d’elle"),
}
TRANSFERS = {
    TransferState.TO_RECHECK: lazy("À vérifier"),
    TransferState.LINE_TAKEN: lazy("Ligne prise par le 15"),
    TransferState.CALLED_BACK: lazy("Rappel fait"),
    TransferState.NO_ANSWER: lazy("Pas de réponse, à rappeler"),
    TransferState.CLOSED: lazy("Clos"),
}
LOOKS = {
    LookReason.UNDER_2: lazy("moins de 2 ans"),
    LookReason.FROM_75: lazy("75 ans ou plus"),
    LookReason.PREGNANCY: lazy("grossesse possible"),
}
ENDED = {
    RequestStatus.BOOKED: lazy("Rendez-vous pris"),
    RequestStatus.EMERGENCY: lazy("Orientée vers le 15"),
    RequestStatus.ADVISED: lazy("Conseil donné"),
    RequestStatus.DECLINED: lazy("Close sans rendez-vous"),
}
OPEN_NOW = lazy("En cours")
"""A request that has not ended."""

MESSAGES = {
    Kind.CONFIRMATION: lazy("Confirmation du rendez-vous"),
    Kind.MOVED: lazy("Changement d’heure ou de lieu"),
    Kind.CANCELLED: lazy("Annulation du rendez-vous"),
    Kind.CALL_BACK: lazy("Promesse de rappel"),
}
MEANS = {
    Means.SMS: lazy("SMS"),
    Means.VOICE: lazy("Appels automatiques"),
    Means.EMAIL: lazy("Courriels"),
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


def span(length: timedelta) -> str:
    """Return a length of time as people say it: « 25 min », « 3 h 12 min »."""
    return _length(abs(length))


def _length(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    if not hours:
        return f"{minutes} min"
    return str(_("%(hours)d h %(minutes)s", hours=hours, minutes=f"{minutes:02}"))


def age(birth_date: date | None, age_months: int | None, today: date) -> str:
    """Return an age as people say it: « 78 ans », « 14 mois »; nothing where none is known."""
    if birth_date is not None:
        return wording.age(birth_date, today)
    if age_months is None:
        return ""
    if age_months < wording.MONTHS_UNTIL:
        return str(ngettext("%(num)d mois", "%(num)d mois", age_months))
    return str(ngettext("%(num)d an", "%(num)d ans", age_months // 12))


def counted(count: int, one: str, several: str) -> str:
    """Return « 1 libre », « 14 libres », « 0 libre »."""
    return f"{count} {several if count > 1 else one}"


def complaints(ids: tuple[str, ...] | list[str], protocol: Protocol) -> str:
    """Return the titles of presenting complaints; an id that a former version knew stays an id."""
    known = protocol.by_complaint
    return ", ".join(known[c].title if c in known else c for c in ids)


ANSWERS = {"yes": lazy("Oui"), "no": lazy("Non"), "unknown": lazy("Ne sait pas")}


def answers(said: Mapping[str, object], protocol: Protocol) -> list[tuple[str, str]]:
    """Return questions and answers in the protocol's order; what it no longer asks is left out."""
    return [
        (question.text, _answer(question, said[question.id]))
        for question in protocol.questions.values()
        if question.id in said
    ]


def _answer(question: Question, said: object) -> str:
    if question.kind is QuestionKind.NUMBER and not isinstance(said, str):
        return f"{said} {question.unit or ''}".strip()
    texts = dict(question.choices) | ANSWERS
    return str(texts.get(str(said), said))


def person(family_name: str | None, given_name: str | None) -> str:
    """Return a patient's name as lists show it: « DURAND Louise »; or that none was given."""
    said = " ".join(filter(None, ((family_name or "").upper(), given_name)))
    return said or str(_("Nom non donné"))
