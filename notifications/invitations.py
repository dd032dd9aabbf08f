"""The letter by which a new member learns that they have an account, and chooses a password."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date

SUBJECT = "Votre compte JourMême : choisissez un mot de passe"

TEXT = """\
Bonjour,

{community} vous invite sur JourMême, où se prennent les rendez-vous du jour même.

Choisissez votre mot de passe :
{link}

Ce lien sert une seule fois, jusqu’au {day}.
Vous vous connecterez ensuite avec cette adresse électronique.
Vous n’attendiez pas cette lettre ? Ne faites rien : sans mot de passe, le compte ne s’ouvre pas.
"""


@dataclass(frozen=True)
class InvitationLetter:
    """Who invites, to which address of ours, until when."""

    community: str
    link: str
    expires_at: datetime
    zone: ZoneInfo

    def subject(self) -> str:
        """Return the subject of the e-mail."""
        return SUBJECT

    def email(self) -> str:
        """Return the plain text of the e-mail."""
        day = format_date(self.expires_at.astimezone(self.zone), "EEEE d MMMM y", locale="fr")
        return TEXT.format(community=" ".join(self.community.split()), link=self.link, day=day)
