"""What we ship to run JourMême with keeps what it promises. systemd and Docker themselves are not
started here: units are verified by systemd's own tool where it is, Compose and Dockerfile are read.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "config/deploy"
UNITS = DEPLOY / "systemd"
COMMON = (UNITS / "jourmeme-.service.d/common.conf").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("web", "worker")
SECRETS = {"DATABASE_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "TWILIO_AUTH_TOKEN", "SMTP_URL"}


@pytest.fixture
def units(tmp_path):
    """Our units where systemd looks for them; what they start is not on this machine."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not on this machine")
    shutil.copytree(UNITS, tmp_path / "units")
    for unit in (tmp_path / "units").glob("*.service"):
        unit.write_text(
            re.sub(r"^(Exec\w+=)/opt\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
        )
    return tmp_path / "units"


def analyzed(units: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words],
        env={"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "unit",
    [
        "jourmeme-web.service",
        "jourmeme-worker@1.service",
        "jourmeme-backup.service",
        "jourmeme-backup.timer",
    ],
)
def test_systemd_understands_every_unit(units, unit):
    said = analyzed(units, "verify", "--man=no", unit)

    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("unit", ["jourmeme-web.service", "jourmeme-worker@1.service"])
def test_a_unit_may_do_little_else_than_its_work(units, unit):
    said = analyzed(units, "security", "--offline=true", "--threshold=25", "--no-pager", unit)

    assert said.returncode == 0, said.stdout[-500:]


@pytest.mark.parametrize(
    "line",
    [
        "User=jourmeme",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "InaccessiblePaths=-/opt/jourmeme/.git",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "SystemCallFilter=@system-service",
        "MemoryMax=1G",
    ],
)
def test_every_unit_of_ours_is_held_by_the_same_lines(line):
    assert line in COMMON.splitlines()


def test_secrets_come_from_files_and_never_from_the_environment():
    loaded = dict(re.findall(r"^LoadCredential=(\w+):(\S+)$", COMMON, re.MULTILINE))

    assert set(loaded) == SECRETS
    for text in (COMMON, *(p.read_text() for p in UNITS.glob("*.service"))):
        assert not [s for s in SECRETS if re.search(rf"^Environment=.*\b{s}=", text, re.MULTILINE)]
    for name in OURS:
        assert set(SERVICES[name]["secrets"]) == SECRETS
        assert not SECRETS & set(SERVICES[name]["environment"])
    assert set(COMPOSE["secrets"]) == SECRETS | {"POSTGRES_PASSWORD", "DATABASE_PASSWORD"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_may_write_to_itself_or_gain_rights(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert "/var/run/docker.sock" not in str(service)


@pytest.mark.parametrize("name", [*OURS, "database"])
def test_no_container_but_the_proxy_starts_as_root_or_is_reached_from_outside(name):
    assert not SERVICES[name]["user"].startswith("0")
    assert "ports" not in SERVICES[name]


def test_the_database_is_reached_by_ours_alone():
    assert SERVICES["database"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert "inside" not in SERVICES["nginx"]["networks"]
    assert SERVICES["database"]["image"].startswith("postgres:18")


def test_the_role_of_the_application_is_made_without_rights_over_the_server():
    made = (DEPLOY / "database.sh").read_text()

    assert "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS" in made
    assert "CREATE DATABASE jourmeme OWNER jourmeme" in made
    assert "./database.sh:/docker-entrypoint-initdb.d/database.sh:ro" in str(
        SERVICES["database"]["volumes"]
    )


def test_two_workers_and_one_set_of_pages_are_started():
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert SERVICES["web"]["healthcheck"]["test"][-1].count("/readyz") == 1


def test_the_databases_log_quotes_nobody():
    said = SERVICES["database"]["command"]

    for setting in ("log_error_verbosity=terse", "log_min_error_statement=panic"):
        assert f"-c{setting}" in said


def test_the_image_runs_as_nobody_and_holds_no_secret_and_no_test():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text().split()

    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert lines.index("USER 10001:10001") > max(
        number for number, line in enumerate(lines) if line.startswith(("RUN", "COPY"))
    )
    assert {".git", "var", "tests", ".venv"} <= set(left_out)
    assert not [s for s in SECRETS if any(f"{s}=" in line for line in lines)]


def test_a_backup_is_encrypted_before_it_touches_the_disk_and_leaves_after_its_term():
    unit = (UNITS / "jourmeme-backup.service").read_text()

    assert re.search(r"backup - \| age -R \S+ -o", unit)
    assert "-mtime +35 -delete" in unit
    assert "02:" not in (UNITS / "jourmeme-backup.timer").read_text().split("OnCalendar")[1][:20]


def test_no_connection_of_nginx_to_the_application_carries_two_requests():
    # nginx keeps such connections by itself from 1.29.7 on; the one that tests run is older.
    said = (DEPLOY / "nginx.conf").read_text()

    assert re.findall(r"^ +(proxy_http_version .*);", said, re.MULTILINE) == [
        "proxy_http_version 1.0"
    ]
    assert re.findall(r"proxy_set_header Connection (.*);", said) == ["close"]
    assert not re.findall(r"^ +keepalive ", said, re.MULTILINE)
