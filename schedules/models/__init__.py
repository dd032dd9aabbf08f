"""Tables of supply: who gives care where, reserved time, slots, calendars in and out."""

from schedules.models.calendars import BusyCalendar, BusyTime, CalendarOpening, Feed
from schedules.models.openings import Absence, Act, ActKind, Opening, OpeningSkip
from schedules.models.supply import (
    DOCTOR,
    WHEELCHAIR,
    AppointmentType,
    Codes,
    Commune,
    Community,
    Mode,
    Professional,
    ProfessionalSite,
    Site,
    Slot,
    Visibility,
)

__all__ = [
    "DOCTOR",
    "WHEELCHAIR",
    "Absence",
    "Act",
    "ActKind",
    "AppointmentType",
    "BusyCalendar",
    "BusyTime",
    "CalendarOpening",
    "Codes",
    "Commune",
    "Community",
    "Feed",
    "Mode",
    "Opening",
    "OpeningSkip",
    "Professional",
    "ProfessionalSite",
    "Site",
    "Slot",
    "Visibility",
]
