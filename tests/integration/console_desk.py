"""An operator without scripts: a browser that posts back what the form of its page holds."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from booking.triage.protocol import Kind, Protocol
from tests.staffing import words

PAGE = "/console/appel"


class Form(HTMLParser):
    """The fields of the call's form, as a browser would post them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inside, self.options = False, ""
        self.fields: list[tuple[str, str]] = []
        self.offered: dict[str, list[str]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = said.get("id") == "appel"
        if tag == "input" and (self.inside or said.get("form") == "appel"):
            self._input(said)
        if tag == "select" and self.inside:
            self.fields.append((said["name"], ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False

    def _input(self, said: dict[str, str]) -> None:
        if "name" not in said:
            return
        if said.get("type") in ("checkbox", "radio"):
            self.offered.setdefault(said["name"], []).append(said.get("value", "on"))
            if "checked" not in said:
                return
        self.fields.append((said["name"], said.get("value", "")))


@dataclass
class Desk:
    """One operator, one browser window, one call."""

    client: FlaskClient
    answer: TestResponse | None = None
    url: str = PAGE
    typed: dict[str, Any] = field(default_factory=dict)

    def open(self, url: str = PAGE) -> "Desk":
        self.answer, self.url = self.client.get(url), url
        return self

    @property
    def form(self) -> Form:
        return Form(self.answer.text)

    @property
    def says(self) -> str:
        return words(self.answer)

    @property
    def reference(self) -> UUID:
        return UUID(dict(self.form.fields)["reference"])

    def posted(self, press: str = "", **typed: Any) -> list[tuple[str, str]]:
        """Return what this form would post, with these fields typed over."""
        kept = [(name, value) for name, value in self.form.fields if name not in typed]
        for name, value in typed.items():
            kept += [(name, each) for each in (value if isinstance(value, list) else [value])]
        return [*kept, *([("faire", press)] if press else [])]

    def press(self, press: str = "", **typed: Any) -> "Desk":
        """Press a button of the form, with these fields typed; follow where it leads."""
        sent: dict[str, list[str]] = {}
        for name, value in self.posted(press, **typed):
            sent.setdefault(name, []).append(value)
        self.answer = self.client.post(PAGE, data=sent, follow_redirects=True)
        return self

    def by_script(self, press: str = "", **typed: Any) -> TestResponse:
        """Post as the page's script does; the window still shows what it showed."""
        sent: dict[str, list[str]] = {}
        for name, value in self.posted(press, **typed):
            sent.setdefault(name, []).append(value)
        return self.client.post(PAGE, data=sent, headers={"HX-Request": "true"})

    def none(self) -> list[str]:
        """Return « Aucun » of every list of signs that the page shows."""
        return self.form.offered["aucun"]

    def answered(self, protocol: Protocol, calm: dict[str, Any]) -> dict[str, Any]:
        """Return calm answers to the questions that the page shows one by one."""
        shown = {name for name, _ in self.form.fields if name.endswith("-lu")}
        return {
            f"q-{q.id}": str(calm.get(q.id, "no" if q.kind is Kind.YES_NO else q.choices[0][0]))
            for q in protocol.questions.values()
            if f"q-{q.id}-lu" in shown
        }


CALM = {"tm_zone": "cheville", "tm_appui": "oui"}

PERSON = {
    "telephone": "06 39 98 12 34",
    "commune": "saint",
    "naissance": "27/03/1988",
    "qui": "PATIENT",
}


def to_the_slots(desk: Desk, protocol: Protocol) -> Desk:
    """Take the call of a man with a sprained ankle until slots are on the screen."""
    desk.open().press(**PERSON).press(sexe="male")
    desk.press("motif", cherche="cheville")
    return desk.press(aucun=desk.none(), **desk.answered(protocol, CALM))


def slots_of(desk: Desk) -> list[str]:
    return desk.form.offered.get("creneau", [])


def pieces_of(answer: TestResponse) -> list[str]:
    """Return the ids of the pieces that an answer to the script brings."""
    return re.findall(r'id="([\w-]+)" data-hx-swap-oob', answer.text)


def refreshed(session: Session, row: Any) -> Any:
    session.expire_all()
    session.refresh(row)
    return row
