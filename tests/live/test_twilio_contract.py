"""Our requests and our stand-in for Twilio, held against Twilio's own OpenAPI.

Prism stands between Twilio's client and `tests.twilio_server`, and refuses a request or an answer
that the specification does not allow. What the other tests learn from the stand-in is so far true.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from config.settings import Settings
from notifications.letters import Letter
from notifications.models import Channel
from notifications.senders import NotSent, Sender, Unclear
from notifications.twilio_sms import TwilioSms
from notifications.twilio_voice import TwilioVoice
from tests.builders import MOBILE
from tests.clockwork import NOON
from tests.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer

pytestmark = pytest.mark.slow

SPECIFICATION = Path(__file__).with_name("twilio_openapi.json")
PRISM = "@stoplight/prism-cli@5.14.2"
KEPT_IN = Path(__file__).parents[2] / "var" / "npm" / "prism-cli-5.14.2"
"""Some ninety megabytes: fetched once, not for each run."""

PATIENCE_SECONDS = 240


@pytest.fixture(scope="module")
def prism() -> Path:
    """The program, fetched with npm when it is not here yet."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not on this machine")
    program = KEPT_IN / "node_modules" / ".bin" / "prism"
    if not program.exists():
        KEPT_IN.mkdir(parents=True, exist_ok=True)
        got = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts",
             "--fetch-retries=0", "--fetch-timeout=15000", PRISM],
            cwd=KEPT_IN, capture_output=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        if got.returncode:
            pytest.skip("no npm registry answers")
    return program


class StandIn(TwilioServer):
    """The Twilio of all our tests; one test lets it say something that Twilio never says."""

    says_nonsense = False

    def take(self, form):
        return super().take(form) | ({"status": "on its way"} if self.says_nonsense else {})


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture(scope="module")
def checked(prism, stand_in, tmp_path_factory) -> Iterator[str]:
    """The address of Prism before our stand-in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = tmp_path_factory.mktemp("prism") / "log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [prism, "proxy", "--errors", "-h", "127.0.0.1", "-p", str(port),
             SPECIFICATION, stand_in.url],
            stdout=log, stderr=log, env=os.environ | {"NO_COLOR": "1"},  # noqa: TID251 - handed on
        )  # fmt: skip
        try:
            wait_for(port, process, said)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: subprocess.Popen, said: Path) -> None:
    for _ in range(10 * PATIENCE_SECONDS):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(said.read_text()[-2000:])


def settings(checked: str, **but: str) -> Settings:
    said = {
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_from": "RDVCPTS",
        "twilio_voice_from": "+33939980001",
        "twilio_api_base_url": checked,
        "public_base_url": "https://rdv.example",
    }
    return Settings(**said | but)


def a_letter(channel: Channel) -> Letter:
    return Letter(
        community_id=1,
        id=1,
        lease=UUID(int=1),
        reference=UUID(int=7),
        channel=channel,
        recipient=MOBILE,
        subject=None,
        text="RDV confirmé samedi 30 oct. à 14h20 : « Étang » & <côté>",
        invitation=None,
        expires_at=NOON + timedelta(hours=4),
        attempts=1,
    )


def test_an_sms_of_ours_is_one_that_twilio_describes(checked, stand_in):
    for sender in (
        TwilioSms(settings(checked)),
        TwilioSms(settings(checked, twilio_messaging_service_sid=SERVICE)),
    ):
        sid = sender.send(a_letter(Channel.SMS), now=NOON)

        assert stand_in.messages[-1]["sid"] == sid
        assert stand_in.messages[-1]["Body"] == a_letter(Channel.SMS).text


def test_a_call_of_ours_is_one_that_twilio_describes(checked, stand_in):
    sid = TwilioVoice(settings(checked)).send(a_letter(Channel.VOICE), now=NOON)

    assert stand_in.calls[-1]["sid"] == sid


@pytest.mark.parametrize(
    ("channel", "sends", "wrong"),
    [
        (Channel.SMS, TwilioSms, {"to": None}),
        (Channel.SMS, TwilioSms, {"attempt": "soon"}),
        (Channel.VOICE, TwilioVoice, {"to": None}),
        (Channel.VOICE, TwilioVoice, {"timeout": "soon"}),
    ],
)
def test_a_request_that_twilio_does_not_describe_is_refused(  # noqa: PLR0917 - fixtures
    checked, stand_in, monkeypatch, channel, sends, wrong
):
    sender: Sender = sends(settings(checked))
    resource = sender._client.messages if channel is Channel.SMS else sender._client.calls
    create, came = resource.create, len(stand_in.messages) + len(stand_in.calls)
    monkeypatch.setattr(resource, "create", lambda **form: create(**form | wrong))

    with pytest.raises(NotSent, match="twilio_422"):
        sender.send(a_letter(channel), now=NOON)

    assert len(stand_in.messages) + len(stand_in.calls) == came


@pytest.mark.parametrize(
    ("channel", "sends"), [(Channel.SMS, TwilioSms), (Channel.VOICE, TwilioVoice)]
)
def test_an_answer_that_twilio_does_not_describe_is_refused(
    checked, stand_in, monkeypatch, channel, sends
):
    monkeypatch.setattr(StandIn, "says_nonsense", True)

    with pytest.raises(Unclear, match="twilio_500"):
        sends(settings(checked)).send(a_letter(channel), now=NOON)
