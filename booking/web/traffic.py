"""What only a process that answers knows: how many answers of each kind, and how long they took.

Under gunicorn every worker writes its counts to a file of its own (config/gunicorn.py says where,
before this is imported), and whichever is asked adds them all up. No route, no address, nobody.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

OURS = CollectorRegistry()

ANSWERS = Counter("jourmeme_http_answers", "Answers by kind", ["kind"], registry=OURS)
SECONDS = Histogram(
    "jourmeme_http_answer_seconds",
    "How long an answer took",
    buckets=(0.05, 0.1, 0.3, 0.5, 0.8, 2, 5, 10, 30),
    registry=OURS,
)
KINDS = {kind: ANSWERS.labels(f"{kind}xx") for kind in range(1, 6)}


def count(status: int, seconds: float) -> None:
    """Count one answer."""
    KINDS[min(max(status // 100, 1), 5)].inc()
    SECONDS.observe(seconds)


def counted() -> Collector:
    """Return the counts of every process of this gunicorn; of this one, where there is none."""
    try:
        return MultiProcessCollector(CollectorRegistry())  # type: ignore[no-untyped-call]
    except ValueError:
        return OURS
