"""The national directory of health professionals (Annuaire Santé): its open file, read and kept."""

from schedules.annuaire.file import ColumnMissing, FileUnreadable, opened
from schedules.annuaire.keeping import Kept, TooMuch, keep

__all__ = ["ColumnMissing", "FileUnreadable", "Kept", "TooMuch", "keep", "opened"]
