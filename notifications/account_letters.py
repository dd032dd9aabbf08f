"""Letters about somebody's own account: a link for a new password, and what changed about it."""

from dataclasses import dataclass

RESET_SUBJECT = "JourMême : choisissez un nouveau mot de passe"
RESET = """\
Bonjour,

Quelqu’un, vous sans doute, a oublié le mot de passe de votre compte JourMême.

Choisissez-en un autre :
{link}

Ce lien sert une seule fois, pendant 30 minutes.
Vous n’avez rien demandé ? Ne faites rien : votre mot de passe ne change pas.
"""

CHANGED_SUBJECT = "JourMême : votre mot de passe a changé"
CHANGED = """\
Bonjour,

Le mot de passe de votre compte JourMême vient de changer, par un lien reçu à cette adresse.
Toutes vos connexions sont terminées.

Ce n’était pas vous ? Appelez tout de suite la coordination de {community}.
"""

FACTOR_SUBJECT = "JourMême : votre deuxième étape de connexion est retirée"
FACTOR = """\
Bonjour,

{community} vient de retirer la deuxième étape de connexion de votre compte JourMême :
application, codes de secours et clés d’accès ne servent plus. Vos connexions sont terminées.
Vous en choisirez une autre après votre mot de passe.

Vous ne l’aviez pas demandé ? Appelez tout de suite la coordination de {community}.
"""

CLOSES_SUBJECT = "JourMême : votre compte ferme dans 30 jours"
CLOSES = """\
Bonjour,

Personne ne s’est connecté à votre compte JourMême depuis longtemps.
Il ferme dans 30 jours : c’est la règle, pour ne garder que ce qui sert.

Pour le garder, connectez-vous une fois. Vous n’en avez plus besoin ? Ne faites rien.
Une question ? Écrivez à la coordination de {community}.
"""


@dataclass(frozen=True)
class AccountLetter:
    """A subject and a plain text."""

    subject: str
    text: str


def password_reset(link: str) -> AccountLetter:
    """Return the letter with the link by which another password is chosen."""
    return AccountLetter(RESET_SUBJECT, RESET.format(link=link))


def password_changed(community: str) -> AccountLetter:
    """Return the notice that the password has changed."""
    return AccountLetter(CHANGED_SUBJECT, CHANGED.format(community=_plain(community)))


def second_factor_removed(community: str) -> AccountLetter:
    """Return the notice that the second factor was taken away."""
    return AccountLetter(FACTOR_SUBJECT, FACTOR.format(community=_plain(community)))


def closes_soon(community: str) -> AccountLetter:
    """Return the notice that an account which nobody uses will close."""
    return AccountLetter(CLOSES_SUBJECT, CLOSES.format(community=_plain(community)))


def _plain(text: str) -> str:
    return " ".join(text.split())
