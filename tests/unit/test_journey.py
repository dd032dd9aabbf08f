"""Which page comes next: every state has one, nobody skips, doubt never leads to a booking."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import protocols
from booking.triage.facts import Patient, Pregnant, Sex
from booking.triage.protocol import Level
from booking.web.journey import State, Step, pregnancy_matters, sex_matters

PROTOCOL = protocols.in_force(date(2027, 3, 1))["fr"]
SIGNS = [sign.id for sign in PROTOCOL.universal]
ADULT = Patient(40 * 12, Sex.MALE)
WOMAN = Patient(30 * 12, Sex.FEMALE)
OLD = Patient(80 * 12, Sex.MALE)
INFANT = Patient(1, Sex.MALE)

EMPTY = State(protocol=PROTOCOL)

said = st.sampled_from(["yes", "no", "unknown", None])
patients = st.builds(
    Patient,
    st.none() | st.integers(0, 110 * 12),
    st.sampled_from(Sex),
    st.sampled_from(Pregnant),
)
states = st.builds(
    State,
    protocol=st.just(PROTOCOL),
    patient=patients,
    answers=st.dictionaries(st.sampled_from(sorted(PROTOCOL.questions)), said),
    has_birth_date=st.booleans(),
    is_sex_said=st.booleans(),
    is_pregnancy_said=st.booleans(),
    has_commune=st.booleans(),
    complaints=st.lists(st.sampled_from(sorted(PROTOCOL.by_complaint)), max_size=1).map(tuple),
    level=st.none() | st.sampled_from(Level),
    is_doctor_said=st.booleans(),
    has_slot=st.booleans(),
    has_name=st.booleans(),
    has_phone=st.booleans(),
    is_booked=st.booleans(),
    is_over=st.booleans(),
)

AFTER_TRIAGE = {Step.REGULAR_DOCTOR, Step.APPOINTMENT, Step.NAME, Step.PHONE, Step.CHECK}


def calm(state: State) -> State:
    """Answer no to every question that exists for this patient."""
    return replace(state, answers={question.id: "no" for question in state.asked.all()})


def answered(patient: Patient = ADULT, **but: object) -> State:
    """Return a form of which all is answered but what `but` says."""
    whole = State(
        protocol=PROTOCOL,
        patient=patient,
        has_birth_date=True,
        is_sex_said=True,
        is_pregnancy_said=True,
        has_commune=True,
        complaints=("mal_gorge",),
        level=Level.WITHIN_24H,
        is_doctor_said=True,
        has_slot=True,
        has_name=True,
        has_phone=True,
    )
    return replace(calm(whole), **but)


def test_the_first_page_is_the_signs():
    assert EMPTY.next_step is Step.SIGNS


def test_pages_come_in_order():
    assert answered().path == (
        Step.SIGNS,
        Step.BIRTH,
        Step.SEX,
        Step.MORE_SIGNS,
        Step.COMMUNE,
        Step.COMPLAINT,
        Step.QUESTIONS,
        Step.REGULAR_DOCTOR,
        Step.APPOINTMENT,
        Step.NAME,
        Step.PHONE,
        Step.CHECK,
    )


@pytest.mark.parametrize(
    ("left_out", "step"),
    [
        ({"has_birth_date": False}, Step.BIRTH),
        ({"is_sex_said": False}, Step.SEX),
        ({"has_commune": False}, Step.COMMUNE),
        ({"complaints": ()}, Step.COMPLAINT),
        ({"is_doctor_said": False}, Step.REGULAR_DOCTOR),
        ({"has_slot": False}, Step.APPOINTMENT),
        ({"has_name": False}, Step.NAME),
        ({"has_phone": False}, Step.PHONE),
        ({}, Step.CHECK),
        ({"is_booked": True}, Step.BOOKED),
        ({"is_over": True}, Step.OVER),
        ({"level": Level.CALL_15}, Step.EMERGENCY),
        ({"level": Level.CALL_15_ADVICE}, Step.EMERGENCY),
        ({"level": Level.NOT_UNSCHEDULED}, Step.ADVICE),
    ],
)
def test_what_is_left_out_is_asked(left_out: dict[str, object], step: Step):
    assert answered(**left_out).next_step is step


def test_a_page_of_signs_that_concern_nobody_is_no_page():
    assert Step.MORE_SIGNS not in answered(Patient(60 * 12, Sex.MALE)).path
    assert Step.MORE_SIGNS in answered(INFANT).path
    assert Step.MORE_SIGNS in answered(OLD).path


def test_one_sign_without_an_answer_keeps_the_page_open():
    nearly = dict.fromkeys(SIGNS[1:], "no")

    assert replace(EMPTY, answers=nearly, has_birth_date=True).next_step is Step.SIGNS


@pytest.mark.parametrize("answer", ["yes", "unknown", None])
@pytest.mark.parametrize("sign", SIGNS)
def test_whoever_is_not_sure_of_a_sign_stays_with_it(sign: str, answer: str | None):
    whole = answered()

    assert replace(whole, answers={**whole.answers, sign: answer}).next_step is Step.SIGNS


def test_a_pregnancy_is_asked_of_whoever_may_have_one():
    assert pregnancy_matters(PROTOCOL, WOMAN)
    assert pregnancy_matters(PROTOCOL, Patient(30 * 12, Sex.UNKNOWN))
    assert not pregnancy_matters(PROTOCOL, ADULT)
    assert not pregnancy_matters(PROTOCOL, Patient(75 * 12, Sex.FEMALE))
    assert not pregnancy_matters(PROTOCOL, INFANT)


def test_the_answer_about_a_pregnancy_does_not_take_the_question_away():
    assert pregnancy_matters(PROTOCOL, replace(WOMAN, pregnant=Pregnant.NO))


def test_sex_is_asked_at_the_ages_at_which_a_rule_needs_it():
    assert sex_matters(PROTOCOL, WOMAN)
    assert sex_matters(PROTOCOL, Patient(None))


def test_triage_is_due_once_every_question_is_answered():
    assert answered(level=None).is_triage_due
    assert not answered(level=None, has_commune=False).is_triage_due
    assert not answered().is_triage_due


def test_a_mistake_leads_back_to_the_page_it_was_made_on():
    at_first = answered(level=Level.CALL_15, answers={**answered().answers, SIGNS[2]: "yes"})
    at_last = answered(level=Level.CALL_15, answers={**answered().answers, "mg_salive": "yes"})

    assert at_first.to_correct() is Step.SIGNS
    assert at_last.to_correct() is Step.QUESTIONS


@given(states)
def test_every_form_stands_somewhere_and_may_see_where_it_stands(state: State):
    assert state.may_see(state.next_step)


@given(states)
def test_nobody_sees_a_page_after_the_first_open_question(state: State):
    seen = {step for step in Step if state.may_see(step)}
    path = state.path

    if state.next_step in path:
        later = set(path[path.index(state.next_step) + 1 :])
        assert not seen & later


@given(states)
def test_only_a_level_that_allows_it_leads_beyond_triage(state: State):
    if any(state.may_see(step) for step in (*AFTER_TRIAGE, Step.CALL_BACK)):
        assert state.level in (Level.SAME_DAY, Level.WITHIN_24H)


@given(states, st.sampled_from(SIGNS), st.sampled_from(["yes", "unknown", None]))
def test_a_sign_ticked_in_doubt_or_open_never_leads_beyond_it(
    state: State, sign: str, answer: str | None
):
    calm_but_one = {**calm(state).answers, sign: answer}

    doubtful = replace(state, answers=calm_but_one)

    assert doubtful.next_step in (Step.SIGNS, Step.EMERGENCY, Step.BOOKED, Step.OVER)


def test_a_sign_that_nobody_has_judged_leads_to_the_15():
    ticked = replace(EMPTY, answers=dict.fromkeys(SIGNS, "no") | {SIGNS[0]: "yes"})

    assert ticked.next_step is Step.EMERGENCY
    assert not ticked.may_see(Step.BIRTH)


@given(states)
def test_back_leads_to_an_earlier_page_that_may_be_seen(state: State):
    before = state.before(state.next_step)

    assert before is None or state.may_see(before) or state.next_step in (Step.BOOKED, Step.OVER)
