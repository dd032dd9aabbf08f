"""Every message in French."""

from notifications.texts.wording import Wording

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
        voice="Bonjour. Votre rendez-vous est confirmé : {moment}. Adresse : {where}.",
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
        voice=(
            "Bonjour. Votre rendez-vous a changé. Il a lieu maintenant {moment}. Adresse : {where}."
        ),
    ),
    "relocated": Wording(
        sms="RDV, nouveau lieu : {day} à {hour}{place}. Changer, annuler : {link}",
        subject="Nouveau lieu de votre rendez-vous : {moment}",
        email="""\
Bonjour,

Votre rendez-vous a lieu à un autre endroit, à la même heure.

Quand : {moment}
Nouveau lieu : {where}
N’allez pas à : {before}

Voir, changer ou annuler ce rendez-vous :
{link}

Si votre état s’aggrave avant le rendez-vous, appelez le 15.
""",
        voice=(
            "Bonjour. Votre rendez-vous change de lieu, pas d’heure : {moment}. Nouvelle adresse : "
            "{where}."
        ),
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
        voice=(
            "Bonjour. Le cabinet a dû annuler votre rendez-vous, {moment}. Veuillez nous en "
            "excuser. Pour un autre rendez-vous, appelez le cabinet ou votre service "
            "d’accueil. Si votre état s’aggrave, appelez le 15."
        ),
    ),
    "cancelled_others_kept": Wording(
        sms="RDV annulé : {day} à {hour}{place}. Autres RDV gardés jusqu'à {until} : {link}",
        subject="Rendez-vous annulé par le cabinet : {moment}",
        email="""\
Bonjour,

Le cabinet a dû annuler votre rendez-vous. Veuillez nous en excuser.

Rendez-vous annulé : {moment}
Où : {where}

D’autres rendez-vous sont gardés pour vous jusqu’à {until}. Pour en choisir un :
{link}

Si votre état s’aggrave, appelez le 15.
""",
        voice=(
            "Bonjour. Le cabinet a dû annuler votre rendez-vous, {moment}. Veuillez nous en "
            "excuser. D’autres rendez-vous sont gardés pour vous jusqu’à {until} : appelez votre "
            "service d’accueil. Si votre état s’aggrave, appelez le 15."
        ),
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
        voice=(
            "Bonjour. Votre rendez-vous, {moment}, a environ {minutes} minutes de retard. Il a "
            "bien lieu."
        ),
    ),
    "reminder": Wording(
        sms="Rappel : RDV {day} à {hour}{place}. Venez-vous ? Confirmez ou annulez : {link}",
        subject="Rappel de votre rendez-vous : {moment}",
        email="""\
Bonjour,

Vous avez un rendez-vous.

Quand : {moment}
Où : {where}

Dire que vous viendrez, changer ou annuler ce rendez-vous :
{link}

Vous ne pouvez plus venir ? Annulez : la place servira à une autre personne.
Si votre état s’aggrave avant le rendez-vous, appelez le 15.
""",
        voice="Bonjour. Nous vous rappelons votre rendez-vous : {moment}. Adresse : {where}.",
    ),
    "offered": Wording(
        sms="Une place se libère {day} à {hour}{place}. Répondez avant {until} : {link}",
        subject="Une place se libère : {moment}",
        email="""\
Bonjour,

Une place se libère. Elle est gardée pour vous jusqu’à {until}.

Quand : {moment}
Où : {where}

La prendre, ou la laisser :
{link}

Si votre état s’aggrave, appelez le 15.
""",
    ),
    "help_wanted": Wording(
        sms="Demande SNP{who}, avant {day} à {hour}{place}. Répondre : {link}",
        subject="Demande de soins non programmés, avant {moment}",
        email="""\
Bonjour,

Une personne a besoin de soins, et rien n’est libre à temps.

Qui : {known}
Groupe de motifs : {what}
À voir avant : {moment}

La prendre, ou dire non, sans connexion :
{link}

Ce lien est pour vous seul. Pour ne plus recevoir ces demandes : page Agenda, après connexion.
""",
    ),
    "deadline_near": Wording(
        sms="JourMême : une demande n’a pas de rendez-vous, échéance {day} à {hour}. {link}",
        subject="Une demande sans rendez-vous, échéance {moment}",
        email="""\
Bonjour,

Une demande n’a pas encore de rendez-vous.

Échéance : {moment}
Communauté : {where}

La voir après connexion :
{link}
""",
    ),
    "outcome": Wording(
        sms="Qui est venu {day}, à partir de {hour}{place} ? Répondre : {link}",
        subject="Qui est venu ? À partir de {moment}",
        email="""\
Bonjour,

Nous ne savons pas ce que sont devenus des rendez-vous de votre journée.

Combien : {count}
À partir de : {moment}
Communauté : {where}

Répondre en un geste par rendez-vous, sans connexion, pendant 7 jours :
{link}

Cette question ne vous est posée qu’une fois.
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
