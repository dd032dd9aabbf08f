"""An OpenID provider on the loopback, made of Authlib's own server parts: a Pro Santé Connect.

It answers as the standard says; `will` has it lie, be slow or be away.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread
from time import sleep
from typing import Any, Self

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, current_app, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

from config.clock import utc_now

REALM = "/auth/realms/esante-wallet"
CLIENT_ID, CLIENT_SECRET = "jourmeme-tests", "a secret of the tests, long enough"
TEN_MINUTES = 600

DOCTOR = {
    "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
    "preferred_username": "899700427885",
    "given_name": "KIT",
    "family_name": "DOC0042788",
    "Acces_Regulation_Medicale": "FAUX",
    "UITVersion": "1.0",
    "authMode": "CARD",
    "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
    "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"],
    "SubjectNameID": "899700427885",
    "SubjectRefPro": {
        "codeCivilite": "M",
        "exercices": [{"codeProfession": "10", "codeCategorieProfessionnelle": "C"}],
    },
}
"""Somebody of the national sandbox, in the words that it uses."""

RPPS = "99700427885"


@dataclass
class Client:
    """Who may ask: us."""

    redirect_uri: str
    client_id: str = CLIENT_ID

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code:
    """What a browser brings back, once."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    acr: str
    auth_time: int = field(default_factory=lambda: int(utc_now().timestamp()))

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> str:
        return self.acr

    def get_amr(self) -> list[str]:
        return []


@dataclass
class Token:
    """What opens the userinfo."""

    scope: str
    until: float

    def get_scope(self) -> str:
        return self.scope

    def is_expired(self) -> bool:
        return self.until < utc_now().timestamp()

    def is_revoked(self) -> bool:
        return False


class Grant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, asked: Any) -> None:
        said = asked.payload.data
        provider().codes[code] = Code(
            code,
            asked.payload.redirect_uri,
            asked.payload.scope,
            said["nonce"],
            said["code_challenge"],
            said["code_challenge_method"],
            said["acr_values"],
        )

    def query_authorization_code(self, code: str, _client: Client) -> Code | None:
        return provider().codes.get(code)

    def delete_authorization_code(self, code: Code) -> None:
        del provider().codes[code.code]

    def authenticate_user(self, _code: Code) -> str:
        return "somebody"


class IdToken(OpenIDCode):
    def exists_nonce(self, nonce: str, _asked: Any) -> bool:
        return any(code.nonce == nonce for code in provider().codes.values())

    def process_token(self, grant: Any, response: Any) -> Any:
        _, token, _ = response
        code, now = grant.request.authorization_code, int(utc_now().timestamp())
        claims = self.get_authorization_code_claims(code) | {
            "iss": provider().issuer,
            "aud": CLIENT_ID,
            "sub": provider().subject,
            "iat": now,
            "exp": now + TEN_MINUTES,
        }
        token["id_token"] = provider().signed(provider().twisted(claims))
        return token

    def generate_user_info(self, _user: Any, _scope: str) -> UserInfo:
        return UserInfo(sub=provider().subject)


class Bearer(BearerTokenValidator):
    def authenticate_token(self, token_string: str) -> Token | None:
        return provider().tokens.get(token_string)


def provider() -> "OpenIdServer":
    found: OpenIdServer = current_app.extensions["openid"]
    return found


class OpenIdServer:
    """`with OpenIdServer(back) as psc:` listens; `psc.person` is whoever sits at it."""

    def __init__(self, returns_to: str) -> None:
        self.client = Client(returns_to)
        self.key = RSAKey.generate_key(2048, {"kid": "now"})
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, Token] = {}
        self.asked: list[str] = []
        self.app = _app(self)
        self._http = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://localhost:{self._http.server_port}"
        self.reset()

    def reset(self) -> None:
        """Be honest again, with the doctor at the keyboard."""
        self.person: dict[str, Any] = dict(DOCTOR)
        self.subject = "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:899700427885"
        self.twisted: Callable[[dict[str, Any]], dict[str, Any]] = dict
        self.sign: Callable[[dict[str, Any]], str] | None = None
        self.userinfo: Callable[[dict[str, Any]], Response | dict[str, Any]] = dict
        self.discovered: dict[str, str] = {}
        self.slow: float = 0
        self.down: int = 0

    @property
    def issuer(self) -> str:
        return self.url + REALM

    @property
    def discovery_url(self) -> str:
        return f"{self.issuer}/.well-known/wallet-openid-configuration"

    def signed(self, claims: dict[str, Any]) -> str:
        """Return what the id_token, or a signed userinfo, says."""
        return self.signed_truly(claims) if self.sign is None else self.sign(claims)

    def signed_truly(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def save_token(self, token: dict[str, Any], _asked: Any) -> None:
        until = utc_now().timestamp() + token["expires_in"]
        self.tokens[token["access_token"]] = Token(token["scope"], until)

    def __enter__(self) -> Self:
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def _app(psc: OpenIdServer) -> Flask:
    app = Flask("openid")
    app.extensions["openid"] = psc
    server = AuthorizationServer(app, lambda _id: psc.client, psc.save_token)
    server.register_grant(Grant, [IdToken(require_nonce=True), CodeChallenge(required=True)])
    protected = ResourceProtector()
    protected.register_token_validator(Bearer())

    @app.before_request
    def be_slow_or_away() -> Response | None:
        psc.asked.append(request.path)
        sleep(psc.slow)
        if not psc.down or "moved" in request.args:
            return None
        return Response("", psc.down, {"Location": f"{request.path}?moved"})

    @app.get(f"{REALM}/.well-known/wallet-openid-configuration")
    def discovery() -> dict[str, Any]:
        return {
            "issuer": psc.issuer,
            "authorization_endpoint": f"{psc.url}/auth",
            "token_endpoint": f"{psc.issuer}/token",
            "userinfo_endpoint": f"{psc.issuer}/userinfo",
            "end_session_endpoint": f"{psc.issuer}/logout",
            "jwks_uri": f"{psc.issuer}/certs",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | psc.discovered

    @app.get(f"{REALM}/certs")
    def certs() -> dict[str, Any]:
        return dict(KeySet([psc.key]).as_dict(private=False))

    @app.get("/auth")
    def authorize() -> Any:
        grant = server.get_consent_grant(end_user="somebody")
        if request.args.get("decline"):
            return redirect(f"{psc.client.redirect_uri}?error=access_denied")
        return server.create_authorization_response(grant=grant, grant_user="somebody")

    @app.post(f"{REALM}/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get(f"{REALM}/userinfo")
    @protected("openid scope_all")
    def userinfo() -> Any:
        return psc.userinfo({"sub": psc.subject} | psc.person)

    @app.get(f"{REALM}/logout")
    def logout() -> Response:
        return redirect(request.args["post_logout_redirect_uri"])  # type: ignore[return-value]

    return app
