"""The user as which PostgreSQL runs: the one who starts it, or, since PostgreSQL refuses to run as
root, a user id that nobody else has.

`initdb` wants a user with a name. So for root it runs as a named user without any process, who
cannot interfere, and then the cluster goes to SERVER_UID, which has no name and needs none.
"""

import os
import pwd
import shutil
import stat
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp

import psutil

from streams.embedded.processes import StartFailed, private_directory, write_private

SERVER_UID = 60_932
"""In the range from 60706 to 61183, which neither distributions nor systemd assign."""

SERVER_HOME = Path("/var/lib/touchstream")
"""The folder for what the server's user cannot reach where root has it, such as under /root."""


def server_uid() -> int:
    """The user id of the server."""
    return os.getuid() or SERVER_UID


def initdb_uid() -> int:
    """The user id of `initdb`. Raises StartFailed if there is none for root."""
    if os.getuid():
        return os.getuid()
    users = {each.info["uids"].real for each in psutil.process_iter(["uids"]) if each.info["uids"]}
    for entry in pwd.getpwall():
        if entry.pw_uid not in users | {0} and entry.pw_name != "nobody":
            return entry.pw_uid
    raise StartFailed(
        "PostgreSQL does not run as root, and no user of this machine is without a process: start "
        "touchstream as another user"
    )


def give(tree: Path, uid: int) -> None:
    """Makes `uid` the owner of a folder and of all in it."""
    for folder, _, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            os.chown(path, uid, uid, follow_symlinks=False)


def open_for_server(folder: Path) -> None:
    """Lets the server's user pass through a folder of our own, but not list it."""
    if not os.getuid():
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)


def may_pass(path: Path) -> bool:
    """Whether the server's user may pass through all folders above `path`."""
    if os.getuid():
        return True
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def server_folder(folder: Path) -> Path:
    """The folder for the server's own files: `folder`, or, if it lies under one that is closed to
    the server's user, another one in SERVER_HOME, which a file in `folder` names. The modes of
    folders that are not ours are their owners' business."""
    if may_pass(folder / "cluster"):
        return folder
    note = folder / "elsewhere"
    if not note.exists():
        write_private(note, str(_home() / f"postgres-{token_hex(8)}"))
    elsewhere = Path(note.read_text())
    private_directory(elsewhere)
    open_for_server(elsewhere)
    return elsewhere


def server_programs(folder: Path) -> Path:
    """The folder of the server's programs: `folder`, or a copy of it in SERVER_HOME, if it lies
    under a folder that is closed to the server's user."""
    if may_pass(folder / "bin"):
        return folder
    state = (folder / "bin" / "postgres").stat()
    copy = _home() / f"programs-{state.st_size}-{state.st_mtime_ns}"
    if not copy.exists():
        unfinished = Path(mkdtemp(dir=copy.parent))
        shutil.copytree(folder, unfinished / "programs", symlinks=True)
        (unfinished / "programs").rename(copy)
        unfinished.rmdir()
    return copy


def _home() -> Path:
    """SERVER_HOME, made if it is missing. Raises StartFailed if it is closed too."""
    SERVER_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
    if not may_pass(SERVER_HOME / "any"):
        raise StartFailed(
            f"PostgreSQL does not run as root, and its user cannot pass through {SERVER_HOME}: "
            f"chmod o+x {SERVER_HOME}, or start touchstream as another user"
        )
    return SERVER_HOME
