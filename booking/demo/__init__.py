"""A territory that is on no map, believable enough to try everything on. Never in production."""

from booking.demo.hours import replenish
from booking.demo.seeding import (
    AlreadySeeded,
    Demo,
    NotInProduction,
    SignIn,
    described,
    refuse_in_production,
    seed,
)

__all__ = [
    "AlreadySeeded",
    "Demo",
    "NotInProduction",
    "SignIn",
    "described",
    "refuse_in_production",
    "replenish",
    "seed",
]
