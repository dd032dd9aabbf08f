"""The pages before triage ends: what each shows of a visit, and how it keeps what is posted."""

from collections.abc import Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _

from booking.desk.ask import age_in_months, patient_of
from booking.triage.facts import NO, UNKNOWN, YES, Pregnant, Sex, Truth
from booking.triage.protocol import FALLBACK, Complaint, Question
from booking.web import answers, births, complaint_search, wording
from booking.web.answers import Form
from booking.web.journey import Step
from booking.web.staff_forms import FormRefused
from booking.web.visit import Visit
from schedules import directory

A_PAGE = 5
"""Questions that stand on one page; more are asked on a second one."""

MOST_COMPLAINTS = 3
"""The worst of them counts; whoever has more than three is asked to name the worst."""

SEARCH, SEARCH_BUTTON = "cherche", "chercher"
"""The search box posts with the rest of its page: what is ticked stays, and no address tells."""

OUTSIDE = "ailleurs"
INSIDE = "ici"
"""The answer where a community has not listed its communes."""

Shown = dict[str, Any]
Elsewhere = str | None
"""Where a page leads, if not to the next one."""


def show_signs(visit: Visit, step: Step) -> Shown:
    """Return the warning signs of one stage, with those ticked before."""
    signs = visit.state.questions_of(step)
    said = visit.request.answers
    ticked = [sign.id for sign in signs if said.get(sign.id) in (YES, UNKNOWN)]
    is_none = not ticked and all(said.get(sign.id) is not None for sign in signs)
    return {"signs": signs, "ticked": [answers.NONE_OF_THESE] if is_none and signs else ticked}


