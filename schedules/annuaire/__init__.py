"""The national directory of health professionals (Annuaire Santé): its open file, read and kept."""

from schedules.annuaire.communes import CommuneRefused, keep_communes
from schedules.annuaire.file import ColumnMissing, FileUnreadable, opened
from schedules.annuaire.keeping import Kept, TooMuch, keep

__all__ = [
    "ColumnMissing",
    "CommuneRefused",
    "FileUnreadable",
    "Kept",
    "TooMuch",
    "keep",
    "keep_communes",
    "opened",
]
