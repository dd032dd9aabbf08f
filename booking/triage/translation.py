"""A protocol in another language: the same rules, other words, nothing left untranslated."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from booking.triage.documents import ProtocolInvalid
from booking.triage.lines import Loc, Written, read_yaml
from booking.triage.places import Fault
from booking.triage.protocol import Complaint, Protocol, Question
from booking.triage.refusals import near, shaped


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
    groups: dict[str, str]
    questions: dict[str, str]
    choices: dict[str, dict[str, str]] = {}
    danger_words: dict[str, list[str]] = {}
    complaints: dict[str, _Complaint]


@dataclass(frozen=True)
class Translation:
    """The words of one version of a protocol in one language, by id."""

    protocol: str
    version: int
    language: str
    title: str
    emergency_advice: str
    groups: dict[str, str]
    questions: dict[str, str]
    choices: dict[str, dict[str, str]]
    danger_words: dict[str, list[str]]
    complaints: dict[str, tuple[str, str, tuple[str, ...]]]
    written: Written | None = field(default=None, compare=False, repr=False)

    def fault(self, loc: Loc, text: str) -> Fault:
        """Return what is wrong at this place of its file."""
        return self.written.fault(loc, text) if self.written else Fault(text)


def load_translation(path: Path) -> Translation:
    """Return the translation in this file.

    Raises:
        ProtocolInvalid: it is not one: all that is wrong, with file, line and remedy, in French.
        OSError: the file cannot be read.
    """
    written = read_yaml(path.read_bytes(), path.name)
    doc = shaped(_Translation, written)
    complaints = {
        each: (said.title, said.safety_net, tuple(said.synonyms))
        for each, said in doc.complaints.items()
    }
    return Translation(**{**dict(doc), "complaints": complaints}, written=written)


def translated(protocol: Protocol, translation: Translation) -> Protocol:
    """Return the protocol with the words of the translation; rules and digest are the same.

    Raises:
        ProtocolInvalid: it translates another version, or leaves something out: all of it.
    """
    faults = list(_wrong(protocol, translation))
    if faults:
        raise ProtocolInvalid(*faults)
    return replace(
        protocol,
        title=translation.title,
        language=translation.language,
        emergency_advice=translation.emergency_advice,
        universal=_asked(protocol.universal, translation),
        stage2=_asked(protocol.stage2, translation),
        complaints=tuple(_complaint(each, translation) for each in protocol.complaints),
        groups=tuple((group, translation.groups[group]) for group, _ in protocol.groups),
        # Both languages: whoever asks in a second one falls back on the first when afraid.
        danger_words=tuple(
            (sign, (*words, *translation.danger_words[sign]))
            for sign, words in protocol.danger_words
        ),
    )


def _wrong(protocol: Protocol, said: Translation) -> Iterator[Fault]:
    if (said.protocol, said.version) != (protocol.id, protocol.version):
        yield said.fault(
            ("version",),
            f"ces mots sont pour une autre version ({said.protocol} {said.version}) ; "
            f"écrivez protocol: {protocol.id} et version: {protocol.version}",
        )
    yield from _compared(said, "groups", dict(protocol.groups), said.groups)
    yield from _compared(said, "questions", protocol.questions, said.questions)
    yield from _compared(said, "complaints", protocol.by_complaint, said.complaints)
    yield from _compared(said, "danger_words", dict(protocol.danger_words), said.danger_words)
    choices = {q.id: dict(q.choices) for q in protocol.questions.values() if q.choices}
    yield from _compared(said, "choices", choices, said.choices)
    for question in choices.keys() & said.choices.keys():
        known, words = choices[question], said.choices[question]
        yield from _compared(said, ("choices", question), known, words)


def _compared(
    translation: Translation,
    where: str | tuple[str, ...],
    known: Iterable[str],
    said: Iterable[str],
) -> Iterator[Fault]:
    """Yield what only the protocol has under a heading, and what only the translation has."""
    loc = (where,) if isinstance(where, str) else where
    heading, wanted, written = "/".join(loc), set(known), set(said)
    for left_out in sorted(wanted - written):
        yield translation.fault(
            loc, f"{heading} : « {left_out} » n'est pas traduit ; ajoutez sa ligne"
        )
    for stray in sorted(written - wanted):
        remedy = near(stray, wanted) or " ; enlevez cette ligne"
        yield translation.fault(
            (*loc, stray), f"{heading} : « {stray} » n'est pas dans le protocole{remedy}"
        )


def _asked(questions: Iterable[Question], translation: Translation) -> tuple[Question, ...]:
    return tuple(_question(each, translation) for each in questions)


def _question(question: Question, translation: Translation) -> Question:
    words = translation.choices.get(question.id, {})
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
