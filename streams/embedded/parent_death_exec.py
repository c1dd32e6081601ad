"""The first thing a server process runs: tie its life to its parent's, then become the server.

    python -I -S leash.py PARENT SIGNAL UID COMMAND...

A launcher instead of a preexec_fn, which may deadlock in a parent with threads. The order matters:
changing the user would untie the leash. Where the kernel knows no such leash (not Linux), the
server simply runs until it is stopped.
"""

import ctypes
import os
import pwd
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, signal_number, uid = (int(word) for word in sys.argv[1:4])
    command = sys.argv[4:]
    if uid != os.getuid():
        become(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # it died before the leash was tied
            sys.exit(1)
    os.execv(command[0], command)


def become(uid: int) -> None:
    os.setgroups([])
    os.setgid(pwd.getpwuid(uid).pw_gid)
    os.setuid(uid)


if __name__ == "__main__":
    main()
