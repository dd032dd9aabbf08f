"""Pages that everybody may read, the choice of the language, and what every page's frame needs."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from booking import guards
from booking.extensions import db, equipment
from booking.retention import NOTICE
from booking.web import wording
from booking.web.errors import remember, whom_to_call
from config.database import transaction
from schedules import directory

pages = Blueprint("pages", __name__)

ONE_YEAR = 31_536_000


@pages.app_context_processor
def _frame() -> dict[str, Any]:
    locale = get_locale()
    return {"language": locale.language if locale else wording.FRENCH, "here": here}


@pages.app_template_filter()
def dialled(phone: str) -> str:
    """Return a number as `tel:` wants it."""
    return wording.dialled(phone)


@pages.app_template_filter()
def capital(text: str) -> str:
    """Return a text that begins with a capital."""
    return wording.capital(text)


def here() -> str:
    """Return the address of this page without the host, to come back to."""
    query = request.query_string.decode("ascii", "replace")
    return f"{request.path}?{query}" if query else request.path


@pages.get("/urgence")
@guards.open_to(guards.PUBLIC)
def emergency() -> str:
    """Show the emergency page, for links from elsewhere."""
    return render_template("patient/emergency.html", mistake_url=None)


@pages.get("/accessibilite")
@guards.open_to(guards.PUBLIC)
def accessibility() -> str:
    """Show the accessibility statement, the plan, and whom to tell of an obstacle."""
    return render_template("pages/accessibility.html", community=_the_community())


@pages.get("/vos-donnees")
@guards.open_to(guards.PUBLIC)
def privacy() -> str:
    """Show what is kept, why, for how long, who reads it, and the patient's rights."""
    community = _the_community()
    with transaction(db.session) as session:
        communities = directory.communities(session)
    return render_template(
        "pages/privacy.html",
        community=community,
        communities=communities,
        version=NOTICE,
        kept={kind.name: _span(kept) for kind, kept in equipment().terms.items()},
    )


def _span(kept: timedelta) -> str:
    """Return a term in words; one day as hours, so that nobody counts to midnight."""
    said = str(_("24 heures") if kept.days == 1 else _("%(count)s jours", count=kept.days))
    return said.replace(" ", wording.NB)


@pages.get("/efface")
@guards.open_to(guards.PUBLIC)
def erased() -> str:
    """Say that what was typed is erased."""
    return render_template("pages/erased.html", community=whom_to_call())


@pages.post("/langue")
@guards.open_to(guards.PUBLIC)
def speak() -> ResponseReturnValue:
    """Keep the language in a cookie, and come back to the page that was left."""
    answer = redirect(_same_host(request.form.get("next", "")), 303)
    wanted = request.form.get("lang", "")
    if wanted in wording.LANGUAGES:
        answer.set_cookie(
            wording.language_cookie(),
            wanted,
            max_age=ONE_YEAR,
            secure=equipment().settings.is_production,
            httponly=True,
            samesite="Lax",
        )
    return answer


def _same_host(wanted: str) -> str:
    """Return a path of ours, or the first page: nobody is sent to another site from here."""
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    is_plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if is_path and is_plain else url_for("patient.home")


def _the_community() -> Any:
    """Return the only territory, or none where there are several."""
    with transaction(db.session) as session:
        found = directory.communities(session)
    if len(found) != 1:
        return None
    remember(found[0])
    return found[0]
