"""Which template, reader and writer each page of the patient's form has."""

from collections.abc import Callable
from dataclasses import dataclass

from booking.web import booking_pages, ending_pages, triage_pages
from booking.web.answers import Form
from booking.web.journey import Step
from booking.web.triage_pages import Elsewhere, Shown
from booking.web.visit import Visit


@dataclass(frozen=True)
class Page:
    """One page of the form: its template, what it shows, and how it keeps what is posted."""

    template: str
    show: Callable[[Visit, Step], Shown]
    keep: Callable[[Visit, Step, Form], Elsewhere]


def _nothing(visit: Visit, step: Step) -> Shown:
    del visit, step
    return {}


def _refuse(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Answer a post to a page that only tells something: it leads where the form stands."""
    del visit, step, form
    return None


T, B, E = triage_pages, booking_pages, ending_pages
PAGES = {
    Step.SIGNS: Page("signs", T.show_signs, T.keep_signs),
    Step.BIRTH: Page("birth", T.show_birth, T.keep_birth),
    Step.SEX: Page("sex", T.show_choice, T.keep_sex),
    Step.PREGNANCY: Page("pregnancy", T.show_choice, T.keep_pregnancy),
    Step.MORE_SIGNS: Page("signs", T.show_signs, T.keep_signs),
    Step.COMMUNE: Page("commune", T.show_commune, T.keep_commune),
    Step.COMPLAINT: Page("complaint", T.show_complaints, T.keep_complaint),
    Step.WORDS: Page("words", T.show_words, T.keep_words),
    Step.AGAIN: Page("signs", T.show_again, T.keep_again),
    Step.QUESTIONS: Page("questions", T.show_questions, T.keep_questions),
    Step.REGULAR_DOCTOR: Page("doctor", B.show_doctor, B.keep_doctor),
    Step.APPOINTMENT: Page("appointments", B.show_appointments, B.keep_appointment),
    Step.NAME: Page("name", B.show_name, B.keep_name),
    Step.PHONE: Page("phone", B.show_phone, B.keep_phone),
    Step.CHECK: Page("check", E.show_check, E.keep_check),
    Step.CALL_BACK: Page("call_back", E.show_call_back, E.keep_call_back),
    Step.ADVICE: Page("advice", E.show_advice, E.keep_advice),
    Step.EMERGENCY: Page("emergency", _nothing, _refuse),
    Step.OVER: Page("over", _nothing, _refuse),
}

NEEDS_SLOT = (Step.NAME, Step.PHONE, Step.CHECK)
"""Pages on which a slot is kept for the patient: each of them keeps it longer."""
