"""What clients may send, typed: a field that is not here is refused, and so is another type."""

import unicodedata
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from booking.models import Channel
from booking.triage.facts import Pregnant, Sex
from notifications import phones

LONGEST_NAME = 80
LONGEST_EMAIL = 254
LONGEST_ANSWER = 200
LARGEST_NUMBER = 1_000_000
MOST_ANSWERS = 500
MOST_COMPLAINTS = 20

NOT_SO = (
    "u_conscience", "u_respiration", "u_poitrine", "u_avc", "u_saignement", "u_gorge",
    "u_convulsion", "u_suicide", "u_choc", "gr_sang", "gr_tete", "tm_deforme", "tm_froid",
    "tm_violent", "tm_tronc", "tm_tendu", "tm_hanche", "malaise", "choc_tete", "anticoagulant",
    "tm_bloque", "tm_plaie", "tm_rouge",
)  # fmt: skip
"""What the caller of the example denies, besides a sprained ankle; questions of version 1."""

EMAIL = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+$"
DOCTOR = r"^([0-9]{11}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"

NOT_IN_NAMES = ("Cc", "Cf", "Cn")
"""Unicode's control signs, invisible signs (they turn the direction of writing too) and signs that
are not assigned: one patient's name must not rewrite a list of them, nor be nothing to see."""


def _name(text: str) -> str:
    """Return a name in its usual form, without spaces around it."""
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise PydanticCustomError("string_too_short", "empty")
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError("string_too_long", "too long once put together")
    if any(unicodedata.category(sign) in NOT_IN_NAMES for sign in name):
        raise PydanticCustomError("written", "a sign that stands in no name")
    return name


def _phone(text: str) -> str:
    """Return the number in E.164."""
    try:
        return phones.parse(text).e164
    except phones.PhoneInvalid:
        raise PydanticCustomError("phone", "no French number") from None


def _upper(said: object) -> object:
    return said.upper() if isinstance(said, str) else said


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_name)]
PhoneNumber = Annotated[str, Field(max_length=40), AfterValidator(_phone)]
Number = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
Answer = Annotated[str, Field(max_length=LONGEST_ANSWER)] | Number | None
Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ANSWER)]


class Asked(BaseModel):
    """Anything that a client sends."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Location(Asked):
    """Where the patient is, in degrees (WGS 84). Nothing else than distances comes of it."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class Patient(Asked):
    """What triage looks at. Whatever is left out is unknown, and counts as the worst case."""

    age_years: Annotated[Number | None, Field(description="Completed years.")] = None
    age_months: Annotated[
        Number | None, Field(description="Completed months since birth; say it below 3 years.")
    ] = None
    sex: Sex = Sex.UNKNOWN
    pregnant: Pregnant = Pregnant.UNKNOWN
    commune: Annotated[
        str | None,
        Field(max_length=100, description="INSEE code, or the exact name, of a commune served."),
    ] = None
    location: Location | None = None


class CareRequest(Asked):
    """An answered questionnaire, as `triage questionnaire` asks it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "community": "cpts-vallee-de-l-orvanne",
                    "channel": "PHONE",
                    "patient": {
                        "age_years": 34,
                        "sex": "female",
                        "pregnant": "no",
                        "commune": "77999",
                    },
                    "complaints": ["trauma_membre"],
                    "answers": {
                        **dict.fromkeys(NOT_SO, "no"),
                        "tm_zone": "cheville",
                        "tm_appui": "oui",
                        "tm_quand": "recent",
                    },
                    "regular_doctor": "10009999999",
                }
            ]
        }
    )

    community: Annotated[
        str, Field(max_length=100, description="The short name of the key's own community.")
    ]
    channel: Annotated[
        Channel,
        BeforeValidator(_upper, json_schema_input_type=Channel),
        Field(description="How the patient came to you; PHONE for a telephone platform."),
    ]
    patient: Patient
    complaints: Annotated[list[Id], Field(max_length=MOST_COMPLAINTS)]
    answers: Annotated[
        dict[Id, Answer],
        Field(
            max_length=MOST_ANSWERS,
            description="By question: yes, no, unknown, a choice, or a number. "
            "What is left out counts as the worst answer.",
        ),
    ]
    regular_doctor: Annotated[
        str | None,
        Field(pattern=DOCTOR, description="RPPS, or a professional's reference from a proposal."),
    ] = None


class Signs(Asked):
    """The warning signs, asked again because too much time has passed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answers": {"u_conscience": "no", "u_suicide": "no"}}]}
    )

    answers: Annotated[
        dict[Id, Answer],
        Field(
            max_length=MOST_ANSWERS,
            description="Of the signs for everybody, and of those of this age and sex. "
            "What is left out counts as yes.",
        ),
    ]


class Wish(Asked):
    """The slot to keep for a while."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slot": "7d1f4a3e-52c4-4c0b-9d0a-3c2f6f1f0b11"}]}
    )

    slot: UUID


class Person(Asked):
    """Who comes, and how to reach them."""

    family_name: Name
    given_name: Name
    birth_date: date
    phone: Annotated[
        PhoneNumber, Field(description="A French number, with or without +33; kept as E.164.")
    ]
    email: Annotated[str | None, Field(max_length=LONGEST_EMAIL, pattern=EMAIL)] = None


class Appointment(Asked):
    """The slot to give for good, and to whom."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "slot": "7d1f4a3e-52c4-4c0b-9d0a-3c2f6f1f0b11",
                    "person": {
                        "family_name": "Morel",
                        "given_name": "Lucie",
                        "birth_date": "1992-04-12",
                        "phone": "06 39 98 00 01",
                        "email": "lucie.morel@famille.example",
                    },
                    "consent_sms": True,
                }
            ]
        }
    )

    slot: UUID
    person: Person
    consent_sms: Annotated[bool, Field(description="Whether SMS may be sent to this number.")]
