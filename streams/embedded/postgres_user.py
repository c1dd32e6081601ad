"""The user as which PostgreSQL runs: the one who starts it, or, since PostgreSQL refuses to run as
root, a user id that nobody else has.

`initdb` wants a user with a name. So for root it runs as a named user without any process, who
cannot interfere, and then the cluster goes to SERVER_UID, which has no name and needs none.
"""

import os
import pwd
import stat
from pathlib import Path

import psutil

from streams.embedded.processes import StartFailed

SERVER_UID = 60_932
"""In the range from 60706 to 61183, which neither distributions nor systemd assign."""


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


def require_access(path: Path) -> None:
    """Checks that the server's user may pass through all folders above `path`, whose modes are
    their owners' business. Raises StartFailed."""
    if os.getuid():
        return
    for folder in reversed(path.resolve().parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            raise StartFailed(
                f"PostgreSQL does not run as root, and another user cannot pass through {folder} "
                f"(mode {mode:04o}) to {path}: use a folder that others may enter, such as "
                "/var/lib/touchstream, or start touchstream as another user"
            )
