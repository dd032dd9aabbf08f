"""Somebody who called before: their name, age and commune are filled in, to be said aloud again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from booking.desk import ask, callers
from booking.web.answers import Form
from booking.web.calls.call import Call
from booking.web.calls.keeping import Done, judge, save
from booking.web.calls.stages import Stage

NEXT = "cherche"
"""The field after a known person: why they call."""


def known(call: Call, form: Form) -> Done:
    """Fill in the one person who called from this number before; with several, show them."""
    del form
    if not call.request.phone or call.request.family_name:
        return Done(call, focus="commune")
    people = _people(call)
    if len(people) != 1:
        return Done(call, focus="connu-1" if people else "commune")
    return _fill_in(call, people[0])


def _people(call: Call) -> list[callers.Known]:
    if not call.request.phone:
        return []
    found = callers.known(call.session, call.reach, call.request.phone, now=call.now)
    return [each for each in found if each.request != call.request.reference]


def this_person(call: Call, form: Form, which: str) -> Done:
    """Fill in the person who was pointed at, one of those behind this number."""
    del form
    person = next((each for each in _people(call) if str(each.request) == which), None)
    return Done(call) if person is None else _fill_in(call, person)


def _fill_in(call: Call, person: callers.Known) -> Done:
    born = person.birth_date
    changes: dict[str, Any] = {
        "family_name": person.family_name,
        "given_name": person.given_name,
        "commune_insee": person.commune_insee,
        "latitude": person.latitude,
        "longitude": person.longitude,
        "has_regular_doctor": person.has_regular_doctor,
        "regular_doctor": person.regular_doctor,
    }
    if born is not None:
        months = ask.age_in_months(born, call.today)
        changes |= {"birth_date": born, "age_months": months, "older_by_months": 0}
    if person.sex is not None:
        changes["sex"] = person.sex
    changes["answers"] = _age_unasked(call)
    save(call, changes, call.request.version)
    call = replace(call, hints={}, typed={})
    call = judge(call, None)
    return Done(call, focus=_next(call), person_changed=True)


def _next(call: Call) -> str:
    """Return the first field about the person that still is empty, else why they call."""
    return next((each.field for each in call.missing if each.field in OF_PERSON), NEXT)


OF_PERSON = ("naissance", "sexe", "enceinte")
"""What a former call may not have said; a pregnancy is asked anew each time."""


def _age_unasked(call: Call) -> dict[str, None]:
    listed = call.list_of(Stage.AGE)
    return dict.fromkeys(q.id for q in listed.questions) if listed else {}


NOBODY: Mapping[str, Any] = {
    "family_name": None,
    "given_name": None,
    "birth_date": None,
    "age_months": None,
    "older_by_months": 0,
    "sex": None,
    "pregnant": None,
    "commune_insee": None,
    "latitude": None,
    "longitude": None,
    "has_regular_doctor": None,
    "regular_doctor": None,
}


def somebody_else(call: Call, form: Form) -> Done:
    """Empty the fields of the person: the one who was filled in is not who calls."""
    del form
    save(call, {**NOBODY, "answers": _age_unasked(call)}, call.request.version)
    call = replace(call, hints={}, typed={})
    return Done(call, focus="commune", person_changed=True)
