"""Which components are behind, since when, and whether for longer than we allow ourselves.

A term of docs/security-rules.md begins when a mended version exists. So what is the newest breaches
none of them, whatever is known of it; and of what is not, nobody here may know how grave the
weakness is that the newer one mends: it is given the shortest term, until somebody has read what
the newer one says of itself and writes it into `WAIVED`.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import metadata

import requests
from packaging.requirements import Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

TERM = timedelta(days=2)
"""Critical and reachable: the shortest."""

INDEX = "https://pypi.org/simple"
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


class IndexSilent(Exception):
    """The index does not answer: nothing is known."""


@dataclass(frozen=True)
class Behind:
    """A component, the version that is here, and the moments of all that came after it."""

    name: str
    installed: Version
    newer: Mapping[Version, datetime]

    @property
    def newest(self) -> Version:
        """The version that should be here."""
        return max(self.newer)

    @property
    def since(self) -> datetime:
        """When it was no longer the newest."""
        return min(self.newer.values())


@dataclass(frozen=True)
class Waiver:
    """Somebody read what is new up to a version, and may leave it for a reason, until a day."""

    name: str
    read_up_to: str
    until: date
    reason: str


WAIVED = (
    Waiver(
        "python-dateutil",
        read_up_to="4.0.0",
        until=date(2027, 1, 21),
        reason="recurring-ical-events 3.8.2 and holidays 0.109 take none of version 3 or later; its"
        " notes name no weakness, and what counts repetitions runs in a child that is ended",
    ),
)


def overdue(behind: Behind, waived: Iterable[Waiver], now: datetime) -> str | None:
    """Return why a component breaches the shortest term, in a sentence; None where it does not."""
    read = [
        each
        for each in waived
        if canonicalize_name(each.name) == behind.name and now.date() <= each.until
    ]
    unread = [
        came
        for version, came in behind.newer.items()
        if not any(version <= Version(each.read_up_to) for each in read)
    ]
    if not unread or now - min(unread) <= TERM:
        return None
    return f"{behind.name} {behind.installed}: newer since {min(unread):%d %B %Y}"


def closure(requirements: str) -> set[str]:
    """Return the names of all that a list of requirements brings, as they are installed here."""
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    waiting = [Requirement(line) for line in lines if line]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        known = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if known in seen:
            continue
        seen.add(known)
        waiting += _brought_by(wanted)
    return {name for name, _ in seen}


def _brought_by(wanted: Requirement) -> Iterator[Requirement]:
    for said in metadata.requires(wanted.name) or []:
        needed = Requirement(said)
        extras = wanted.extras or {""}
        if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
            yield needed


def all_behind(names: set[str]) -> list[Behind]:
    """Ask pip which of these are behind, and the index since when.

    Raises:
        IndexSilent: nobody answered.
    """
    installed = {canonicalize_name(each.name) for each in metadata.distributions()}
    left_out = [word for name in sorted(installed - names) for word in ("--exclude", name)]
    words = ("-m", "pip", "list", "--outdated", "--format=json", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, *words, *left_out], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise IndexSilent(done.stderr.strip()[-100:])
    found = []
    for said in json.loads(done.stdout):
        name, here = canonicalize_name(said["name"]), Version(said["version"])
        upto = Version(said["latest_version"])
        came = {v: at for v, at in _releases(name).items() if here < v <= upto}
        # Of what the index dates nothing, it may be long.
        found.append(Behind(name, here, came or {upto: datetime.min.replace(tzinfo=UTC)}))
    return found


def _releases(name: str) -> dict[Version, datetime]:
    """Return when each stable release of a component that was not withdrawn came."""
    try:
        answer = requests.get(f"{INDEX}/{name}/", headers=JSON, timeout=60)
        answer.raise_for_status()
    except requests.RequestException as failed:
        raise IndexSilent(name) from failed
    return releases(answer.json())


def releases(said: Mapping) -> dict[Version, datetime]:
    """Return when each stable release first came, from what the index says (PEP 691)."""
    came: dict[Version, datetime] = {}
    for file in said["files"]:
        version = _version_of(file["filename"])
        if version is None or version.is_prerelease or file["yanked"]:
            continue
        at = datetime.fromisoformat(file["upload-time"]).astimezone(UTC)
        came[version] = min(at, came.get(version, at))
    return came


def _version_of(filename: str) -> Version | None:
    """Return the version in a file's name; None for eggs, installers and names of long ago."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
