"""Workload W as a Quix Streams application; run by the Python of its own environment, so it imports
nothing of ours.

Its best documented settings: exactly-once with the default commit interval of 5 s (100 ms is a
quarter slower), RocksDB state with a changelog, JSON by orjson, and the client's fetch queue set so
that it does not pause.
"""

import json
import os
import sys
import time
from itertools import count as count_from
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]

EVERY = 4


def main(told: dict[str, Any]) -> None:
    """Stops after `number` records; prints what that took."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {told["core"]})
    begun: list[tuple[float, float]] = []
    seen = count_from(1)
    application = _application(told)
    source = application.topic(told["source"], value_deserializer="json")
    sink = application.topic(told["sink"], value_serializer="json")

    def count(event: dict[str, Any], state: Any) -> dict[str, Any] | None:
        if not begun:
            begun.append((time.perf_counter(), time.process_time()))
        if next(seen) == told["number"]:
            application.stop()  # after a last commit
        return _count(event, state)

    frame = application.dataframe(source).apply(count, stateful=True)
    frame.filter(lambda said: said is not None).to_topic(sink)
    application.run()
    wall, cpu = begun[0]
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s}))


def _application(told: dict[str, Any]) -> Any:
    return Application(
        broker_address=told["broker"],
        consumer_group=told["group"],
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=told["state"],
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
    said = {name: event[name] for name in ("contact_id", "tenant_id", "event_id", "kind", "at")}
    return {**said, "count": counted["count"], "total": counted["total"], "detail": event["detail"]}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
