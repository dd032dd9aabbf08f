"""One call in one transaction: what is known of it, which signs are asked, what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from booking.desk import choose, words
from booking.desk.ask import patient_of
from booking.desk.reach import Reach
from booking.desk.staff import Actor
from booking.desk.validity import VALID_FOR
from booking.models import CareRequest, RequestStatus
from booking.triage.engine import Asked, questions_for
from booking.triage.facts import ANYBODY, NO, Patient, Truth
from booking.triage.protocol import Complaint, Level, Protocol, Question
from booking.web.calls import stages
from booking.web.calls.entered import Around
from booking.web.calls.stages import Signs, Stage
from booking.web.journey import pregnancy_matters, sex_matters
from config.clock import local_day
from schedules.models import Community

OF_EVERY_CALL = (Stage.EVERYBODY, Stage.AGE)
"""The signs that are read out again when too much time has passed."""


def stale_since(request: CareRequest, now: datetime) -> datetime | None:
    """Return since when nobody has asked about the signs, if it is too long to count; else None.

    Since the judgement; or, where nothing was judged yet, since the call was left. To be asked
    before anything of the request is written.
    """
    if request.level is not None:
        is_stale = request.level.is_bookable and choose.is_too_old(request, now)
        return request.assessed_at if is_stale else None
    left = request.saved_at
    return left if left is not None and now - left >= VALID_FOR[Level.SAME_DAY] else None


@dataclass(frozen=True)
class Missing:
    """One thing to ask before triage can judge, and the field that it leads to."""

    field: str
    text: str


@dataclass(frozen=True)
class Call:
    """A call as its page needs it. `request` is locked, or new and not yet in the database."""

    session: Session
    request: CareRequest
    community: Community
    protocol: Protocol
    by: Actor
    reach: Reach
    now: datetime
    around: Around
    is_new: bool = False
    stale_since: datetime | None = None
    """When the signs were last answered, if that is too long ago: see `stale_since`."""
    hints: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone of every hour on the page."""
        return self.community.zone

    @property
    def today(self) -> date:
        """Return which day it is where the patient lives."""
        return local_day(self.now, self.zone)

    def again(self) -> "Call":
        """Return the call after something was written: nothing worked out before counts."""
        return replace(self)

    @cached_property
    def patient(self) -> Patient:
        """Return what triage knows of the person."""
        return patient_of(self.request)

    @cached_property
    def complaints(self) -> list[Complaint]:
        """Return the complaints that were chosen and that this protocol has."""
        known = self.protocol.by_complaint
        return [known[each] for each in self.request.complaints if each in known]

    @cached_property
    def asked(self) -> Asked:
        """Return the questions that exist for this patient with these complaints."""
        return questions_for(self.protocol, self.patient, [each.id for each in self.complaints])

    @property
    def is_age_known(self) -> bool:
        """Whether an age was said, or a day of birth."""
        return self.request.age_months is not None

    @cached_property
    def asks_sex(self) -> bool:
        """Whether some rule depends on it at this age."""
        return self.is_age_known and sex_matters(self.protocol, self.patient)

    @cached_property
    def asks_pregnancy(self) -> bool:
        """Whether some rule depends on it, for somebody who may be pregnant."""
        return (
            self.is_age_known
            and self.request.sex is not None
            and pregnancy_matters(self.protocol, self.patient)
        )

    @cached_property
    def is_person_known(self) -> bool:
        """Whether all is known that decides which signs are asked next."""
        request = self.request
        return (
            self.is_age_known
            and (not self.asks_sex or request.sex is not None)
            and (not self.asks_pregnancy or request.pregnant is not None)
        )

    @property
    def is_judged(self) -> bool:
        """Whether triage has judged what was said, however long ago."""
        return self.request.level is not None

    @property
    def is_asked_again(self) -> bool:
        """Whether so much time has passed that the signs have to be read out once more."""
        return self.stale_since is not None

    @cached_property
    def lists(self) -> list[Signs]:
        """Return the stages of signs that are asked now; the later ones as soon as they can be."""
        asked, said, request = self.asked, self.request.answers, self.request
        again = self.stale_since or ""
        who = (request.birth_date, request.age_months, request.sex, request.pregnant)
        shown: list[tuple[Stage, tuple[Question, ...], object]] = [
            (Stage.EVERYBODY, asked.universal, again)
        ]
        if self.is_person_known:
            shown.append((Stage.AGE, asked.stage2, (who, again)))
        if self.complaints:
            shown.append((Stage.COMPLAINT, stages.of_complaint(asked), (who, "")))
        shown.append((Stage.WORDS, self.raised, request.note))
        return [
            stages.signs(
                stage,
                questions,
                self._said_again if stage is Stage.WORDS else said,
                drawn_for=drawn_for,
                is_asked_again=self.is_asked_again and stage in OF_EVERY_CALL,
            )
            for stage, questions, drawn_for in shown
            if questions
        ]

    @cached_property
    def raised(self) -> tuple[Question, ...]:
        """Return the signs that the words for the professional may mean: they are asked again."""
        return words.signs_in(self.protocol, self.request)

    @property
    def _said_again(self) -> dict[str, object]:
        """Return what was answered to these signs since the words were written."""
        request = self.request
        heard = {q.id: request.answers.get(q.id) for q in self.raised}
        return {k: v for k, v in heard.items() if v != NO or k in request.reasked}

    def list_of(self, stage: Stage) -> Signs | None:
        """Return the signs of one stage, if it is asked now."""
        return next((each for each in self.lists if each.stage is stage), None)

    @property
    def has_sign(self) -> bool:
        """Whether a warning sign is there, or in doubt."""
        return stages.is_alarming(self.asked, self.request.answers)

    @property
    def is_emergency(self) -> bool:
        """Whether the next thing to do is to hand this call over to the 15."""
        level = self.request.level
        return self.has_sign if level is None else level.is_emergency

    @property
    def is_ended(self) -> bool:
        """Whether this request has its appointment, or ended otherwise: nothing is typed."""
        return self.request.status in (RequestStatus.BOOKED, RequestStatus.DECLINED)

    @property
    def is_anothers(self) -> bool:
        """Whether a colleague has this call."""
        return self.request.owner is not None and self.request.owner != self.by.account

    @cached_property
    def missing(self) -> list[Missing]:
        """Return what has to be asked before triage can judge, in the order of the call."""
        request, lists = self.request, {each.stage: each for each in self.lists}
        found: list[Missing | None] = [
            self._unheard(lists.get(Stage.EVERYBODY), _("les signes d’alerte")),
            None if self.is_age_known else Missing("naissance", _("la date de naissance")),
            Missing("sexe", _("le sexe")) if self.asks_sex and request.sex is None else None,
            Missing("enceinte", _("la grossesse"))
            if self.asks_pregnancy and request.pregnant is None
            else None,
            self._unheard(lists.get(Stage.AGE), _("les signes selon l’âge et le sexe")),
            None if self.complaints else Missing("cherche", _("le motif")),
            self._unheard(lists.get(Stage.COMPLAINT), _("les signes du motif")),
            self._unheard(lists.get(Stage.WORDS), _("le signe que vos mots évoquent")),
            self._unanswered(),
        ]
        return [each for each in found if each]

    @staticmethod
    def _unheard(signs: Signs | None, text: str) -> Missing | None:
        return None if signs is None or signs.is_heard else Missing(f"aucun-{signs.stage}", text)

    def _unanswered(self) -> Missing | None:
        said = self.request.answers
        due = [q for q in stages.criteria(self.asked) if said.get(q.id) is None]
        if not self.complaints or not due:
            return None
        count = len(due)
        text = ngettext("%(num)d question du motif", "%(num)d questions du motif", count)
        return Missing(f"q-{due[0].id}", str(text))

    @cached_property
    def possible(self) -> Sequence[Complaint]:
        """Return the complaints whose scope does not exclude this patient."""
        patient = self.patient if self.is_age_known else ANYBODY
        return [c for c in self.protocol.complaints if c.scope.hold_for(patient) is not Truth.NO]
