"""One role as a process of its own: `python -m streams.child ROLE`, settings from the environment.

Exit status: 0 asked to stop, 2 settings wrong, 3 the client is fenced or broken and a clean process
should start.
"""

import logging
import sys

from streams import logs
from streams.broker import TopicsWrong
from streams.running import ROLES, run_role, stop_on_signals
from streams.settings import SettingsInvalid, load, need_kafka
from streams.transport import Dead

log = logging.getLogger("touchstream.child")


def main(role: str) -> int:
    """Runs the role until SIGTERM or SIGINT."""
    logs.configure()
    stopping = stop_on_signals()
    try:
        run_role(role, need_kafka(load()), stopping)
    except (SettingsInvalid, TopicsWrong) as error:
        log.error("cannot start", extra={"role": role, "error": str(error)})
        return 2
    except Dead as error:
        log.error("ended: a clean process should start", extra={"role": role, "error": str(error)})
        return 3
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ROLES:
        sys.exit(f"usage: python -m streams.child {{{','.join(ROLES)}}}")
    sys.exit(main(sys.argv[1]))
