"""Rules that find nothing prove nothing: a fault is planted for each. Where the tools are not
installed (`make audit` installs them) that is said, and `make scan` in CI does it."""

import runpy
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SEMGREP = ROOT / ".audit/bin/semgrep"
RULES = ROOT / "tests/semgrep.yaml"

PLANTED = {
    "no-template-from-text": "import flask\nflask.render_template_string(f'{x}')\n",
    "no-sql-from-text": "import sqlalchemy\nsqlalchemy.text(f'SELECT {x}')\n",
    "no-csrf-exemption-unreviewed": "@csrf.exempt\ndef view(): ...\n",
    "no-naive-now": "import datetime\ndatetime.datetime.now()\n",
    "no-plain-comparison-of-secrets": "def f(token, sent):\n    return token == sent\n",
    "no-parser-of-xml": "import xml.etree.ElementTree\nxml.etree.ElementTree.fromstring(x)\n",
    "no-unsafe-yaml-or-pickle": "import pickle\npickle.loads(x)\n",
    "no-shell": "import subprocess\nsubprocess.run(x, shell=True)\n",
    "no-unverified-tls": "import requests\nrequests.get(x, verify=False)\n",
    "no-redirect-to-what-was-sent": "import flask\nflask.redirect(flask.request.args['next'])\n",
}


def test_every_rule_has_a_planted_fault():
    assert {rule["id"] for rule in yaml.safe_load(RULES.read_text())["rules"]} == set(PLANTED)


def test_every_rule_finds_the_fault_that_is_planted_for_it(tmp_path):
    if not SEMGREP.exists():
        pytest.skip("semgrep is not installed here: make scan")
    for rule, fault in PLANTED.items():
        (tmp_path / f"{rule.replace('-', '_')}.py").write_text(fault)
    words = ("--metrics=off", "--disable-version-check", "--json", "--quiet", "--no-git-ignore")
    done = subprocess.run(
        [SEMGREP, "scan", "--config", RULES, *words, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    found = yaml.safe_load(done.stdout)["results"]

    assert {each["check_id"].rpartition(".")[2] for each in found} == set(PLANTED)


def test_gunicorn_takes_orders_from_nobody_and_closes_its_files(monkeypatch):
    # The file says in the environment where counts are kept: not in ours.
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    said = runpy.run_path(str(ROOT / "config/gunicorn.py"))

    assert said["control_socket_disable"] is True
    assert (said["forwarded_allow_ips"], said["forwarder_headers"]) == ("", "")
    assert said["preload_app"] is False
    assert all(each.startswith(("127.0.0.1:", "unix:")) for each in said["bind"])
