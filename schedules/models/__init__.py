"""Tables of supply: who gives care where, reserved time, slots, calendars in and out."""

from schedules.models.calendars import BusyCalendar, BusyTime, CalendarOpening, Feed
from schedules.models.community import Community
from schedules.models.members import Enablement
from schedules.models.openings import Absence, Act, ActKind, Opening, OpeningSkip
from schedules.models.supply import (
    DOCTOR,
    WHEELCHAIR,
    AppointmentType,
    Codes,
    Commune,
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
    "Enablement",
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
