"""What patients tick and type → values, or a sentence beside the field. Nothing typed is lost."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from booking.triage.facts import NO, UNKNOWN, YES
from booking.triage.protocol import Kind, Question
from booking.web.staff_forms import FormRefused, clean

Form = MultiDict[str, str]

NONE_OF_THESE = "none"
"""The box « Aucun de ces signes »."""

SHOWN = "montre"
"""Hidden fields of a page of signs: those that it showed."""

LONGEST_NOTE = 80
LONGEST_ECHO = 500
"""Of what was typed, this much is shown again: nobody corrects more by hand."""


def one(form: Form, name: str) -> str:
    """Return what one field says, cleaned; nothing when two fields of that name disagree."""
    said = {clean(value) for value in form.getlist(name)}
    return said.pop() if len(said) == 1 else ""


def echo(form: Form) -> dict[str, str]:
    """Return what was typed, cleaned and cut, to stand in the fields again."""
    return {name: one(form, name)[:LONGEST_ECHO] for name in form}


def signs(form: Form, questions: Iterable[Question]) -> dict[str, str]:
    """Return an answer to each sign that the page showed: ticked is yes, the others no.

    A page left open in another tab may show the signs of another age. « Aucun » on it says
    nothing of those that it lacks; a ticked sign that must be asked is heard all the same.
    « Aucun » beside a ticked sign is a doubt, and a doubt counts as the sign.

    Raises:
        FormRefused: if nothing was ticked, for silence is no answer; or if the page did not show
            what must be asked now.
    """
    known = {question.id for question in questions}
    shown, ticked = set(form.getlist(SHOWN)), set(form.getlist("signes"))
    if not ticked:
        raise FormRefused({"signes": _("Cochez un signe, ou cochez « Aucun de ces signes »")})
    is_of_now = known <= shown and ticked <= {*known, NONE_OF_THESE}
    if not is_of_now and not ticked & known:
        raise FormRefused({"signes": _("Les questions ont changé. Répondez à nouveau.")})
    return {sign: YES if sign in ticked else NO for sign in known & (shown | ticked)}


def choice(form: Form, name: str, known: Iterable[str], sentence: str) -> str:
    """Return which of the known values was chosen.

    Raises:
        FormRefused: with that sentence, if none or another was.
    """
    said = one(form, name)
    if said not in set(known):
        raise FormRefused({name: sentence})
    return said


def note(form: Form) -> str | None:
    """Return the few words beside the reason, or None.

    Raises:
        FormRefused: if they are longer than the professional's list can show.
    """
    said = one(form, "precision")
    if len(said) > LONGEST_NOTE:
        raise FormRefused({"precision": _("Écrivez 80 lettres au plus")})
    return said or None


def questions(
    form: Form, due: Iterable[Question], others: Iterable[Question] = ()
) -> dict[str, str | float]:
    """Return an answer to every question that is due, and to the others that were answered.

    Raises:
        FormRefused: with a sentence for each question left out or not understood.
    """
    wrong: dict[str, str] = {}
    heard: dict[str, str | float] = {}
    for question in due:
        answer = _heard(form, question)
        if answer is None:
            wrong[question.id] = _not_heard(question, one(form, question.id))
        else:
            heard[question.id] = answer
    if wrong:
        raise FormRefused(wrong)
    for question in others:
        answer = _heard(form, question)
        if answer is not None:
            heard[question.id] = answer
    return heard


def _heard(form: Form, question: Question) -> str | float | None:
    """Return the answer, « unknown » if that was said, None if nothing that counts was."""
    said = one(form, question.id)
    if said == UNKNOWN or one(form, f"{question.id}-inconnu"):
        return UNKNOWN
    answer = question.hear(said)
    return None if answer == UNKNOWN else answer


def _not_heard(question: Question, said: str) -> str:
    if question.kind is not Kind.NUMBER:
        return str(_("Répondez, ou choisissez « Je ne sais pas »"))
    if not said:
        return str(_("Indiquez un nombre, ou cochez « Je ne sais pas »"))
    return str(_("Vérifiez ce nombre, ou cochez « Je ne sais pas »"))


def reference(said: str) -> UUID | None:
    """Return the public name that was posted, or None if it is none."""
    try:
        return UUID(said)
    except ValueError:
        return None


def shown_again(form: Form, refused: FormRefused) -> Mapping[str, object]:
    """Return what a page needs to be shown again: the sentences, and all that was typed."""
    return {"errors": refused.errors, "typed": echo(form)}
