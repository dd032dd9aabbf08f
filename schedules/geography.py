"""Pure: how far a patient has to go."""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True)
class Place:
    """A point on the map, in degrees (WGS 84)."""

    latitude: float
    longitude: float


def distance_km(here: Place, there: Place) -> float:
    """Return kilometres as the crow flies, to 100 m."""
    lat1, lat2 = radians(here.latitude), radians(there.latitude)
    half = (
        sin((lat2 - lat1) / 2) ** 2
        + cos(lat1) * cos(lat2) * sin(radians(there.longitude - here.longitude) / 2) ** 2
    )
    return round(2 * EARTH_RADIUS_KM * asin(sqrt(half)), 1)
