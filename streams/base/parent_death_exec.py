"""Makes the kernel end this process when its parent ends, then replaces it by a server (exec).

    python -I -S parent_death_exec.py PARENT_PID SIGNAL UID COMMAND...

A script is used instead of a preexec_fn, which may deadlock in a parent with threads. The user is
changed first, because a change of the user clears the parent-death signal. Only Linux has that
signal; elsewhere the server runs until it is stopped.
"""

import ctypes
import os
import pwd
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, signal_number, uid = (int(argument) for argument in sys.argv[1:4])
    command = sys.argv[4:]
    if uid != os.getuid():
        change_user(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent_pid:  # the parent ended before prctl
            sys.exit(1)
    os.execv(command[0], command)


def change_user(uid: int) -> None:
    """Gives up root. A user without a name has a group of the same number."""
    try:
        group = pwd.getpwuid(uid).pw_gid
    except KeyError:
        group = uid
    os.setgroups([])
    os.setgid(group)
    os.setuid(uid)


if __name__ == "__main__":
    main()
