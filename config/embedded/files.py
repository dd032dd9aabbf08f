"""Whose files the embedded server's are, who may read them, and where its passwords are kept."""

import json
import os
import pwd
import secrets
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

OWNER = "owner"
"""The superuser, for this room alone: no URL names it."""

ROLE = "jourmeme"
"""The application's role, and the name of its database."""

MAJOR = 18
"""The PostgreSQL whose clusters this one can open."""

SYSTEM_USER = "pgserver"
"""Who runs the server when we are root: PostgreSQL refuses to run as root."""

ANYONE_ELSE = 0o077
MAY_TRAVERSE = 0o001


class ClusterUnsafe(RuntimeError):
    """The cluster's files are not as this module left them: a person has to look."""


@dataclass(frozen=True)
class Home:
    """Where one server keeps its files."""

    folder: Path

    @property
    def cluster(self) -> Path:
        """What PostgreSQL calls its data directory; the socket is in it too."""
        return self.folder / "cluster"

    @property
    def passwords(self) -> Path:
        """The passwords of both roles."""
        return self.folder / "passwords.json"

    @property
    def log(self) -> Path:
        """What the server says, errors of statements and their values left out."""
        return self.cluster / "server.log"


def ensure_passwords(home: Home) -> None:
    """Invent a password for each role, unless done, and keep them where only this user reads."""
    if home.passwords.exists():
        return
    draft = home.passwords.with_suffix(".new")
    draft.unlink(missing_ok=True)
    # Not `write_text` and then `chmod`: the file is closed to others before the first byte.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({role: secrets.token_hex(24) for role in (OWNER, ROLE)}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home.passwords)


def passwords(home: Home) -> dict[str, str]:
    """Return the password of each role."""
    kept: dict[str, str] = json.loads(home.passwords.read_text())
    return kept


def refuse_if_unsafe(home: Home) -> None:
    """Look at the files before the server does.

    Raises:
        ClusterUnsafe: if others may read them, another PostgreSQL made them, or the key is lost.
    """
    if not home.passwords.exists():
        raise ClusterUnsafe(f"{home.passwords} is missing: nobody can open {home.cluster}")
    for path in (home.cluster, home.passwords):
        if path.stat().st_mode & ANYONE_ELSE:
            raise ClusterUnsafe(f"{path} was open to other users: see who read it, then chmod go=")
    made_by = (home.cluster / "PG_VERSION").read_text().strip()
    if made_by != str(MAJOR):
        raise ClusterUnsafe(f"{home.cluster} is of PostgreSQL {made_by}, and this is {MAJOR}")


def refuse_if_anothers(folder: Path) -> None:
    """Look at a folder in a place where every user may write.

    Raises:
        ClusterUnsafe: if it is not a folder of this user's, closed to all others.
    """
    seen = folder.lstat()
    ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()
    if not ours or seen.st_mode & ANYONE_ELSE:
        raise ClusterUnsafe(f"{folder} must be a folder that is yours alone: remove it")


def give_to_system_user(*these: Path | int) -> None:
    """As root, hand these to the user who runs the server, made when missing; else do nothing."""
    if os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        words = ("--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")
        # Unchecked: another process may have made it meanwhile. Absolute names differ by system.
        subprocess.run(["useradd", *words, SYSTEM_USER], check=False)  # noqa: S603, S607
        user = pwd.getpwnam(SYSTEM_USER)
    for this in these:
        os.chown(this, user.pw_uid, user.pw_gid)


def replace(file: Path, text: str) -> None:
    """Put a new file in the cluster, for its owner alone; as root, never write through a link."""
    owner = file.parent.stat()
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
        new.write(text)
        os.chown(new.fileno(), owner.st_uid, owner.st_gid)


def let_run(*installed: Path, user: int) -> None:
    """As root, let user number `user` run what pip installed for root.

    Folders above become traversable to all, not readable. Under `umask 077` pip closed the
    programs too: what their owner may read or run, everybody may then.
    """
    if os.geteuid() != 0:
        return
    for tree in filter(Path.exists, installed):
        for above in tree.parents:
            seen = above.stat()
            if seen.st_uid != user and not seen.st_mode & MAY_TRAVERSE:
                above.chmod(stat.S_IMODE(seen.st_mode) | MAY_TRAVERSE)
        for path in (tree, *tree.rglob("*")):
            mode = stat.S_IMODE(path.lstat().st_mode)
            wanted = mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6
            if wanted != mode and not path.is_symlink():
                path.chmod(wanted)
