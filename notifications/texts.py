"""The wording of every message, by language: what may be said of a visit is its time and place.

No name, reason, speciality or doctor stands here, and none can: the messages do not know them.
`{place}` in an SMS brings its own comma, or nothing where there is no room for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["fr", "en"]


@dataclass(frozen=True)
class Wording:
    """One message in one language. `sms` has to leave 70 letters for the link."""

    sms: str
    subject: str
    email: str


FRENCH = {
    "confirmed": Wording(
        sms="RDV confirmé {day} à {hour}{place}. Changer, annuler : {link}",
        subject="Rendez-vous confirmé : {moment}",
        email="""\
Bonjour,

Votre rendez-vous est confirmé.

Quand : {moment}
Où : {where}

Voir, changer ou annuler ce rendez-vous :
{link}

Vous ne pouvez plus venir ? Annulez : la place servira à une autre personne.
Si votre état s’aggrave avant le rendez-vous, appelez le 15.
""",
    ),
    "moved": Wording(
        sms="RDV déplacé : {day} à {hour}{place}. Changer, annuler : {link}",
        subject="Rendez-vous déplacé : {moment}",
        email="""\
Bonjour,

Votre rendez-vous a changé.

Nouveau rendez-vous : {moment}
Où : {where}
L’ancien rendez-vous, {before}, n’existe plus.

Voir, changer ou annuler ce rendez-vous :
{link}

Si votre état s’aggrave avant le rendez-vous, appelez le 15.
""",
    ),
    "cancelled_by_patient": Wording(
        sms="RDV annulé à votre demande : {day} à {hour}{place}. Nouveau RDV : {link}",
        subject="Rendez-vous annulé : {moment}",
        email="""\
Bonjour,

Vous avez annulé votre rendez-vous.

Rendez-vous annulé : {moment}
Où : {where}

Demander un autre rendez-vous :
{link}

Si votre état s’aggrave, appelez le 15.
""",
    ),
    "cancelled_by_practice": Wording(
        sms="RDV annulé par le cabinet : {day} à {hour}{place}. Nouveau RDV : {link}",
        subject="Rendez-vous annulé par le cabinet : {moment}",
        email="""\
Bonjour,

Le cabinet a dû annuler votre rendez-vous. Veuillez nous en excuser.

Rendez-vous annulé : {moment}
Où : {where}

Demander un autre rendez-vous :
{link}

Si votre état s’aggrave, appelez le 15.
""",
    ),
    "call_back": Wording(
        sms="Nous vous rappelons {day} avant {hour}{place}. Si cela s'aggrave : le 15. {link}",
        subject="Nous vous rappelons avant {moment}",
        email="""\
Bonjour,

Il n’y a pas encore de rendez-vous pour vous. Nous continuons à chercher.

Qui vous rappelle : {where}
Au plus tard : {moment}

Suivre ou annuler votre demande :
{link}

Si votre état s’aggrave, n’attendez pas notre appel : appelez le 15.
""",
    ),
    "late": Wording(
        sms="Retard d'environ {minutes} min pour votre RDV {day} à {hour}{place}. Voir : {link}",
        subject="Retard d’environ {minutes} min : {moment}",
        email="""\
Bonjour,

Votre rendez-vous a environ {minutes} minutes de retard. Il a bien lieu. Veuillez nous en excuser.

Quand : {moment}
Où : {where}

Voir, changer ou annuler ce rendez-vous :
{link}

Si votre état s’aggrave avant le rendez-vous, appelez le 15.
""",
    ),
    "notice_booked": Wording(
        sms="Nouveau RDV {day} à {hour}{place}. Détails après connexion : {link}",
        subject="Nouveau rendez-vous : {moment}",
        email="""\
Bonjour,

Un créneau vient d’être réservé.

Quand : {moment}
Où : {where}

Détails après connexion :
{link}
""",
    ),
    "notice_moved": Wording(
        sms="RDV déplacé : {day} à {hour}{place}. Détails après connexion : {link}",
        subject="Rendez-vous déplacé : {moment}",
        email="""\
