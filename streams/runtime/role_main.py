"""One role as a process of its own: `python -m streams.runtime.role_main ROLE`.

Settings come from the environment.

Exit status: 0 asked to stop; 2 the settings are wrong, or the states are of a later version; 3 the
client is fenced or broken, and a clean process should start.
"""

import logging
import sys

from schemas.internal.states import StateTooNew
from streams.base import log_format
from streams.base.settings import SettingsInvalid, load_settings, require_kafka
from streams.base.transport import FatalClientError
from streams.kafka.topics import TopicsInvalid
from streams.runtime.role_process import ROLES, run_role, stop_on_signals

log = logging.getLogger("touchstream.child")


def main(role: str) -> int:
    """Runs the role until SIGTERM or SIGINT."""
    log_format.configure()
    stopping = stop_on_signals()
    try:
        run_role(role, require_kafka(load_settings()), stopping)
    except (SettingsInvalid, StateTooNew, TopicsInvalid) as error:
        log.error("cannot start", extra={"role": role, "error": error})
        return 2
    except FatalClientError as error:
        log.error("ended: a clean process should start", extra={"role": role, "error": error})
        return 3
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ROLES:
        sys.exit(f"usage: python -m streams.runtime.role_main {{{','.join(ROLES)}}}")
    sys.exit(main(sys.argv[1]))
