"""How a protocol must look to be read aloud in time: its lengths, counts, sources and codes."""

from collections.abc import Collection, Iterator

from booking.triage.engine import existing
from booking.triage.facts import OLDEST_MONTHS, Patient, Pregnant, Sex, Truth
from booking.triage.people import people
from booking.triage.places import Fault, Part
from booking.triage.protocol import Complaint, Protocol, Question

UNIVERSAL_SIGNS, UNIVERSAL_SIGN_WORDS, UNIVERSAL_WORDS = 9, 10, 60
STAGE2_SIGNS, STAGE2_WORDS = 4, 45
QUESTION_WORDS, COMPLAINT_RED_FLAGS = 15, 5
"""What `reference/ux.md` §2.2 and SR-18 allow."""


def failures(protocol: Protocol, disciplines: Collection[str]) -> Iterator[Fault]:
    """Yield, in plain French, everything that breaks the shape, with its line and remedy."""
    yield from _universal(protocol)
    yield from _stage2(protocol)
    yield from _wording(protocol)
    yield from _sources(protocol)
    for family, members in protocol.families:
        yield from _holes(protocol, family, members)
    for complaint in protocol.complaints:
        yield from _complaint(protocol, complaint, disciplines)


def warnings(protocol: Protocol) -> Iterator[Fault]:
    """Yield what the committee should know of: many red flags, complaints that overlap."""
    for complaint in protocol.complaints:
        here = [complaint.scope, *(question.asked_if for question in complaint.questions)]
        most = max(_red_flags(protocol, complaint, patient) for patient in people(here))
        if most > COMPLAINT_RED_FLAGS:
            yield protocol.places.fault(
                f"{complaint.id} : {most} signes d'alerte pour une même personne, "
                f"{COMPLAINT_RED_FLAGS} souhaités",
                ("complaint", complaint.id),
            )
    for family, members in protocol.families:
        yield from _overlaps(protocol, family, members)


def _universal(protocol: Protocol) -> Iterator[Fault]:
    signs, fault = protocol.universal, protocol.places.fault
    words = sum(sign.words for sign in signs)
    if len(signs) > UNIVERSAL_SIGNS or words > UNIVERSAL_WORDS:
        yield fault(
            f"étape 1 : {len(signs)} signes et {words} mots, {UNIVERSAL_SIGNS} et "
            f"{UNIVERSAL_WORDS} au plus ; déplacez-en à l'étape 2 ou dans un motif",
            ("universal",),
        )
    for sign in signs:
        here = ("question", sign.id)
        if sign.words > UNIVERSAL_SIGN_WORDS:
            yield fault(
                f"étape 1 : « {sign.id} » a {sign.words} mots, "
                f"{UNIVERSAL_SIGN_WORDS} au plus ; raccourcissez-le",
                here,
            )
        if not sign.asked_if.is_empty:
            yield fault(
                f"étape 1 : « {sign.id} » dépend de la personne, or l'étape 1 est lue à tous ; "
                "déplacez-le à l'étape 2",
                here,
            )
        if not sign.is_red_flag:
            yield fault(_no_alert("étape 1", sign), here)


def _no_alert(stage: str, sign: Question) -> str:
    return (
        f"{stage} : « {sign.id} » n'envoie pas au 15 ; "
        "écrivez level: CALL_15 ou CALL_15_ADVICE, ou déplacez-le dans un motif"
    )


def _stage2(protocol: Protocol) -> Iterator[Fault]:
    fault = protocol.places.fault
    for sign in protocol.stage2:
        here = ("question", sign.id)
        if sign.asked_if.is_empty:
            yield fault(
                f"étape 2 : « {sign.id} » est lu à tous ; ajoutez asked_if, "
                "ou déplacez-le à l'étape 1",
                here,
            )
        if not sign.is_red_flag:
            yield fault(_no_alert("étape 2", sign), here)
    for patient in people(sign.asked_if for sign in protocol.stage2):
        asked = existing(protocol.stage2, patient)
        words = sum(sign.words for sign in asked)
        if len(asked) > STAGE2_SIGNS or words > STAGE2_WORDS:
            yield fault(
                f"étape 2 : {len(asked)} signes et {words} mots, {STAGE2_SIGNS} et "
                f"{STAGE2_WORDS} au plus, pour une même personne ({_named(patient)}) ; "
                "raccourcissez, ou changez des asked_if",
                ("stage2",),
            )
            return


def _wording(protocol: Protocol) -> Iterator[Fault]:
    questions = protocol.questions.values()
    words = sum(each.words for each in questions)
    if words > QUESTION_WORDS * len(questions):
        yield protocol.places.fault(
            f"les questions ont plus de {QUESTION_WORDS} mots en moyenne ; raccourcissez-les"
        )
    for each in questions:
        if each.words > QUESTION_WORDS:
            yield protocol.places.fault(
                f"« {each.id} » a {each.words} mots, {QUESTION_WORDS} au plus ; raccourcissez-la, "
                "ou posez deux questions",
                ("question", each.id),
            )


