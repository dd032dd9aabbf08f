"""What other people's files we serve, and that they are still those that were published.

`python -m tests.vendoring fetch` is run by hand, by whoever changes a version; the tests check.
"""

import base64
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import Path

REGISTRY = "https://registry.npmjs.org"
PACKAGES = {
    "htmx.org": (
        "2.0.11",
        {"package/dist/htmx.min.js": "htmx-2.0.11.min.js", "package/LICENSE": "htmx-LICENSE.txt"},
    )
}
FOLDER = Path(__file__).parents[1] / "booking/web/static/vendor"
LOCK = "vendor.lock.json"


class VendorDiffers(AssertionError):
    """A file of somebody else's is not the one that was published, or nobody listed it."""


def digest(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def check(folder: Path = FOLDER) -> None:
    """Compare every file with the lock. Offline.

    Raises:
        VendorDiffers: if one was changed, is missing, or is not listed.
    """
    lock = json.loads((folder / LOCK).read_text())
    known = {name: sum_ for each in lock.values() for name, sum_ in each["files"].items()}
    there = {path.name for path in folder.iterdir()} - {LOCK}
    if known.keys() != there:
        raise VendorDiffers(f"missing or not listed: {sorted(known.keys() ^ there)}")
    for name, expected in known.items():
        if digest((folder / name).read_bytes()) != expected:
            raise VendorDiffers(f"{name} was changed")


def fetch(folder: Path = FOLDER) -> None:
    """Get every package again, refuse what its registry does not vouch for, and write the lock.

    Raises:
        VendorDiffers: if a package is not what its registry, or our lock, says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    lock = json.loads(path.read_text()) if path.exists() else {}
    for name, (version, wanted) in PACKAGES.items():
        dist = json.loads(_get(f"{REGISTRY}/{name}/{version}"))["dist"]
        tarball, before = _get(dist["tarball"]), lock.get(name, {})
        if digest(tarball) != dist["integrity"]:
            raise VendorDiffers(f"{name}: not what the registry vouches for")
        if before.get("version") == version and before["integrity"] != dist["integrity"]:
            raise VendorDiffers(f"{name}: same version, changed since")
        files = _unpack(tarball, wanted, folder)
        lock[name] = {"version": version, "integrity": dist["integrity"], "files": files}
    path.write_text(json.dumps(lock, indent=1, sort_keys=True) + "\n")


def _unpack(tarball: bytes, wanted: dict[str, str], folder: Path) -> dict[str, str]:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(tarball)) as tar:
        for source, target in wanted.items():
            member = tar.extractfile(source)
            if member is None:
                raise VendorDiffers(f"{source} is not in the package")
            data = member.read()
            (folder / target).write_bytes(data)
            files[target] = digest(data)
    return files


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        data: bytes = answer.read()
        return data


if __name__ == "__main__":
    {"fetch": fetch, "check": check}[sys.argv[1]]()
