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
from datetime import UTC, datetime
from pathlib import Path

from tests import freshness
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


def fresh() -> tuple[bool, str]:
    names = freshness.closure((ROOT / "requirements.txt").read_text())
    try:
        behind = freshness.all_behind(names)
    except freshness.IndexSilent as silent:
        return False, f"not run: the index does not answer ({silent})"
    now = datetime.now(UTC)  # noqa: TID251 - the day of this audit
    late = [why for each in behind if (why := freshness.overdue(each, freshness.WAIVED, now))]
    told = [f"{b.name} {b.installed} < {b.newest}, since {b.since:%d %B %Y}" for b in behind]
    (OUT / "fresh.txt").write_text("\n".join([*told, "", *late]))
    return not late, f"{len(behind)} of {len(names)} behind, {len(late)} for too long"


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
            *("--max-examples", "450", "--seed", "1", "--workers", "2", "--continue-on-failure"),
            *("--checks", "not_a_server_error,response_schema_conformance"),
        )
        # Once more about a request that exists: one that was made up ends at 404.
        there = Path(folder) / "schemathesis.toml"
        reference = product.request_for_an_ankle()["reference"]
        there.write_text(f'[parameters]\n"path.reference" = "{reference}"\n')
        done = run(TOOLS / "schemathesis", *words)
        found = run(TOOLS / "schemathesis", "--config-file", there, *words)
        done.stdout, done.returncode = (
            done.stdout + found.stdout,
            done.returncode or found.returncode,
        )
        kept("schemathesis", done)
        written = (Path(folder) / "log").read_text()
    cases = [int(each.replace(",", "")) for each in re.findall(r"([\d,]+) generated", done.stdout)]
    # A probe may ask whether it is ready while it begins.
    fives = len(re.findall(r'"route": "api[^\n]*"status": 5\d\d', written))
    asked = len(re.findall(r'"event": "request"', written))
    return done.returncode == 0 and asked >= CASES and not fives, (
        f"{sum(cases)} cases, {asked} requests, {fives} answered 5xx"
    )


def kills() -> tuple[bool, str]:
    words = ("-m", "pytest", "-q", "-s", "tests/live/test_failures.py", "-k", "no_kill")
    done = kept("kills", run(sys.executable, *words, KILLS=str(KILLS)))
    told = re.search(r"kills \d+, acknowledged \d+", done.stdout)
    return done.returncode == 0, told.group() if told else "see kills.txt"


def secrets() -> tuple[bool, str]:
    words = ("scan", "--baseline", "tests/secrets.baseline")
    before = (ROOT / "tests/secrets.baseline").read_text()
    done = kept("detect-secrets", run(TOOLS / "detect-secrets", *words))
    after = (ROOT / "tests/secrets.baseline").read_text()
    (ROOT / "tests/secrets.baseline").write_text(before)
    known, found = (json.loads(each)["results"] for each in (before, after))
    new = [file for file in found if len(found[file]) > len(known.get(file, []))]
    return done.returncode == 0 and not new, f"{len(new)} files with more than is known"


def pages() -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder)) as product:
        report = Path(folder) / "wapiti.json"
        words = (
            *("-u", f"{product.url}/", "--scope", "domain", "--flush-session", "--no-bugreport"),
            *("-m", "xss,permanentxss,sql,blindsql,redirect,file,exec,crlf,csrf"),
            *("--max-scan-time", "5", "--max-links-per-page", "50", "-f", "json", "-o", report),
        )
        kept("wapiti", run(TOOLS.parent / "wapiti/bin/wapiti", *words))
        written = (Path(folder) / "log").read_text()
        found = json.loads(report.read_text())["vulnerabilities"] if report.exists() else None
    if found is None:
        return False, "not run: see wapiti.txt"
    kinds = {kind: len(each) for kind, each in found.items() if each}
    fives, asked = (len(re.findall(p, written)) for p in (r'"status": 500', '"event": "request"'))
    return not kinds and not fives, f"{kinds or 0} found, {asked} requests, {fives} answered 500"


def queries() -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder)) as product:
        forms = (
            ("/connexion", "email=a@b.example&password=x"),
            ("/demande", f"community={product.demo['community']}"),
            ("/langue", "lang=fr&next=/"),
            ("/mot-de-passe-oublie", "email=a@b.example"),
        )
        said = ""
        for path, data in forms:
            words = (
                *("-u", f"{product.url}{path}", "--data", data, "--batch", "--flush-session"),
                *("--level", "2", "--risk", "1", "--dbms", "PostgreSQL", "--technique", "BEUS"),
                *("--output-dir", folder, "--ignore-code", "400,403,422,429", "--disable-coloring"),
            )
            done = run(TOOLS / "sqlmap", *words)
            said += done.stdout + done.stderr
        (OUT / "sqlmap.txt").write_text(said)
        written = (Path(folder) / "log").read_text()
    asked = len(re.findall('"event": "request"', written))
    found, fives = "is vulnerable" in said, len(re.findall(r'"status": 500', written))
    if asked < len(forms) * 10:
        return False, "not run: see sqlmap.txt"
    return not found and not fives, f"{int(found)} found, {asked} requests, {fives} answered 500"


FUZZED = (
    "tests/integration/test_torn_forms.py",
    "tests/integration/test_calendar_reading.py",
    "tests/unit/test_injection.py",
    "tests/unit/test_calendar_understanding.py",
)


def fuzz() -> tuple[bool, str]:
    words = ("-m", "pytest", "-q", "--hypothesis-profile=long", "--hypothesis-show-statistics")
    done = kept("fuzz", run(sys.executable, *words, *FUZZED))
    tried = sum(int(n) for n in re.findall(r"(\d+) passing", done.stdout))
    return done.returncode == 0, f"{tried} examples; {done.stdout.strip().splitlines()[-1][:60]}"


PARTS: dict[str, Callable[[], tuple[bool, str]]] = {
    "bandit": bandit,
    "semgrep": semgrep,
    "pip-audit": known_weaknesses,
    "fresh": fresh,
    "sbom": sbom,
    "detect-secrets": secrets,
    "schemathesis": api,
    "wapiti": pages,
    "sqlmap": queries,
    "fuzz": fuzz,
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
