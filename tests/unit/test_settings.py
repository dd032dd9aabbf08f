"""What may differ between installations, and what a production must never start with."""

import pytest
from pydantic import ValidationError

from config.settings import DEVELOPMENT_KEYS, DEVELOPMENT_SECRET, Settings

PRODUCTION = {
    "jourmeme_env": "production",
    "secret_key": "a secret of forty letters, more or less!",
    "encryption_keys": "2027:a2V5LWNhbmFyeS1vZi10aGlydHktdHdvLWJ5dGVzISE=",
    "database_url": "postgresql://app@db.example/jourmeme",
    "public_base_url": "https://rdv.example",
    "trusted_proxies": 1,
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
        ({"encryption_keys": None}, "ENCRYPTION_KEYS"),
        ({"encryption_keys": DEVELOPMENT_KEYS}, "ENCRYPTION_KEYS"),
        ({"encryption_keys": "2027:a2V5LWNhbmFyeQ=="}, "ENCRYPTION_KEYS"),
        ({"database_url": None}, "DATABASE_URL"),
        ({"public_base_url": None}, "PUBLIC_BASE_URL"),
        ({"public_base_url": "http://rdv.example"}, "PUBLIC_BASE_URL"),
        ({"trusted_proxies": 0}, "TRUSTED_PROXIES"),
        ({"twilio_api_base_url": "http://api.twilio.com"}, "TWILIO_API_BASE_URL"),
        ({"twilio_account_sid": None}, "TWILIO_ACCOUNT_SID"),
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

    for secret in ("token-canary", "mail-canary", "forty letters", "a2V5LWNhbmFyeQ"):
        assert secret not in str(refused.value)


def test_development_starts_with_nothing_set(monkeypatch):
    for name in ("DATABASE_URL", "SECRET_KEY", "PUBLIC_BASE_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)

    settings = Settings()

    assert settings.base_url == "http://127.0.0.1:8000"
    assert not settings.twilio_is_set


def test_keys_that_cannot_be_used_stop_a_development_too():
    with pytest.raises(ValidationError, match="ENCRYPTION_KEYS: key 'a'"):
        Settings(encryption_keys="a:short")


def test_two_proofs_are_demanded_of_everybody_in_production_alone():
    assert Settings(**PRODUCTION).demands_second_factor
    assert not Settings().demands_second_factor


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")

    assert Settings().database_url is None


def test_a_secret_may_stand_in_a_file_of_its_own(monkeypatch, tmp_path):
    (tmp_path / "SECRET_KEY").write_text("of a file, and thirty-two letters long\n")
    (tmp_path / "smtp_url").write_text("smtps://mail.example")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("SMTP_URL", "smtps://of-the-environment.example")
    monkeypatch.delenv("SECRET_KEY", raising=False)

    settings = Settings()

    assert settings.secret_key.get_secret_value() == "of a file, and thirty-two letters long"
    assert settings.smtp_url.get_secret_value() == "smtps://of-the-environment.example"


def test_secrets_do_not_show_when_settings_are_printed():
    settings = Settings(**PRODUCTION)

    assert "canary" not in repr(settings)
    assert "forty letters" not in repr(settings)
    assert "a2V5" not in repr(settings)
