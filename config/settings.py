"""Settings: typed, frozen, from the environment only; the one reader of it."""

import os
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from config.sealing import Keys, KeysInvalid

DEVELOPMENT_SECRET = "development-only-secret-not-for-production"  # noqa: S105 - refused in production
SHORTEST_SECRET = 32
DEVELOPMENT_KEYS = "development:ZGV2ZWxvcG1lbnQta2V5LW5vdC1mb3ItcHJvZHVjdGk="


class SettingMissing(ValueError):
    """A setting without which this process must not start."""


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine only."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Settings(BaseSettings):
    """Everything that may differ between two installations. Read once, when a process begins."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        # A refused start is printed: not with the secrets that were refused.
        hide_input_in_errors=True,
    )

    jourmeme_env: Literal["development", "production"] = "development"
    database_url: str | None = None
    var: Path = Field(default=Path("var"), validation_alias="JOURMEME_VAR")
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    encryption_keys: SecretStr | None = None
    public_base_url: str | None = None
    port: int = 8000
    web_socket: Path | None = None
    """Where the proxy on the same machine finds the pages; without one, at the port."""
    trusted_proxies: int = 0
    web_workers: int = 2
    web_threads: int = 8

    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_messaging_service_sid: str | None = None
    twilio_from: str | None = None
    twilio_voice_from: str | None = None
    """The number that calls come from; without one, nobody is called."""
    twilio_api_base_url: str = "https://api.twilio.com"

    psc_discovery_url: str | None = None
    psc_client_id: str | None = None
    psc_client_secret: SecretStr | None = None
    psc_acr: Literal["eidas1", "eidas2", "eidas3"] = "eidas1"
    """How well Pro Santé Connect must have seen who it is, at least."""
    psc_palier: str | None = None
    """Which « Palier_Authentification » it must be; without one, any."""
    retention_days: str = ""
    """What is kept for less than booking/retention.py says: `ANSWERS=5,IDENTITY=60`."""
    tombstones: Path | None = None
    """Where erasures are noted outside the database, for a restore; without one, under `var`."""

    calendars_may_be_local: bool = False
    """Whether professionals' calendars are read on this very machine: for tests and developers."""

    smtp_url: SecretStr | None = None
    mail_from: str = "ne-pas-repondre@jourmeme.invalid"

    @property
    def is_production(self) -> bool:
        """Whether real patients use this installation."""
        return self.jourmeme_env == "production"

    @property
    def base_url(self) -> str:
        """The address that links in messages begin with, without a final slash."""
        return (self.public_base_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def host(self) -> str:
        """The host of the public address: the right-hand side of every iCalendar UID."""
        return urlsplit(self.base_url).hostname or "localhost"

    @property
    def twilio_is_set(self) -> bool:
        """Whether SMS leave through Twilio; otherwise they stay on this machine."""
        return bool(
            self.twilio_account_sid
            and self.twilio_auth_token
            and (self.twilio_messaging_service_sid or self.twilio_from)
        )

    @property
    def psc_is_set(self) -> bool:
        """Whether professionals may sign in with Pro Santé Connect."""
        return bool(self.psc_discovery_url and self.psc_client_id and self.psc_client_secret)

    @property
    def tombstones_file(self) -> Path:
        """Where erasures are noted: no backup of the database may take it back to yesterday."""
        return self.tombstones or self.var / "tombstones"

    @property
    def keeps_messages_here(self) -> bool:
        """Whether nobody but a developer at this machine is told anything: no real patients."""
        sends_for_real = self.twilio_is_set and not is_loopback(self.twilio_api_base_url)
        return not self.is_production and not sends_for_real and is_loopback(self.base_url)

    @property
    def keys(self) -> Keys:
        """The keys that seal columns, newest first."""
        said = self.encryption_keys
        return Keys.read(said.get_secret_value() if said else DEVELOPMENT_KEYS)

    @property
    def demands_second_factor(self) -> bool:
        """Whether whoever works here proves it twice; elsewhere only who has chosen to."""
        return self.is_production

    def refuse_known_secret(self) -> None:
        """Refuse to serve others with the secret that everybody can read in this file.

        Raises:
            SettingMissing: with one sentence.
        """
        is_known = self.secret_key.get_secret_value() == DEVELOPMENT_SECRET
        if is_known and self.base_url.startswith("https://") and not is_loopback(self.base_url):
            raise SettingMissing("SECRET_KEY: the public PUBLIC_BASE_URL needs a secret of its own")

    @model_validator(mode="after")
    def _refuse_unusable_keys(self) -> Self:
        """Refuse to start with keys that could seal nothing.

        Raises:
            SettingMissing: with one sentence that tells no key.
        """
        try:
            newest = next(iter(self.keys.by_id.values()))
        except KeysInvalid as invalid:
            raise SettingMissing(f"ENCRYPTION_KEYS: {invalid}") from None
        is_known = newest in Keys.read(DEVELOPMENT_KEYS).by_id.values()
        if self.is_production and is_known:
            raise SettingMissing("ENCRYPTION_KEYS: id:base64 of 32 random bytes; see .env.example")
        return self

    @model_validator(mode="after")
    def _refuse_half_of_pro_sante_connect(self) -> Self:
        """Refuse to start with a Pro Santé Connect that is named by half, or could be overheard.

        Raises:
            SettingMissing: with one sentence.
        """
        said = (self.psc_discovery_url, self.psc_client_id, self.psc_client_secret)
        if any(said) and not all(said):
            raise SettingMissing("PSC_DISCOVERY_URL, PSC_CLIENT_ID, PSC_CLIENT_SECRET: all or none")
        where = self.psc_discovery_url or "https://"
        is_local = is_loopback(where) and not self.is_production
        if not where.startswith("https://") and not is_local:
            raise SettingMissing("PSC_DISCOVERY_URL: https, for identities travel on it")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - we read no such file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - see below
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read secrets from files too, where systemd or Compose put them: one a setting."""
        folder = os.environ.get("CREDENTIALS_DIRECTORY")  # noqa: TID251 - this is its one reader
        if not folder:
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, folder)

    @model_validator(mode="after")
    def _refuse_unsafe_ways(self) -> Self:
        """Refuse to start in production where what passes could be read, or taken for another's.

        Raises:
            SettingMissing: with one sentence that names the setting.
        """
        if not self.is_production:
            return self
        if self.trusted_proxies < 1:
            raise SettingMissing(
                "TRUSTED_PROXIES: a buffering proxy stands in front, and all come from its address"
            )
        twilio = self.twilio_api_base_url
        if not twilio.startswith("https://") and not is_loopback(twilio):
            raise SettingMissing("TWILIO_API_BASE_URL: https, for numbers and texts travel on it")
        return self

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> Self:
        """Refuse to start in production with what only a developer's machine may have.

        Raises:
            SettingMissing: with one sentence that names the setting.
        """
        if not self.is_production:
            return self
        secret = self.secret_key.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < SHORTEST_SECRET:
            raise SettingMissing(f"SECRET_KEY: set {SHORTEST_SECRET} random characters or more")
        if not self.database_url:
            raise SettingMissing("DATABASE_URL: production needs a PostgreSQL of its own")
        if not (self.public_base_url or "").startswith("https://"):
            raise SettingMissing("PUBLIC_BASE_URL: the https:// address that patients see")
        if not self.twilio_is_set:
            raise SettingMissing(
                "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and a sender: patients need their SMS"
            )
        if self.calendars_may_be_local:
            raise SettingMissing(
                "CALENDARS_MAY_BE_LOCAL: whoever gives an address reaches this host"
            )
        if not self.smtp_url:
            raise SettingMissing("SMTP_URL: professionals are told of bookings by e-mail")
        if parseaddr(self.mail_from)[1].lower().endswith(".invalid"):
            raise SettingMissing("MAIL_FROM: an address of yours, from which mail may leave")
        return self
