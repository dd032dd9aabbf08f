"""The national directory of health professionals (Annuaire Santé): its open file, read and kept."""

from schedules.annuaire.communes import CommuneRefused, keep_communes
from schedules.annuaire.file import EVERYTHING, ColumnMissing, FileUnreadable, Lines, Wanted, opened
from schedules.annuaire.keeping import Change, Kept, TooMuch, keep

__all__ = [
    "EVERYTHING",
    "Change",
    "ColumnMissing",
    "CommuneRefused",
    "FileUnreadable",
    "Kept",
    "Lines",
    "TooMuch",
    "Wanted",
    "keep",
    "keep_communes",
    "opened",
]
