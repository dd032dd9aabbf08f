"""`make audit`: what is too long, or too wide, for every change. Figures go to var/audit/.

Each part ends as ok, as found (somebody must look), or as not run, with its reason: never a green
that nothing stands behind. `python -m tests.audit bandit semgrep` runs only these.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.product import Product

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".audit/bin"
OUT = ROOT / "var/audit"
ROOMS = ["booking", "schedules", "notifications", "config", "wsgi.py"]
KILLS, CASES = 100, 5_000


@dataclass(frozen=True)
class Verdict:
    part: str
    state: str
    figure: str
    seconds: float = 0.0


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        cwd=ROOT,
        env=os.environ | environment,  # noqa: TID251 - handed on
        capture_output=True,
        text=True,
        check=False,
    )


def kept(name: str, done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    (OUT / f"{name}.txt").write_text(done.stdout + done.stderr)
    return done


def bandit() -> tuple[bool, str]:
    # What it says of these, ruff says too (S108, S608, S704): waived there, line by line.
    words = ("-q", "-r", "-ll", "--skip", "B108,B608,B704", "-f", "json")
    done = kept("bandit", run(TOOLS / "bandit", *words, *ROOMS))
    found = json.loads(done.stdout)
    return done.returncode == 0, (
        f"{len(found['results'])} found in {found['metrics']['_totals']['loc']} lines"
    )


def semgrep() -> tuple[bool, str]:
    words = ("--config", "tests/semgrep.yaml", "--metrics=off", "--disable-version-check", "--json")
    done = kept("semgrep", run(TOOLS / "semgrep", "scan", *words, *ROOMS))
    found = json.loads(done.stdout)
    looked = len(found["paths"]["scanned"])
    broken = [each for each in found["errors"] if each["level"] == "error"]
    return not found["results"] and not broken and looked > 100, (
        f"{len(found['results'])} found in {looked} files"
    )


def known_weaknesses() -> tuple[bool, str]:
    done = kept("pip-audit", run(TOOLS / "pip-audit", "--strict", "-r", "requirements.txt"))
    if re.search(
        r"ConnectionError|ServiceError|Failed to|resolve|HTTPError|could not be audited",
        done.stderr,
    ):
        return False, "not run: its data cannot be reached from here"
    return done.returncode == 0, (done.stdout + done.stderr).strip().splitlines()[-1][:100]


def sbom() -> tuple[bool, str]:
    file = OUT / "sbom.cdx.json"
    words = ("requirements", "requirements.txt", "--of", "JSON", "-o", file)
    done = kept("sbom", run(TOOLS / "cyclonedx-py", *words))
    if done.returncode:
        return False, done.stderr.strip()[-100:]
    return True, f"{len(json.loads(file.read_text())['components'])} components"


def api() -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder)) as product:
        words = (
            *("run", f"{product.url}/api/openapi.json"),
            *("--header", f"Authorization: Bearer {product.demo['api_key']}"),
            *("--max-examples", "150", "--seed", "1", "--workers", "2", "--continue-on-failure"),
            *("--checks", "not_a_server_error,response_schema_conformance"),
        )
        done = kept("schemathesis", run(TOOLS / "schemathesis", *words))
        written = (Path(folder) / "log").read_text()
    cases = [int(each.replace(",", "")) for each in re.findall(r"([\d,]+) generated", done.stdout)]
    fives = len(re.findall(r'"status": 5\d\d', written))
    asked = len(re.findall(r'"event": "request"', written))
    return done.returncode == 0 and asked >= CASES and not fives, (
        f"{sum(cases)} cases, {asked} requests, {fives} answered 5xx"
    )


def kills() -> tuple[bool, str]:
    words = ("-m", "pytest", "-q", "-s", "tests/live/test_failures.py", "-k", "no_kill")
    done = kept("kills", run(sys.executable, *words, KILLS=str(KILLS)))
    told = re.search(r"kills \d+, acknowledged \d+", done.stdout)
    return done.returncode == 0, told.group() if told else "see kills.txt"


PARTS: dict[str, Callable[[], tuple[bool, str]]] = {
    "bandit": bandit,
    "semgrep": semgrep,
    "pip-audit": known_weaknesses,
    "sbom": sbom,
    "schemathesis": api,
    "kills": kills,
}


def main(*wanted: str) -> int:
    """Run what is asked for, or all; return how many parts are not ok."""
    OUT.mkdir(parents=True, exist_ok=True)
    verdicts = []
    for name in wanted or PARTS:
        begun = time.monotonic()
        is_ok, figure = PARTS[name]()
        state = "ok" if is_ok else "not run" if figure.startswith("not run") else "found"
        verdicts.append(Verdict(name, state, figure, round(time.monotonic() - begun, 1)))
        print(f"{name:14} {state:8} {verdicts[-1].seconds:7.1f} s  {figure}", flush=True)
    (OUT / "audit.json").write_text(json.dumps([asdict(each) for each in verdicts], indent=1))
    return sum(each.state != "ok" for each in verdicts)


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])))