Bonjour,

Un rendez-vous a changé d’heure ou de lieu.

Nouveau rendez-vous : {moment}
Où : {where}

Détails après connexion :
{link}
""",
    ),
    "notice_cancelled": Wording(
        sms="RDV annulé : {day} à {hour}{place}. Détails après connexion : {link}",
        subject="Rendez-vous annulé : {moment}",
        email="""\
Bonjour,

Un rendez-vous vient d’être annulé.

Quand : {moment}
Où : {where}

Détails après connexion :
{link}
""",
    ),
}

ENGLISH = {
    "confirmed": Wording(
        sms="Appointment confirmed {day} at {hour}{place}. Change, cancel: {link}",
        subject="Appointment confirmed: {moment}",
        email="""\
Hello,

Your appointment is confirmed.

When: {moment}
Where: {where}

See, change or cancel this appointment:
{link}

Can't come after all? Please cancel: someone else needs the place.
If you get worse before the appointment, call 15.
""",
    ),
    "moved": Wording(
        sms="Appointment moved: {day} at {hour}{place}. Change, cancel: {link}",
        subject="Appointment moved: {moment}",
        email="""\
Hello,

Your appointment has changed.

New appointment: {moment}
Where: {where}
The former one, {before}, is void.

See, change or cancel this appointment:
{link}

If you get worse before the appointment, call 15.
""",
    ),
    "cancelled_by_patient": Wording(
        sms="Appointment cancelled as you asked: {day} at {hour}{place}. New one: {link}",
        subject="Appointment cancelled: {moment}",
        email="""\
Hello,

You cancelled your appointment.

Cancelled: {moment}
Where: {where}

Ask for another appointment:
{link}

If you get worse, call 15.
""",
    ),
    "cancelled_by_practice": Wording(
        sms="Appointment cancelled by the practice: {day} at {hour}{place}. New one: {link}",
        subject="Appointment cancelled by the practice: {moment}",
        email="""\
Hello,

The practice had to cancel your appointment. We apologise.

Cancelled: {moment}
Where: {where}

Ask for another appointment:
{link}

If you get worse, call 15.
""",
    ),
    "call_back": Wording(
        sms="We will call you {day} before {hour}{place}. If you get worse: call 15. {link}",
        subject="We will call you before {moment}",
        email="""\
Hello,

There is no appointment for you yet. We keep looking.

Who will call you: {where}
At the latest: {moment}

Follow or cancel your request:
{link}

If you get worse, do not wait for our call: call 15.
""",
    ),
    "late": Wording(
        sms="About {minutes} min late for your appointment {day} at {hour}{place}. See: {link}",
        subject="About {minutes} min late: {moment}",
        email="""\
Hello,

Your appointment is running about {minutes} minutes late. It still takes place. We apologise.

When: {moment}
Where: {where}

See, change or cancel this appointment:
{link}

If you get worse before the appointment, call 15.
""",
    ),
    "notice_booked": Wording(
        sms="New appointment {day} at {hour}{place}. Details after sign-in: {link}",
        subject="New appointment: {moment}",
        email="""\
Hello,

A slot has just been booked.

When: {moment}
Where: {where}

Details after sign-in:
{link}
""",
    ),
    "notice_moved": Wording(
        sms="Appointment moved: {day} at {hour}{place}. Details after sign-in: {link}",
        subject="Appointment moved: {moment}",
        email="""\
Hello,

An appointment has another time or place.

New appointment: {moment}
Where: {where}

Details after sign-in:
{link}
""",
    ),
    "notice_cancelled": Wording(
        sms="Appointment cancelled: {day} at {hour}{place}. Details after sign-in: {link}",
        subject="Appointment cancelled: {moment}",
        email="""\
Hello,

An appointment has just been cancelled.

When: {moment}
Where: {where}

Details after sign-in:
{link}
""",
    ),
}

TEXTS: Mapping[Language, Mapping[str, Wording]] = {"fr": FRENCH, "en": ENGLISH}
"""By language, then by the name that notifications.messages gives each case."""