def _sources(protocol: Protocol) -> Iterator[Fault]:
    known = {source.id for source in protocol.sources}
    cited = list(_cited(protocol))
    for place, source in cited:
        if source and source not in known:
            yield protocol.places.fault(
                f"« {place[-1]} » cite « {source} », qui n'est pas dans `sources` ; "
                "ajoutez-la, ou citez-en une autre",
                place,
            )
    for idle in sorted(known - {source for _, source in cited}):
        yield protocol.places.fault(
            f"la source « {idle} » n'est citée nulle part ; enlevez-la", ("source", idle)
        )


def _cited(protocol: Protocol) -> Iterator[tuple[Part, str]]:
    for question in protocol.questions.values():
        yield ("question", question.id), question.source
    for floor in protocol.floors:
        yield ("rule", floor.id), floor.source
    for complaint in protocol.complaints:
        yield ("complaint", complaint.id), complaint.source
        yield from ((("rule", rule.id), rule.source) for rule in complaint.rules)
        for number, route in enumerate(complaint.routes):
            yield ("route", complaint.id, str(number)), route.source


def _complaint(
    protocol: Protocol, complaint: Complaint, disciplines: Collection[str]
) -> Iterator[Fault]:
    here, fault = ("complaint", complaint.id), protocol.places.fault
    if not complaint.otherwise.is_emergency and not any(
        rule.level.is_emergency for rule in complaint.all_rules
    ):
        yield fault(f"{complaint.id} : aucun signe d'alerte à lui ; ajoutez-en un", here)
    if "15" not in complaint.safety_net:
        yield fault(
            f"{complaint.id} : sa consigne (safety_net) ne dit pas quand appeler le 15 ; "
            "ajoutez-le",
            here,
        )
    if not complaint.routes:
        yield fault(f"{complaint.id} : personne ne le reçoit ; ajoutez routes", here)
    for number, route in enumerate(complaint.routes):
        place = ("route", complaint.id, str(number))
        if route.discipline not in disciplines:
            yield fault(
                f"{complaint.id} : aucune profession ne s'appelle « {route.discipline} » ; "
                "écrivez un code de professions.yaml",
                place,
            )
        if route.at_most.is_emergency:
            yield fault(
                f"{complaint.id} : {route.discipline} ne peut pas recevoir une urgence ; "
                "baissez at_most à SAME_DAY",
                place,
            )


def _red_flags(protocol: Protocol, complaint: Complaint, patient: Patient) -> int:
    before = {question.id for question in protocol.general_questions}
    asked = existing(complaint.questions, patient)
    return sum(question.is_red_flag and question.id not in before for question in asked)


# Families: complaints that together are for everybody


def _holes(protocol: Protocol, family: str, members: Collection[str]) -> Iterator[Fault]:
    """Yield the youngest person for whom a family has no complaint."""
    for patient, found in _received(protocol, members):
        if not found:
            yield protocol.places.fault(
                f"la famille « {family} » n'a aucun motif pour cette personne : "
                f"{_named(patient)} ; élargissez le scope d'un de ses motifs",
                ("family", family),
            )
            return


def _overlaps(protocol: Protocol, family: str, members: Collection[str]) -> Iterator[Fault]:
    for patient, found in _received(protocol, members):
        if len(found) > 1:
            yield protocol.places.fault(
                f"la famille « {family} » a deux motifs pour la même personne "
                f"({', '.join(found)}) : {_named(patient)}",
                ("family", family),
            )
            return


def _received(protocol: Protocol, members: Collection[str]) -> Iterator[tuple[Patient, list[str]]]:
    """Yield everybody, month by month of age, with the complaints that are surely for them."""
    complaints = [protocol.by_complaint[each] for each in members]
    sorts = [(Sex.FEMALE, Pregnant.NO), (Sex.FEMALE, Pregnant.YES), (Sex.MALE, Pregnant.NO)]
    for age in range(OLDEST_MONTHS + 1):
        for sex, pregnant in sorts:
            patient = Patient(age, sex, pregnant)
            if pregnant is Pregnant.YES and patient.is_pregnant() is not Truth.YES:
                continue  # no child of five expects one
            yield patient, [c.id for c in complaints if c.scope.hold_for(patient) is Truth.YES]


def _named(patient: Patient) -> str:
    """Return the patient in words: «garçon ou homme de 3 mois»."""
    months = patient.age_months or 0
    age = f"{months} mois" if months < 24 else f"{months // 12} ans"  # noqa: PLR2004 - 2 years
    sex = {Sex.FEMALE: "fille ou femme", Sex.MALE: "garçon ou homme"}.get(patient.sex, "personne")
    return f"{sex} de {age}" + (", enceinte" if patient.pregnant is Pregnant.YES else "")
