"""Puts the rooms together: one app from settings, a clock and senders."""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from booking import cli, guards, production, protocols, retention, scope, worker
from booking.api import views as api_views
from booking.extensions import Equipment, babel, csrf, db
from booking.links import Links
from booking.web import (
    access,
    administration,
    agendas,
    appointment,
    audited,
    busy,
    console,
    coordination,
    day,
    dev,
    errors,
    feeds,
    forgotten,
    health,
    help_wanted,
    invitation,
    lock,
    lost,
    lost_factor,
    member_files,
    offered,
    outcome_letter,
    own,
    pages,
    patient,
    prosante,
    security_headers,
    session,
    step,
    supply,
    webhooks,
    wording,
    wrong_links,
)
from booking.web import protocol as protocol_pages
from booking.web.protocol import door as protocol_door
from config import address, logs, sealed
from config.clock import Clock, utc_now
from config.database import engine_options
from config.settings import Settings
from notifications.delivery import build_senders
from notifications.models import Channel
from notifications.senders import Sender
from schedules import ics

LARGEST_BODY = 64 * 1024

DOORS = (
    patient.patient,
    appointment.appointment,
    lost.lost,
    offered.offered,
    pages.pages,
    session.session,
    step.step,
    prosante.prosante,
    lock.locks,
    own.own,
    forgotten.forgotten,
    lost_factor.lost_factor,
    invitation.invitation,
    outcome_letter.outcomes,
    help_wanted.help_wanted,
    day.day,
    supply.supply,
    agendas.agendas,
    busy.busy,
    feeds.feeds,
    console.console,
    coordination.coordination,
    administration.administration,
    protocol_pages.protocol,
    webhooks.webhooks,
    health.health,
    api_views.api,
)


class Cookies(SecureCookieSessionInterface):
    """Flask's own, signed by HMAC-SHA-256: its SHA-1 is only there for cookies of long ago."""

    digest_method = staticmethod(sha256)


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock = utc_now,
    senders: Mapping[Channel, Sender] | None = None,
    versions: Sequence[protocols.Version] | None = None,
) -> Flask:
    """Return an app that is ready to serve.

    Raises:
        SettingMissing: if something is unsafe for an address that others reach.
        RouteWithoutGuard: if a route does not say who may enter.
        ProtocolInvalid: if the triage protocol that is delivered cannot be trusted.
    """
    settings = settings or Settings()
    settings.refuse_known_secret()
    versions = versions or protocols.published()
    os.umask(0o077)
    logs.configure()
    sealed.use(settings.keys, settings.secret_key.get_secret_value().encode())
    app = Flask(__name__, template_folder="web/templates", static_folder="web/static")
    app.session_interface = Cookies()
    app.config.from_mapping(_configuration(settings))
    production.refuse_unsafe(app, settings)
    retention.read(settings.retention_days)
    app.extensions[health.JOBS] = {job.name: job.every for job in worker.JOBS}
    app.extensions["jourmeme"] = Equipment(
        settings=settings,
        clock=clock,
        links=Links(
            settings.base_url, settings.host, settings.secret_key.get_secret_value().encode()
        ),
        versions=versions,
        senders=senders or build_senders(settings, ics.drawn),
    )
    app.before_request(scope.forget)
    access.init_app(app)
    app.before_request(errors.refuse_other_hosts)
    # Before the form is read: the check of its token reads it.
    app.before_request(protocol_door.large_forms)
    app.before_request(member_files.large_forms)
    db.init_app(app)
    csrf.init_app(app)
    babel.init_app(app, locale_selector=wording.language)
    _open_doors(app, settings)
    cli.register(app)
    wrong_links.init_app(app, guards.policy(app))
    audited.init_app(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _open_doors(app: Flask, settings: Settings) -> None:
    for door in DOORS:
        app.register_blueprint(door)
    if settings.keeps_messages_here:
        app.register_blueprint(dev.dev)
    security_headers.init_app(app)
    errors.init_app(app)


def _configuration(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "SQLALCHEMY_DATABASE_URI": "postgresql+psycopg://",
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(
            address.of_database(settings),
            pool_size=settings.web_threads + 2,
            scope=scope.present,
        ),
        "MAX_CONTENT_LENGTH": LARGEST_BODY,
        "MAX_FORM_MEMORY_SIZE": LARGEST_BODY,
        "MAX_FORM_PARTS": 200,
        # A patient may think longer than an hour about a page; the session's end is the limit.
        "WTF_CSRF_TIME_LIMIT": None,
        # Addresses of pages are secrets: browsers send no referrer for Flask-WTF to look at.
        "WTF_CSRF_SSL_STRICT": False,
        "SESSION_COOKIE_NAME": "__Host-session" if settings.is_production else "session",
        "SESSION_COOKIE_SECURE": settings.is_production,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "BABEL_DEFAULT_LOCALE": "fr",
        "TRUSTED_HOSTS": [settings.host, *errors.PROBES] if settings.is_production else None,
        "PREFERRED_URL_SCHEME": "https" if settings.is_production else "http",
        "SEND_FILE_MAX_AGE_DEFAULT": 31_536_000,
    }
