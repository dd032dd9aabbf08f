"""`kill -9` in the middle of work: nothing that was acknowledged is lost."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.live.test_race import person


def book_one(product, number: int) -> dict | None:
    """Ask and book; return what was acknowledged, or None if no answer came."""
    try:
        status, asked = product.api("POST", "/api/v1/care-requests", product.body)
        if status != 201:
            return None
        for proposal in asked["proposals"]:
            status, said = product.api(
                "POST",
                f"/api/v1/care-requests/{asked['reference']}/booking",
                {
                    "slot": proposal["slot"],
                    "person": person(number % 50) | {"phone": f"06399801{number:02}"},
                    "consent_sms": True,
                },
            )
            if status == 201:
                return {"request": asked["reference"], **said}
    except (OSError, ValueError):
        return None
    return None


def wait_until(true, seconds: float = 60) -> bool:
    for _ in range(int(seconds * 5)):
        if true():
            return True
        time.sleep(0.2)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("what", ["gunicorn", "worker"])
def test_what_was_acknowledged_outlives_a_kill(product, what):
    product.body = product.ankle()
    before = len(product.twilio.messages)
    enough = Event()

    def keep_booking(number: int) -> dict | None:
        made = book_one(product, number)
        if number >= 3:
            enough.set()
        return made

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(keep_booking, number) for number in range(12)]
        enough.wait(60)
        assert product.kill(what) >= 1
        made = [each for each in (future.result() for future in running) if each]

    assert made
    product._wait_until_ready()
    for each in made:
        status, said = product.api("GET", f"/api/v1/care-requests/{each['request']}")
        assert status == 200
        assert said["booking"]["reference"] == each["booking"]["reference"]
        link = each["links"]["appointment"]
        assert wait_until(
            lambda link=link: any(link in m["Body"] for m in product.twilio.messages[before:])
        ), "a confirmation never left"


@pytest.mark.slow
def test_the_embedded_database_alone_is_brought_back(product):
    note = product.folder / "postgres" / "cluster" / "postmaster.pid"
    before = int(note.read_text().split()[0])
    os.kill(before, signal.SIGKILL)

    assert wait_until(lambda: note.exists() and int(note.read_text().split()[0]) != before)
    product._wait_until_ready()
    status, _ = product.api("POST", "/api/v1/care-requests", product.ankle())
    assert status == 201
