"""What the law lets each profession do: read rule by rule, switched on or off for the community."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from booking import guards
from booking.extensions import db
from booking.governance import rules as legal_rules
from booking.governance.rules import Rule
from booking.web import wording
from booking.web.protocol.door import COMMITTEE, READERS, protocol, room, signatory
from booking.web.protocol.reading import may_write
from config import logs
from config.database import transaction
from schedules import nomenclature

MOST_SHOWN = 20


@protocol.get("/protocole/regles")
@guards.open_to(*READERS)
def law() -> ResponseReturnValue:
    """Show each legal rule with its dates, its text, who declared it, and whether it is used."""
    with transaction(db.session) as session:
        here = room(session)
        journal = [
            [here.moment(act.at), act.by_name, _switched(act.detail)]
            for act in legal_rules.acts(session, here.community.id, most=MOST_SHOWN)
        ]
        every = [
            _shown(each, here.today)
            for each in legal_rules.of(session, here.community, today=here.today)
        ]
    return render_template(
        "protocol/rules.html",
        errors={},
        community=here.community,
        rules=every,
        journal=journal,
        may_write=may_write(),
        kept="garde" in request.args,
    )


def _shown(each: Rule, today: Any) -> dict[str, Any]:
    rule = each.rule
    return {
        "id": rule.id,
        "title": rule.title,
        "disciplines": ", ".join(
            nomenclature.label(d, wording.language()) for d in rule.disciplines
        ),
        "from": wording.birth_day(rule.valid_from),
        "until": rule.valid_until and wording.birth_day(rule.valid_until),
        "in_force": rule.is_in_force(today),
        "departements": ", ".join(rule.departements),
        "source": rule.source,
        "dated": wording.birth_day(rule.dated),
        "is_on": each.is_on,
        "declared_by": ", ".join(each.declared_by),
    }


def _switched(detail: dict[str, Any]) -> str:
    return ", ".join(
        [*(f"+ {each}" for each in detail["on"]), *(f"− {each}" for each in detail["off"])]
    )


@protocol.post("/protocole/regles")
@guards.open_to(*COMMITTEE)
def switch() -> ResponseReturnValue:
    """Use the rules that are ticked, and no other."""
    with transaction(db.session) as session:
        here = room(session)
        legal_rules.choose(
            session,
            here.community,
            request.form.getlist("regle"),
            by=signatory(),
            now=here.now,
        )
    logs.event("legal_rules_chosen", actor=guards.identity().account)
    return redirect(url_for("protocol.law", garde=""), 303)
