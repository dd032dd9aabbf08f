"""A Twilio of our own on the loopback: speaks Messages.json, keeps what came, fails on demand.

Answers are those of Twilio's OpenAPI (twilio_api_v2010); unlike a mock built from it, this one
also refuses form keys that the specification does not know and a ValidityPeriod out of range.
"""

import json
import re
import socket
import struct
from base64 import b64encode
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Self
from urllib.parse import parse_qsl
from uuid import uuid4

ACCOUNT = "AC" + "0" * 32
TOKEN = "not-a-secret"
SERVICE = "MG" + "0" * 32

PATH = re.compile(r"^/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/(?:Messages|Calls)\.json$")
CALLS = "/Calls.json"
CALL_KEYS = {"To", "From", "Twiml", "StatusCallback", "Timeout", "MachineDetection"}
"""Of CreateCall; ours are fewer than Twilio's."""
KEYS = {
    "To",
    "From",
    "MessagingServiceSid",
    "Body",
    "StatusCallback",
    "ValidityPeriod",
    "SmartEncoded",
    "ProvideFeedback",
    "ContentRetention",
    "AddressRetention",
    "RiskCheck",
    "MaxPrice",
    "Attempt",
    "ShortenUrls",
}


@dataclass(frozen=True)
class Refusal:
    """An answer that is no 201; Twilio's codes are those of https://www.twilio.com/docs/api/errors."""

    status: int
    code: int | None = None
    takes_it: bool = False
    """Whether the message is sent all the same: an answer lost after the fact."""


HANG = "hang"
RESET = "reset"


class TwilioServer:
    """`with TwilioServer() as twilio:` listens at `twilio.url` and keeps forms in `.messages`."""

    def __init__(self, *, account: str = ACCOUNT, token: str = TOKEN, port: int = 0) -> None:
        self.account, self.token = account, token
        self.messages: list[dict[str, str]] = []
        self.calls: list[dict[str, str]] = []
        self.refused: list[dict[str, str]] = []
        self._next: deque[Refusal | str] = deque()
        self._lock, self._closing = Lock(), Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def will(self, *answers: Refusal | str) -> None:
        """Answer the next requests so (a Refusal, HANG or RESET), then well again."""
        with self._lock:
            self._next.extend(answers)

    def __enter__(self) -> Self:
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    def next_answer(self) -> Refusal | str | None:
        with self._lock:
            return self._next.popleft() if self._next else None

    def wait_for_the_end(self) -> None:
        self._closing.wait(30)

    def fault_in(self, path: str, authorization: str, form: dict[str, str]) -> Refusal | None:
        """What Twilio would refuse about this request."""
        account = PATH.match(path)
        secret = b64encode(f"{self.account}:{self.token}".encode()).decode()
        is_known = account is not None and account[1] == self.account
        service, callback = form.get("MessagingServiceSid"), form.get("StatusCallback")
        faults = {
            (404, 20404): account is None,
            (401, 20003): not is_known or authorization != f"Basic {secret}",
            (400, 20001): not set(form) <= (CALL_KEYS if path.endswith(CALLS) else KEYS),
            (400, 21634): not 1 <= int(form.get("ValidityPeriod", "1")) <= 36_000,
            (400, 21211): not re.fullmatch(r"\+[1-9]\d{5,14}", form.get("To", "")),
            (400, 21602): not (form.get("Body") or form.get("Twiml")),
            (400, 21218): len(form.get("Twiml", "")) > 4000,
            (400, 21703): not re.fullmatch("MG[0-9a-fA-F]{32}", service or SERVICE),
            (400, 21603): not service and not form.get("From"),
            (400, 21609): not re.match("https?://[^_/]+/", callback or "http://none/"),
        }
        return next((Refusal(*answer) for answer, is_so in faults.items() if is_so), None)

    def take(self, form: dict[str, str]) -> dict[str, object]:
        """Keep a message or a call; return what Twilio says of it."""
        if "Twiml" in form:
            sid = f"CA{uuid4().hex}"
            with self._lock:
                self.calls.append({**form, "sid": sid})
            return {"sid": sid, "account_sid": self.account, "status": "queued"}
        sid = f"SM{uuid4().hex}"
        with self._lock:
            self.messages.append({**form, "sid": sid})
        service = form.get("MessagingServiceSid")
        where = f"/2010-04-01/Accounts/{self.account}/Messages/{sid}"
        return {
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": form["Body"],
            "date_created": "Sat, 21 Nov 2026 09:00:00 +0000",
            "date_sent": None,
            "date_updated": "Sat, 21 Nov 2026 09:00:00 +0000",
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": form.get("From"),
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service else "1",
            "price": None,
            "price_unit": None,
            "sid": sid,
            "status": "accepted" if service else "queued",
            "subresource_uris": {"media": f"{where}/Media.json"},
            "to": form["To"],
            "uri": f"{where}.json",
        }


def _handler(twilio: TwilioServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave as two writes: the second must not wait 40 ms for the first's ACK.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
            answer = twilio.next_answer()
            if answer == HANG:
                twilio.wait_for_the_end()
                self.close_connection = True
            elif answer == RESET:
                self._reset()
            else:
                fault = twilio.fault_in(self.path, self.headers.get("Authorization", ""), form) or (
                    answer if isinstance(answer, Refusal) else None
                )
                self._answer(fault, form)

        def _answer(self, fault: Refusal | None, form: dict[str, str]) -> None:
            if fault is None:
                self._say(201, twilio.take(form))
                return
            (twilio.take if fault.takes_it else twilio.refused.append)(form)
            more = f"https://www.twilio.com/docs/errors/{fault.code}"
            # Twilio quotes the number; whoever logs this text leaks it.
            message = f"The number {form.get('To')} is not what we expected."
            said = {"code": fault.code, "message": message, "more_info": more}
            self._say(fault.status, {**said, "status": fault.status} if fault.code else {})

        def _say(self, status: int, what: dict[str, object]) -> None:
            body = json.dumps(what).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _reset(self) -> None:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Tests read `messages`, not a log."""

    return Handler
