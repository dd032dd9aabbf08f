"""What may differ between installations, and what a production must never start with."""

import pytest
from pydantic import ValidationError

from config.settings import DEVELOPMENT_SECRET, Settings

PRODUCTION = {
    "jourmeme_env": "production",
    "secret_key": "a secret of forty letters, more or less!",
    "database_url": "postgresql://app@db.example/jourmeme",
    "public_base_url": "https://rdv.example",
    "twilio_account_sid": "AC0",
    "twilio_auth_token": "token-canary",
    "twilio_from": "RDVCPTS",
    "smtp_url": "smtps://user:mail-canary@mail.example",
    "mail_from": "JourMême <rdv@cpts.example>",
}


def test_a_complete_production_starts():
    settings = Settings(**PRODUCTION)

    assert settings.is_production
    assert settings.host == "rdv.example"


@pytest.mark.parametrize(
    ("but", "named"),
    [
        ({"secret_key": DEVELOPMENT_SECRET}, "SECRET_KEY"),
        ({"secret_key": "short"}, "SECRET_KEY"),
        ({"database_url": None}, "DATABASE_URL"),
        ({"public_base_url": None}, "PUBLIC_BASE_URL"),
        ({"public_base_url": "http://rdv.example"}, "PUBLIC_BASE_URL"),
        ({"twilio_auth_token": None}, "TWILIO"),
        ({"twilio_from": None}, "TWILIO"),
        ({"smtp_url": None}, "SMTP_URL"),
        ({"calendars_may_be_local": True}, "CALENDARS_MAY_BE_LOCAL"),
        ({"mail_from": "ne-pas-repondre@jourmeme.invalid"}, "MAIL_FROM"),
        ({"mail_from": "JourMême <rdv@jourmeme.INVALID>"}, "MAIL_FROM"),
    ],
)
def test_production_refuses_to_start_and_names_the_setting(but, named):
    with pytest.raises(ValidationError, match=named) as refused:
        Settings(**PRODUCTION | but)

    for secret in ("token-canary", "mail-canary", "forty letters"):
        assert secret not in str(refused.value)


def test_development_starts_with_nothing_set(monkeypatch):
    for name in ("DATABASE_URL", "SECRET_KEY", "PUBLIC_BASE_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)

    settings = Settings()

    assert settings.base_url == "http://127.0.0.1:8000"
    assert not settings.twilio_is_set


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")

    assert Settings().database_url is None


def test_secrets_do_not_show_when_settings_are_printed():
    settings = Settings(**PRODUCTION)

    assert "canary" not in repr(settings)
    assert "forty letters" not in repr(settings)
