"""What the journal of accesses calls what was done and who did it; the same on page and in file."""

import csv
import io
from collections.abc import Iterable

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy

from booking.audit.reading import Access, Why
from booking.models import Action, ActorKind
from booking.web import staff_words, wording
from config.clock import local_day
from schedules import roster
from schedules.models import Community

DONE = {
    Action.EXPORT: lazy("Fichier emporté"),
    Action.FORGET: lazy("Données oubliées"),
    Action.RESEAL: lazy("Données scellées à nouveau"),
    Action.REFUSED: lazy("Accès refusé"),
    Action.SIGN_IN: lazy("Connexion"),
    Action.SIGN_IN_REFUSED: lazy("Connexion refusée"),
    Action.SIGN_OUT: lazy("Déconnexion"),
    Action.LOCK: lazy("Session verrouillée"),
    Action.UNLOCK: lazy("Session rouverte"),
    Action.PASSWORD: lazy("Mot de passe changé"),
    Action.FACTOR: lazy("Deuxième étape changée"),
    Action.PROOF: lazy("Deuxième étape montrée à nouveau"),
    Action.ACCOUNT: lazy("Compte ouvert ou fermé"),
    Action.INVITE: lazy("Invitation envoyée"),
    Action.MEMBER: lazy("Fiche d’un membre changée"),
    Action.KEY: lazy("Clé d’un logiciel changée"),
}
OF_FILES = {
    (Action.READ, "care_request"): lazy("Demande ouverte"),
    (Action.WRITE, "care_request"): lazy("Demande changée"),
    (Action.READ, "inbound_message"): lazy("SMS reçu ouvert"),
    (Action.WRITE, "inbound_message"): lazy("SMS reçu changé"),
}
OTHER = {Action.READ: lazy("Données lues"), Action.WRITE: lazy("Données changées")}
ACTORS = {
    ActorKind.ACCOUNT: lazy("Compte d’une autre communauté"),
    ActorKind.API_CLIENT: lazy("Logiciel partenaire"),
    ActorKind.PATIENT_LINK: lazy("Lien du patient"),
    ActorKind.STAFF_LINK: lazy("Lien envoyé à un professionnel"),
    ActorKind.PROVIDER: lazy("Réception des SMS"),
    ActorKind.VISITOR: lazy("Personne non connectée"),
    ActorKind.WORKER: lazy("Tâche du logiciel"),
    ActorKind.COMMAND: lazy("Commande sur le serveur"),
}
WHY = {
    Why.MANY: lazy("plus de trois fois son nombre habituel de dossiers"),
    Why.LATE: lazy("en dehors des heures de la ligne"),
    Why.REFUSED: lazy("demandés sans y avoir droit"),
}


def done(each: Access) -> str:
    """Return what was done, « Demande ouverte »."""
    said = DONE.get(each.action) or OF_FILES.get((each.action, each.table or ""))
    text = str(said or OTHER[each.action])
    return text if each.how_many is None else f"{text} ({each.how_many})"


def who(each: Access) -> str:
    """Return who did it, « Mme Petit, secrétaire »."""
    if each.name is None:
        return str(ACTORS[each.kind])
    role = staff_words.ROLES[each.role] if each.role else ACTORS[each.kind]
    return f"{each.name}, {str(role).lower()}"


def about(each: Access, community: Community) -> str:
    """Return what it is about: of when a request is, or whose account; never who the patient is."""
    if each.asked_at is None:
        return each.whom or ""
    asked = local_day(each.asked_at, community.zone)
    at = wording.hour(each.asked_at, community.zone)
    return str(_("Demande du %(day)s à %(hour)s", day=wording.weekday_and_day(asked), hour=at))


def cells(each: Access, community: Community) -> list[str]:
    """Return one line of the table: day, hour, who, what, about what."""
    return [
        f"{local_day(each.at, community.zone):%d/%m/%Y}",
        wording.hour(each.at, community.zone),
        who(each),
        done(each),
        about(each, community),
    ]


def head() -> list[str]:
    """Return the titles of the columns."""
    return [str(_("Jour")), str(_("Heure")), str(_("Qui")), str(_("Quoi")), str(_("À propos de"))]


def table(lines: Iterable[list[str]]) -> bytes:
    """Return lines as French spreadsheets open them; no cell is a formula."""
    text = io.StringIO(newline="")
    written = csv.writer(text, delimiter=";", lineterminator="\r\n")
    written.writerow(head())
    written.writerows([_harmless(cell) for cell in line] for line in lines)
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(roster.FORMULA) else cell
