"""With what secrets are made, hashed and sealed; and what our scripts may do in a browser."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("booking", "schedules", "notifications", "config")
SCRIPTS = {path.name: path.read_text() for path in (ROOT / "booking/web/static").glob("*.js")}


def imported() -> Iterator[tuple[str, str]]:
    """Return each file of ours with each name that it imports, whole."""
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        file = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, each.name) for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((file, f"{node.module}.{each.name}") for each in node.names)


def test_no_secret_comes_from_a_generator_that_can_be_foretold():
    weak = {file for file, name in imported() if re.match(r"(random|numpy)\b", name)}

    assert weak == set()


def test_nothing_is_encrypted_but_by_aes_gcm():
    ciphers = {(file, name) for file, name in imported() if re.match(r"cryptography|Crypto", name)}

    assert {name.rpartition(".")[2] for _, name in ciphers} <= {"AESGCM", "InvalidTag"}
    assert {file for file, _ in ciphers} == {"config/sealing.py"}


def test_no_hash_of_ours_is_an_old_one():
    names = {name for _, name in imported() if name.startswith("hashlib.")}
    called = {
        node.attr
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "hashlib"
    }

    assert names <= {"hashlib.sha256", "hashlib.file_digest"}
    assert called <= {"sha256"}


def test_only_ciphers_with_forward_secrecy_are_offered():
    nginx = (ROOT / "config/deploy/nginx.conf").read_text()
    [offered] = re.findall(r"ssl_ciphers ([^;]+);", nginx)

    for cipher in offered.split(":"):
        assert re.fullmatch(
            r"ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA\d+|CHACHA20-POLY1305)", cipher
        )
    assert re.findall(r"ssl_protocols ([^;]+);", nginx) == ["TLSv1.2 TLSv1.3"]


def test_scripts_write_no_text_as_html():
    # day.js puts in parts of a page that the server has just drawn and escaped.
    for name, script in SCRIPTS.items():
        found = re.findall(
            r"outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", script
        )
        assert found == [], name
        assert script.count("innerHTML") == (2 if name == "day.js" else 0), name
        assert not re.search(r"__proto__|addEventListener\('message'", script), name


def test_scripts_keep_nothing_about_anybody():
    kept = {
        key
        for script in SCRIPTS.values()
        for key in re.findall(r"(?:local|session)Storage[.\[]'?(\w+)", script)
    }

    # Whether keys are switched on; the address of an appointment that is being moved, in its tab.
    assert kept == {"touches", "cut"}
    assert not [name for name, script in SCRIPTS.items() if re.search("indexedDB|cookie", script)]
