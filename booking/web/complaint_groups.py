"""Under which headings patients find their reason; one that is listed nowhere comes last."""

from collections.abc import Iterable, Sequence

from flask_babel import lazy_gettext as lazy

from booking.triage.protocol import FALLBACK, Complaint

GROUPS = (
    (
        lazy("Fièvre, nez, gorge, toux"),
        (
            "fievre_nourrisson_0_3_mois",
            "fievre_enfant",
            "fievre_adulte",
            "toux_rhume_grippe",
            "mal_gorge",
            "mal_oreille",
        ),
    ),
    (
        lazy("Douleur"),
        ("douleur_thoracique", "douleur_abdominale", "lombalgie", "cephalee", "dent"),
    ),
    (lazy("Blessure"), ("trauma_membre", "plaie")),
    (
        lazy("Peau, yeux, ventre, urines"),
        ("eruption_allergie", "oeil", "gastro_adulte", "urinaire_femme"),
    ),
    (lazy("Grossesse"), ("grossesse_t1", "grossesse_t3")),
    (lazy("Moral"), ("detresse_psy",)),
    (lazy("Soins et papiers"), ("soins_infirmiers", "renouvellement", "administratif")),
)

OTHER = lazy("Autre")


def grouped(complaints: Iterable[Complaint]) -> list[tuple[str, Sequence[Complaint]]]:
    """Return the complaints under their headings; headings with nothing under them are left out."""
    left = {complaint.id: complaint for complaint in complaints}
    groups = [
        (str(heading), [left.pop(name) for name in names if name in left])
        for heading, names in GROUPS
    ]
    fallback = [left.pop(FALLBACK)] if FALLBACK in left else []
    groups.append((str(OTHER), [*left.values(), *fallback]))
    return [(heading, found) for heading, found in groups if found]
