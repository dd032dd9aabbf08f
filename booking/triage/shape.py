"""How a protocol must look to be read aloud in time: its lengths, counts, sources and codes."""

from collections.abc import Collection, Iterable, Iterator

from booking.triage.engine import existing
from booking.triage.facts import OLDEST_MONTHS, Facts, Patient, Pregnant, Sex
from booking.triage.protocol import Complaint, Protocol, Question

UNIVERSAL_SIGNS, UNIVERSAL_SIGN_WORDS, UNIVERSAL_WORDS = 9, 10, 60
STAGE2_SIGNS, STAGE2_WORDS = 4, 45
QUESTION_WORDS, COMPLAINT_RED_FLAGS = 15, 5
"""What `reference/ux.md` §2.2 and SR-18 allow."""


def failures(protocol: Protocol, disciplines: Collection[str]) -> Iterator[str]:
    """Yield, in plain words, everything that breaks the shape."""
    yield from _universal(protocol.universal)
    yield from _stage2(protocol)
    yield from _wording(protocol)
    yield from _sources(protocol)
    for complaint in protocol.complaints:
        yield from _complaint(protocol, complaint, disciplines)


def warnings(protocol: Protocol) -> Iterator[str]:
    """Yield what the committee should know of: complaints with more red flags than five."""
    for complaint in protocol.complaints:
        most = max(_red_flags(protocol, complaint, patient) for patient in people(protocol))
        if most > COMPLAINT_RED_FLAGS:
            yield f"{complaint.id}: {most} red flags for one patient, {COMPLAINT_RED_FLAGS} wished"


def people(
    protocol: Protocol, *, sexes: Iterable[Sex] = Sex, pregnant: Iterable[Pregnant] = Pregnant
) -> list[Patient]:
    """Return one patient on each side of every age that a condition names, of every sort."""
    edges = {0, 12, 360, 110 * 12}
    for facts in _conditions(protocol):
        edges |= {edge for edge in (facts.age.first, facts.age.below) if edge is not None}
    ages = sorted({edge + step for edge in edges for step in (-1, 0)} & set(range(OLDEST_MONTHS)))
    pregnancies = list(pregnant)
    return [Patient(age, sex, said) for age in ages for sex in sexes for said in pregnancies]


def _conditions(protocol: Protocol) -> Iterator[Facts]:
    yield from (question.asked_if for question in protocol.questions.values())
    yield from (floor.when.facts for floor in protocol.floors)
    for complaint in protocol.complaints:
        yield complaint.scope
        yield from (rule.when.facts for rule in complaint.rules)
        yield from (route.when.facts for route in complaint.routes)


def _universal(signs: tuple[Question, ...]) -> Iterator[str]:
    words = sum(sign.words for sign in signs)
    if len(signs) > UNIVERSAL_SIGNS or words > UNIVERSAL_WORDS:
        yield f"stage 1 has {len(signs)} signs and {words} words: at most 9 and 60"
    for sign in signs:
        if sign.words > UNIVERSAL_SIGN_WORDS:
            yield f"stage 1: «{sign.id}» has {sign.words} words, at most 10"
        if not sign.asked_if.is_empty:
            yield f"stage 1: «{sign.id}» depends on the patient; it is read to everybody"
        if not sign.is_red_flag:
            yield f"stage 1: «{sign.id}» does not send to the 15"


def _stage2(protocol: Protocol) -> Iterator[str]:
    for sign in protocol.stage2:
        if sign.asked_if.is_empty:
            yield f"stage 2: «{sign.id}» is asked of everybody; it belongs to stage 1"
        if not sign.is_red_flag:
            yield f"stage 2: «{sign.id}» does not send to the 15"
    for patient in people(protocol):
        asked = existing(protocol.stage2, patient)
        words = sum(sign.words for sign in asked)
        if len(asked) > STAGE2_SIGNS or words > STAGE2_WORDS:
            yield (
                f"stage 2 asks {len(asked)} signs and {words} words, at most 4 and 45, "
                f"at {patient.age_months} months, {patient.sex}, pregnant {patient.pregnant}"
            )
            return


def _wording(protocol: Protocol) -> Iterator[str]:
    questions = protocol.questions.values()
    if sum(each.words for each in questions) > QUESTION_WORDS * len(questions):
        yield f"questions have more than {QUESTION_WORDS} words on average"
    for each in questions:
        if each.words > QUESTION_WORDS:
            yield f"«{each.id}» has {each.words} words, at most {QUESTION_WORDS}"


def _sources(protocol: Protocol) -> Iterator[str]:
    known = {source.id for source in protocol.sources}
    cited = [(question.id, question.source) for question in protocol.questions.values()]
    cited += [(floor.id, floor.source) for floor in protocol.floors]
    for complaint in protocol.complaints:
        cited.append((complaint.id, complaint.source))
        cited += [(rule.id, rule.source) for rule in complaint.rules]
        cited += [(f"{complaint.id} {r.discipline}", r.source) for r in complaint.routes]
    for place, source in cited:
        if source and source not in known:
            yield f"«{place}» cites «{source}», which is not among the sources"
    for idle in sorted(known - {source for _, source in cited}):
        yield f"source «{idle}» is cited nowhere"


def _complaint(
    protocol: Protocol, complaint: Complaint, disciplines: Collection[str]
) -> Iterator[str]:
    if not complaint.otherwise.is_emergency and not any(
        rule.level.is_emergency for rule in complaint.all_rules
    ):
        yield f"{complaint.id}: no red flag of its own"
    if "15" not in complaint.safety_net:
        yield f"{complaint.id}: its safety net does not say when to call the 15"
    if not complaint.routes:
        yield f"{complaint.id}: nobody receives it"
    for route in complaint.routes:
        if route.discipline not in disciplines:
            yield f"{complaint.id}: no discipline is called «{route.discipline}»"
        if route.at_most.is_emergency:
            yield f"{complaint.id}: {route.discipline} may not receive an emergency"
    if not any(complaint.scope.hold_for(patient) for patient in people(protocol)):
        yield f"{complaint.id}: its scope is nobody's"


def _red_flags(protocol: Protocol, complaint: Complaint, patient: Patient) -> int:
    before = {question.id for question in (*protocol.universal, *protocol.stage2)}
    asked = existing(complaint.questions, patient)
    return sum(question.is_red_flag and question.id not in before for question in asked)
