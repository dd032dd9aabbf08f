"""A Twilio that takes 20 to 50 ms to answer, for the bench: `python -m tests.bench_twilio PORT`.

A process of its own, so that its work is not the worker's. Each message that it takes is a line of
its output: the reference in the callback's address, and the moment on the clock that all processes
of one machine share.
"""

import random
import sys
import time
from threading import Event

from tests.twilio_server import TwilioServer

ANSWERS_WITHIN = (0.020, 0.050)
MEAN_SECONDS = sum(ANSWERS_WITHIN) / 2


class SlowTwilio(TwilioServer):
    """Says what came and when, and then takes its time."""

    def take(self, form: dict[str, str]) -> dict[str, object]:
        reference = form["StatusCallback"].rpartition("/")[2]
        # In one piece: several threads say something at once.
        sys.stdout.write(f"{reference} {time.monotonic()}\n")
        sys.stdout.flush()
        time.sleep(random.uniform(*ANSWERS_WITHIN))
        return super().take(form)


if __name__ == "__main__":
    with SlowTwilio(port=int(sys.argv[1])):
        Event().wait()
