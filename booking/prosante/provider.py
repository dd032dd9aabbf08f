"""Pro Santé Connect as an OpenID provider: the one door of Authlib.

It asks the network, so no transaction may be open around it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ValidationError
from requests import RequestException, Response

from booking.prosante.identity import Demands, Refused, Why, rpps_of
from config.settings import is_loopback

SCOPE = "openid scope_all"
ALGORITHMS = ["RS256", "PS256", "ES256"]
"""Ours, whatever the provider says: « none » and those of a shared secret are not there."""
SKEW_SECONDS = 30
PATIENCE = (3.05, 5)
"""Seconds to connect, and to wait for the next bytes: a page of ours waits behind it."""
KNOWN_FOR = timedelta(hours=1)
LEFT_ALONE_FOR = timedelta(seconds=15)
"""After it did not answer: anybody may press the button, and each press would hold a thread."""
WELL_KNOWN = "/.well-known/"


class Unreachable(Exception):
    """Pro Santé Connect does not answer, or not with what was asked for."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What this installation and Pro Santé Connect know of each other."""

    discovery_url: str
    client_id: str
    client_secret: str
    returns_to: str
    demands: Demands
    may_be_local: bool = False
    """Whether it may be without TLS on this very machine: for tests and developers."""


@dataclass(frozen=True)
class Begun:
    """One attempt: where the browser goes, and what only this browser may come back with."""

    url: str
    state: str
    nonce: str
    verifier: str


class Discovered(BaseModel):
    """Where the provider does what."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None


class Provider:
    """Pro Santé Connect, for all threads of a process; what it says of itself is asked hourly."""

    def __init__(self, registration: Registration) -> None:
        self._ours = registration
        self._discovered: tuple[Discovered, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None
        self._silent_until: datetime | None = None

    def begin(self, *, now: datetime) -> Begun:
        """Return a new attempt.

        Raises:
            Unreachable: if nobody is there.
        """
        known = self._known(now)
        state, nonce, verifier = (generate_token(48) for _ in range(3))
        with self._asking() as asking:
            url, _state = asking.create_authorization_url(
                known.authorization_endpoint,
                state=state,
                nonce=nonce,
                code_verifier=verifier,
                acr_values=self._ours.demands.least,
            )
        return Begun(url, state, nonce, verifier)

    def rpps(self, code: str, *, nonce: str, verifier: str, now: datetime) -> str:
        """Return the RPPS number of whoever came back with this code.

        Raises:
            Refused: if what was said is not believed, or not enough.
            Unreachable: if nobody is there.
        """
        known = self._known(now)
        with self._asking() as asking:
            token = asking.fetch_token(known.token_endpoint, code=code, code_verifier=verifier)
            said = self._signed(token.get("id_token"), now)
            claims = CodeIDToken(
                said.claims,
                said.header,
                {
                    "iss": {"essential": True, "value": known.issuer},
                    # Authlib alone believes another's token that names us as `azp`.
                    "aud": {"essential": True, "value": self._ours.client_id},
                },
                {
                    "nonce": nonce,
                    "client_id": self._ours.client_id,
                    "access_token": token["access_token"],
                },
            )
            claims.validate(now=int(now.timestamp()), leeway=SKEW_SECONDS)
            about = self._about(asking.get(known.userinfo_endpoint), known, now)
        return rpps_of(claims, about, self._ours.demands)

    def farewell(self, back: str, *, now: datetime) -> str | None:
        """Return where somebody ends their session there too, and comes `back` from.

        Raises:
            Unreachable: if nobody is there.
        """
        where = self._known(now).end_session_endpoint
        said = {"client_id": self._ours.client_id, "post_logout_redirect_uri": back}
        return where and f"{where}?{urlencode(said)}"

    def _about(self, answer: Response, known: Discovered, now: datetime) -> Mapping[str, Any]:
        """Return what is said of somebody, in plain JSON or signed as the token is."""
        if answer.status_code != 200:  # noqa: PLR2004 - RFC 9110
            raise Refused(Why.NOT_BELIEVED)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/jwt":
            said = answer.json()
            return said if isinstance(said, dict) else {}
        signed = self._signed(answer.text, now).claims
        audience = signed.get("aud")
        ours = self._ours.client_id
        if signed.get("iss") != known.issuer or ours not in (audience, *_listed(audience)):
            raise Refused(Why.NOT_BELIEVED)
        return signed

    def _signed(self, said: object, now: datetime) -> jwt.Token:
        """Return what one of the provider's own keys has signed; a key that is new is asked for."""
        if not isinstance(said, str):
            raise Refused(Why.NOT_BELIEVED)
        believed = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(said, self._key_set(now), registry=believed)
        except InvalidKeyIdError:
            self._keys = None
            return jwt.decode(said, self._key_set(now), registry=believed)

    def _key_set(self, now: datetime) -> KeySet:
        if self._keys is None or self._keys[1] <= now - KNOWN_FOR:
            with self._asking() as asking:
                said = asking.get(self._known(now).jwks_uri, withhold_token=True)
                said.raise_for_status()
                self._keys = KeySet.import_key_set(said.json()), now
        return self._keys[0]

    def _known(self, now: datetime) -> Discovered:
        """Return what the provider says of itself, if it is the one that we are registered with."""
        known = self._discovered
        if known is not None and known[1] > now - KNOWN_FOR:
            return known[0]
        if self._silent_until and now < self._silent_until:
            if known is None:
                raise Unreachable
            return known[0]
        # Until it has answered, others are not made to wait beside this one.
        self._silent_until = now + LEFT_ALONE_FOR
        found = self._discover()
        self._discovered, self._silent_until = (found, now), None
        return found

    def _discover(self) -> Discovered:
        with self._asking() as asking:
            said = asking.get(self._ours.discovery_url, withhold_token=True)
            said.raise_for_status()
            found = Discovered.model_validate(said.json())
        is_it = found.issuer == self._ours.discovery_url.partition(WELL_KNOWN)[0]
        places = [value for name, value in found if name != "issuer" and value]
        if not is_it or not all(map(self._is_safe, places)):
            raise Unreachable
        return found

    def _is_safe(self, place: str) -> bool:
        return place.startswith("https://") or (self._ours.may_be_local and is_loopback(place))

    @contextmanager
    def _asking(self) -> Iterator["Asking"]:
        """Open connections; whatever goes wrong with them or their answers has one of two names."""
        try:
            with Asking(
                self._ours.client_id,
                self._ours.client_secret,
                scope=SCOPE,
                redirect_uri=self._ours.returns_to,
                code_challenge_method="S256",
            ) as asking:
                yield asking
        except (RequestException, ValidationError):
            raise Unreachable from None
        except (OAuthError, JoseError, ValueError, TypeError, KeyError):
            raise Refused(Why.NOT_BELIEVED) from None


class Asking(OAuth2Session):  # type: ignore[misc]  # Authlib has no types
    """Requests that end soon, and go nowhere but where they were sent."""

    def request(self, method: str, url: str, **how: Any) -> Response:
        """Send one request.

        Raises:
            Unreachable: if what answers is broken, or points elsewhere.
        """
        how |= {"timeout": PATIENCE, "allow_redirects": False}
        answer: Response = super().request(method, url, **how)
        if answer.status_code >= 500 or 300 <= answer.status_code < 400:  # noqa: PLR2004 - RFC 9110
            raise Unreachable
        return answer


def _listed(audience: object) -> list[object]:
    return audience if isinstance(audience, list) else []
