"""The main program of a role process: `python -m streams.runtime.role_main ROLE [DESCRIPTOR]`.

Settings come from the environment; the exit status is one of `streams/base/exit_status.py`. The
descriptor is that of the pipe to which the loop writes its signs of life.
"""

import logging
import sys
import time
from collections.abc import Callable

from schemas.base.error_codes import NotReadable
from schemas.internal.states import StateTooNew
from sinks.connection import SinkRefused
from streams.base import log_format
from streams.base.exit_status import EXIT_IDENTITY_TAKEN, EXIT_RESTART, EXIT_SETTINGS_WRONG
from streams.base.heartbeat import Heartbeat
from streams.base.settings import SettingsInvalid, load_settings, require_kafka
from streams.base.transport import FatalClientError, IdentityTaken, LogChanged, Stalled
from streams.kafka.topics import TopicsInvalid
from streams.runtime.role_process import ROLES, run_role, stop_on_signals

log = logging.getLogger("touchstream.role")

CHECK_INTERVAL_S = 0.2


def main(role: str, descriptor: int | None = None) -> int:
    """Runs the role until SIGTERM or SIGINT, and returns the exit status."""
    log_format.configure()
    stopping = _alive(stop_on_signals(), Heartbeat(descriptor))
    try:
        run_role(role, require_kafka(load_settings()), stopping)
    except (SettingsInvalid, SinkRefused, StateTooNew, TopicsInvalid) as error:
        log.error("cannot start", extra={"role": role, "error": error})
        return EXIT_SETTINGS_WRONG
    except IdentityTaken as error:
        log.error(
            "another process has the identity of this one: ending. If two engines run, give each "
            "its own TOUCHSTREAM_INSTANCE, --first-slot or TOUCHSTREAM_TOPIC_PREFIX",
            extra={"role": role, "error": error},
        )
        return EXIT_IDENTITY_TAKEN
    except (LogChanged, NotReadable) as error:
        log.error("cannot go on", extra={"role": role, "error": error})
        return EXIT_SETTINGS_WRONG
    except Stalled as error:
        pause_s = 2 * load_settings().session_timeout_ms / 1_000
        fields = {"role": role, "error": error, "seconds": pause_s}
        log.error("no progress: the partitions are left to others for a while", extra=fields)
        _wait(pause_s, stopping)
        return EXIT_RESTART
    except FatalClientError as error:
        log.error("the Kafka client has failed: ending", extra={"role": role, "error": error})
        return EXIT_RESTART
    except (MemoryError, OSError) as error:
        what = "this machine has failed the process: ending, a new one tries again"
        log.error(what, extra={"role": role, "error": repr(error)})
        return EXIT_RESTART
    return 0


def _wait(seconds: float, stopping: Callable[[], bool]) -> None:
    """Waits, or until the process is to stop. The group gives the partitions of a static member to
    others only when its session is over, so a restart at once would get them back."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s and not stopping():
        time.sleep(CHECK_INTERVAL_S)


def _alive(stopping: Callable[[], bool], heartbeat: Heartbeat) -> Callable[[], bool]:
    """`stopping`, which every loop asks in each of its rounds, with a sign of life."""

    def ask() -> bool:
        heartbeat.beat()
        return stopping()

    return ask


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in ROLES:
        sys.exit(f"usage: python -m streams.runtime.role_main {{{','.join(ROLES)}}} [DESCRIPTOR]")
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
