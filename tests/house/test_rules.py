"""Rules of this house that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings

ROOT = Path(__file__).parents[2]
ROOMS = ("booking", "schedules", "notifications", "config")
MODULES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts
)
LONGEST_FUNCTION = 45
LONGEST_MODULE = 350

LONG_ON_PURPOSE: dict[str, str] = {}
"""What is longer, and why it reads better whole."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node


def lines_with(pattern: str, *but: str) -> list[str]:
    return [
        f"{named(path)}:{number}: {line.strip()}"
        for path in MODULES
        if named(path) not in but
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_only_the_transaction_commits():
    assert lines_with(r"\.commit\(\)", "config/database.py") == []


def test_only_slots_writes_a_hold_or_a_claim():
    # An API answers until when a slot is held: it tells, it does not write.
    tells = "booking/api/appointments.py"
    written = r"\b(held_by|held_until|claimed_by|claimed_at)="

    assert lines_with(written, "schedules/slots.py", "schedules/keeping.py", tells) == []


def test_nobody_but_the_errors_page_and_the_worker_catches_everything():
    allowed = (
        "booking/worker.py",
        "booking/web/errors.py",
        "notifications/delivery.py",
        "config/database.py",
        "notifications/smtp_email.py",  # hangs up, then raises it again
        "booking/web/patient.py",  # nothing that breaks may hide a warning sign
    )
    assert lines_with(r"except (Base)?Exception\b", *allowed) == []


def test_no_drawer_is_called_utils():
    drawers = {"utils", "util", "common", "helpers", "misc", "base", "core"}

    assert [named(p) for p in MODULES if p.stem in drawers or p.parent.name in drawers] == []


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_says_in_one_sentence_what_it_is_for(path):
    said = ast.get_docstring(ast.parse(path.read_text()))

    assert said
    assert said.splitlines()[0].endswith((".", "?", "!", ":", "…"))


def test_functions_stay_short_enough_to_read_at_once():
    long = {
        f"{named(path)}:{function.name}"
        for path in MODULES
        for function in functions(path)
        if function.end_lineno - function.lineno >= LONGEST_FUNCTION + _docstring(function)
    }

    assert long - LONG_ON_PURPOSE.keys() == set()


def _docstring(function: ast.FunctionDef) -> int:
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return first.end_lineno - first.lineno + 1 if is_docstring else 0


def test_modules_stay_short_enough_to_have_one_purpose():
    long = {named(p) for p in MODULES if len(p.read_text().splitlines()) > LONGEST_MODULE}

    assert long - LONG_ON_PURPOSE.keys() == set()


def test_what_is_long_on_purpose_still_exists():
    names = {named(p) for p in MODULES}

    assert {each.partition(":")[0] for each in LONG_ON_PURPOSE} <= names


def test_every_setting_is_in_the_example():
    example = (ROOT / ".env.example").read_text()
    names = {field.validation_alias or name for name, field in Settings.model_fields.items()}

    assert {name for name in names if str(name).upper() not in example} == set()


def test_every_template_is_used():
    folder = ROOT / "booking/web/templates"
    everything = "\n".join(
        p.read_text() for p in (*MODULES, *folder.rglob("*.html")) if p.is_file()
    )
    unused = {
        str(p.relative_to(folder))
        for p in folder.rglob("*.html")
        if str(p.relative_to(folder)) not in everything and f"{p.stem}" not in everything
    }

    assert unused == set()


def test_no_secret_of_a_patient_is_in_a_log_call():
    suspicious = lines_with(
        r"\blog(ger|s)?\.\w+\(.*\b(phone|family_name|given_name|email|note|answers|token)\b"
    )

    assert suspicious == []


def test_every_decision_is_listed():
    listed = (ROOT / "docs/adr/README.md").read_text()

    assert [p.name for p in (ROOT / "docs/adr").glob("0*.md") if p.name not in listed] == []


def test_no_page_carries_a_script_or_a_style_of_its_own():
    pages = (ROOT / "booking/web/templates").rglob("*.html")
    found = [
        f"{p.name}: {hit.group()}"
        for p in pages
        for hit in re.finditer(r"<script(?![^>]*\bsrc=)|\son\w+=\"|\sstyle=\"", p.read_text())
    ]

    assert found == []


def test_nothing_that_is_read_can_run():
    modules = r"\b(pickle|marshal|shelve|dill)\b"
    calls = r"\b(eval|exec)\(|yaml\.(unsafe_|full_)?load\(|UnsafeLoader"

    assert lines_with(f"{modules}|{calls}") == []
