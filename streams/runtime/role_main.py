"""The main program of a role process: `python -m streams.runtime.role_main ROLE`.

Settings come from the environment; the exit status is one of `streams/base/exit_status.py`.
"""

import logging
import sys

from schemas.internal.states import StateTooNew
from streams.base import log_format
from streams.base.exit_status import EXIT_RESTART, EXIT_SETTINGS_WRONG
from streams.base.settings import SettingsInvalid, load_settings, require_kafka
from streams.base.transport import FatalClientError
from streams.kafka.topics import TopicsInvalid
from streams.runtime.role_process import ROLES, run_role, stop_on_signals

log = logging.getLogger("touchstream.role")


def main(role: str) -> int:
    """Runs the role until SIGTERM or SIGINT, and returns the exit status."""
    log_format.configure()
    stopping = stop_on_signals()
    try:
        run_role(role, require_kafka(load_settings()), stopping)
    except (SettingsInvalid, StateTooNew, TopicsInvalid) as error:
        log.error("cannot start", extra={"role": role, "error": error})
        return EXIT_SETTINGS_WRONG
    except FatalClientError as error:
        log.error("the Kafka client has failed: ending", extra={"role": role, "error": error})
        return EXIT_RESTART
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ROLES:
        sys.exit(f"usage: python -m streams.runtime.role_main {{{','.join(ROLES)}}}")
    sys.exit(main(sys.argv[1]))
