"""A protocol in another language: the same rules, other words, nothing left untranslated."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as DocumentInvalid

from booking.triage.documents import ProtocolInvalid, document
from booking.triage.protocol import Complaint, Protocol, Question


class _Complaint(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    safety_net: str
    synonyms: list[str] = []


class _Translation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    protocol: str
    version: int
    language: str
    title: str
    emergency_advice: str
    questions: dict[str, str]
    choices: dict[str, dict[str, str]] = {}
    complaints: dict[str, _Complaint]


@dataclass(frozen=True)
class Translation:
    """The words of one version of a protocol in one language, by id."""

    protocol: str
    version: int
    language: str
    title: str
    emergency_advice: str
    questions: dict[str, str]
    choices: dict[str, dict[str, str]]
    complaints: dict[str, tuple[str, str, tuple[str, ...]]]


def load_translation(path: Path) -> Translation:
    """Return the translation in this file.

    Raises:
        ProtocolInvalid: it is not one.
        OSError: the file cannot be read.
    """
    try:
        doc = _Translation.model_validate(document(path.read_bytes()))
    except DocumentInvalid as error:
        raise ProtocolInvalid(f"{path.name}: {error}") from error
    complaints = {
        each: (said.title, said.safety_net, tuple(said.synonyms))
        for each, said in doc.complaints.items()
    }
    return Translation(**{**dict(doc), "complaints": complaints})


def translated(protocol: Protocol, translation: Translation) -> Protocol:
    """Return the protocol with the words of the translation; rules and digest are the same.

    Raises:
        ProtocolInvalid: it translates another version, or leaves something out.
    """
    if (translation.protocol, translation.version) != (protocol.id, protocol.version):
        raise ProtocolInvalid(f"the {translation.language} words are for another version")
    _compare("question", protocol.questions, translation.questions)
    _compare("complaint", protocol.by_complaint, translation.complaints)
    return replace(
        protocol,
        title=translation.title,
        language=translation.language,
        emergency_advice=translation.emergency_advice,
        universal=_asked(protocol.universal, translation),
        stage2=_asked(protocol.stage2, translation),
        complaints=tuple(_complaint(each, translation) for each in protocol.complaints),
    )


def _compare(what: str, known: Iterable[str], said: Iterable[str]) -> None:
    for missing in sorted(set(known) ^ set(said)):
        raise ProtocolInvalid(f"{what} «{missing}» is on one side of the translation only")


def _asked(questions: Iterable[Question], translation: Translation) -> tuple[Question, ...]:
    return tuple(_question(each, translation) for each in questions)


def _question(question: Question, translation: Translation) -> Question:
    words = translation.choices.get(question.id, {})
    _compare(f"choice of «{question.id}»:", dict(question.choices), words)
    return replace(
        question,
        text=translation.questions[question.id],
        choices=tuple((choice, words[choice]) for choice, _ in question.choices),
    )


def _complaint(complaint: Complaint, translation: Translation) -> Complaint:
    title, safety_net, synonyms = translation.complaints[complaint.id]
    return replace(
        complaint,
        title=title,
        safety_net=safety_net,
        synonyms=synonyms,
        questions=_asked(complaint.questions, translation),
    )
