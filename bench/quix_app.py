"""Workload W as a Quix Streams application. It runs in an environment of its own and imports
nothing of this project.

It uses the best documented settings: exactly-once with the default commit interval of 5 s (100 ms
is a quarter slower), RocksDB state with a changelog, JSON by orjson, and a fetch queue that does
not pause.
"""

import json
import os
import sys
import time
from itertools import count as count_from
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]

EVERY = 4


def main(options: dict[str, Any]) -> None:
    """Stops after `number` records and prints the time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options["core"]})
    began: list[tuple[float, float]] = []
    seen = count_from(1)
    application = _application(options)
    source = application.topic(options["source"], value_deserializer="json")
    sink = application.topic(options["sink"], value_serializer="json")

    def count(event: dict[str, Any], state: Any) -> dict[str, Any] | None:
        if not began:
            began.append((time.perf_counter(), time.process_time()))
        if next(seen) == options["number"]:
            application.stop()  # it commits before it stops
        return _count(event, state)

    frame = application.dataframe(source).apply(count, stateful=True)
    frame.filter(lambda output: output is not None).to_topic(sink)
    application.run()
    wall, cpu = began[0]
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s}))


def _application(options: dict[str, Any]) -> Any:
    return Application(
        broker_address=options["broker"],
        consumer_group=options["group"],
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=options["state"],
        consumer_extra_config={"fetch.queue.backoff.ms": 1},
        loglevel="ERROR",
    )


def _count(event: dict[str, Any], state: Any) -> dict[str, Any] | None:
    counted = state.get("counted") or {"count": 0, "total": 0}
    counted["count"] += 1
    counted["total"] += event["amount"]
    counted["last_kind"], counted["last_at"] = event["kind"], event["at"]
    counted["last_event"] = event["event_id"]
    state.set("counted", counted)
    if counted["count"] % EVERY:
        return None
    output = {name: event[name] for name in ("contact_id", "tenant_id", "event_id", "kind", "at")}
    return {
        **output,
        "count": counted["count"],
        "total": counted["total"],
        "detail": event["detail"],
    }


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