def keep_signs(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep an answer to each sign of the list."""
    visit.amend({"answers": answers.signs(form, visit.state.questions_of(step))})
    return None


def show_again(visit: Visit, step: Step) -> Shown:
    """Return every warning sign, unticked: what was there half an hour ago says nothing of now."""
    return {"signs": visit.state.questions_of(step), "ticked": []}


def keep_again(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep an answer to each sign; without any, the form goes on where it was."""
    heard = answers.signs(form, visit.state.questions_of(step))
    if YES in heard.values():
        visit.amend({"answers": heard})
    else:
        visit.answer_again(heard)
    return None


def show_birth(visit: Visit, step: Step) -> Shown:
    """Return the birth date given before."""
    del step
    born = visit.request.birth_date
    return {"typed": {"jour": born.day, "mois": born.month, "annee": born.year} if born else {}}


def keep_birth(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep the birth date; another one opens again all questions that depend on age."""
    del step
    born = births.birth_date(form, visit.today)
    _change_patient(visit, birth_date=born, age_months=age_in_months(born, visit.today))
    return None


def show_choice(visit: Visit, step: Step) -> Shown:
    """Return what was chosen before on the pages about sex and pregnancy."""
    asked = visit.request
    return {"chosen": asked.sex if step is Step.SEX else asked.pregnant}


def keep_sex(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep the sex; « Je préfère ne pas répondre » is the worst of both."""
    del step
    said = answers.choice(form, "sexe", list(Sex), _("Choisissez une réponse"))
    _change_patient(visit, sex=said)
    return None


def keep_pregnancy(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep whether there is, or may be, a pregnancy."""
    del step
    known = (Pregnant.YES, Pregnant.NO, Pregnant.UNKNOWN)
    said = answers.choice(form, "enceinte", known, _("Choisissez une réponse"))
    _change_patient(visit, pregnant=said)
    return None


def _change_patient(visit: Visit, **facts: object) -> None:
    """Keep a fact about the patient; another than before opens again what depends on it."""
    asked = visit.request
    if all(getattr(asked, name) == value for name, value in facts.items()):
        return
    before = visit.state.asked
    visit.amend({**facts, "answers": {q.id: None for q in (*before.stage2, *before.complaint)}})
    fitting = [c.id for c in complaints_for(visit)]
    if any(complaint not in fitting for complaint in asked.complaints):
        visit.amend({"complaints": []})


def show_commune(visit: Visit, step: Step) -> Shown:
    """Return the towns of the territory, and the one chosen before."""
    del step
    towns = directory.communes(visit.session, visit.community.id)
    options = [{"value": t.insee, "text": f"{t.name} ({t.postal_code})"} for t in towns]
    if not towns:
        options = [{"value": INSIDE, "text": _("Dans le territoire de la CPTS")}]
    options.append({"value": OUTSIDE, "text": _("Une autre commune")})
    return {"communes": options, "chosen": visit.request.commune_insee, "names": towns}


def keep_commune(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep the commune, from which distances are counted; elsewhere the service ends."""
    towns = {t.insee: t for t in directory.communes(visit.session, visit.community.id)}
    known = [*(towns or [INSIDE]), OUTSIDE]
    said = answers.choice(form, "commune", known, _("Choisissez une commune"))
    if said == OUTSIDE:
        return visit.url(step, ailleurs=1)
    town = towns.get(said)
    visit.identify(
        {
            "commune_insee": said,
            "latitude": town.latitude if town else None,
            "longitude": town.longitude if town else None,
        }
    )
    return None


def show_complaints(visit: Visit, step: Step) -> Shown:
    """Return the reasons that this patient can have, under headings; those that a search found."""
    del step
    fitting = complaints_for(visit)
    wanted = answers.one(request.form, SEARCH) if is_search(request.form) else ""
    chosen = request.form.getlist("motif") if request.form else visit.request.complaints
    found = complaint_search.matching(fitting, wanted) if wanted else []
    ticked = [c for c in fitting if c.id in chosen and c not in found]
    return {
        "found": [c for c in (*found, *ticked) if c.id != FALLBACK] if found else [],
        "groups": [] if found else visit.protocol.grouped(c for c in fitting if c.id != FALLBACK),
        "fallback": visit.protocol.by_complaint.get(FALLBACK),
        "chosen": chosen,
        "most": MOST_COMPLAINTS,
        "wanted": wanted,
        "typed": {
            "precision": answers.one(request.form, "precision") if wanted else visit.request.note
        },
    }


def is_search(form: Form) -> bool:
    """Return whether the list is to be searched, not the page to be answered.

    « Enter » in another field presses this page's first button too: with nothing to look for it
    goes on.
    """
    return bool(answers.one(form, SEARCH_BUTTON) and answers.one(form, SEARCH))


def complaints_for(visit: Visit) -> list[Complaint]:
    """Return the complaints whose scope does not exclude this patient."""
    patient = patient_of(visit.request)
    return [c for c in visit.protocol.complaints if c.scope.hold_for(patient) is not Truth.NO]


def keep_complaint(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep the reasons, three at most, and the few words; other words are read for signs anew."""
    del step
    known = [complaint.id for complaint in complaints_for(visit)]
    words = answers.note(form)
    said = [each for each in dict.fromkeys(form.getlist("motif")) if each in known]
    if not said:
        raise FormRefused({"motif": _("Choisissez une réponse, ou « Autre »")})
    if len(said) > MOST_COMPLAINTS:
        raise FormRefused({"motif": _("Choisissez trois réponses au plus")})
    visit.amend({"complaints": said})
    if words != visit.request.note:
        visit.identify({"note": words, "reasked": []})
        if visit.state.questions_of(Step.WORDS):
            visit.reopen()
    return None


def show_words(visit: Visit, step: Step) -> Shown:
    """Return the patient's own words, and the signs that they make us ask again."""
    return {"signs": visit.state.questions_of(step), "note": visit.request.note or "", "typed": {}}


def keep_words(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep the answers: « I do not know » counts as yes, and only « no » is asked no more."""
    asked = visit.state.questions_of(step)
    heard = answers.questions(form, asked)
    visit.amend(
        {
            "answers": heard,
            "reasked": [*visit.request.reasked, *(q for q, said in heard.items() if said == NO)],
        }
    )
    return None


def show_questions(visit: Visit, step: Step) -> Shown:
    """Return one page of the reason's own questions, numbered from 1; the first one still open."""
    pages = _pages(visit.state.questions_of(step))
    number = _page_number(visit, pages)
    known = visit.protocol.by_complaint
    return {
        "questions": pages[number - 1],
        "about_what": ", ".join(known[c].title for c in visit.state.complaints),
        "page": number,
        "pages": len(pages),
        "typed": {k: v for k, v in visit.request.answers.items() if v is not None},
    }


def keep_questions(visit: Visit, step: Step, form: Form) -> Elsewhere:
    """Keep the answers of this page; lead to the next page of questions if there is one."""
    every = visit.state.questions_of(step)
    pages = _pages(every)
    number = _page_number(visit, pages)
    due = pages[number - 1]
    heard = answers.questions(form, due, [q for q in every if q not in due])
    visit.amend({"answers": heard})
    is_open = any(visit.request.answers.get(q.id) is None for q in every)
    return visit.url(step, page=number + 1) if is_open and number < len(pages) else None


def _pages(questions: Sequence[Question]) -> list[tuple[Question, ...]]:
    return [tuple(questions[i : i + A_PAGE]) for i in range(0, len(questions), A_PAGE)]


def _page_number(visit: Visit, pages: Sequence[Sequence[Question]]) -> int:
    """Return the page that was asked for, else the first with an open question, else the first."""
    wanted = request.values.get("page", 0, type=int)
    if 1 <= wanted <= len(pages):
        return wanted
    said = visit.request.answers
    return next(
        (n for n, page in enumerate(pages, 1) if any(said.get(q.id) is None for q in page)), 1
    )


def about(visit: Visit) -> str:
    """Return whose form this is, in one line: « Personne malade : 78 ans »; or nothing yet."""
    born = visit.request.birth_date
    if born is None:
        return ""
    return str(_("Personne malade : %(age)s", age=wording.age(born, visit.today)))
