"""What can be known about docker-compose.yml and the Dockerfile without an engine."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from streams.base.settings import PREFIX, load_settings
from streams.runtime.role_process import ROLES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_engine_understands_its_environment() -> None:
    environment = {k: str(v) for k, v in SERVICES["worker"]["environment"].items()}
    assert all(name.startswith(PREFIX) for name in environment)
    settings = load_settings(environment)
    host, _, port = settings.bootstrap_servers.partition(":")
    assert host in SERVICES
    assert f"CLIENT://{host}:{port}" in SERVICES[host]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_a_worker_has_every_role() -> None:
    (roles,) = re.findall(r"--roles (\S+)", SERVICES["worker"]["entrypoint"])
    assert sorted(roles.rstrip("'").split(",")) == sorted(ROLES)


def test_every_listener_has_its_protocol_and_the_hosts_own_is_published() -> None:
    kafka = SERVICES["kafka"]
    environment = kafka["environment"]
    names = re.findall(r"([A-Z]+)://", environment["KAFKA_LISTENERS"])
    protocols = environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    assert sorted(names) == sorted(p.partition(":")[0] for p in protocols)
    (port,) = re.findall(r"HOST://localhost:(\d+)", environment["KAFKA_ADVERTISED_LISTENERS"])
    assert kafka["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_broker_is_the_one_that_is_tested_and_takes_the_largest_record() -> None:
    lock = tomllib.loads((ROOT / "streams/embedded/jars.lock.toml").read_text())
    versions = {f["version"] for files in lock.values() for f in files if f["name"] == "kafka_2.13"}
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{versions.pop()}"
    assert SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"] >= 4_000_000


def test_what_must_outlive_a_container_is_on_a_volume_or_in_the_database() -> None:
    for name in ("kafka", "postgres"):
        (volume,) = SERVICES[name]["volumes"]
        assert volume.partition(":")[0] in COMPOSE["volumes"]
    assert (
        "postgresql://postgres:" in SERVICES["registry"]["environment"]["APICURIO_DATASOURCE_URL"]
    )


def test_whom_a_service_waits_for_is_there_and_says_when_it_is_ready() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_the_registry_is_asked_where_it_answers() -> None:
    """Beside its API, where the embedded one answers too (`tests/live/test_registry.py`)."""
    address = SERVICES["registry"]["healthcheck"]["test"].split()[-1]
    assert address == "http://localhost:9000/health/ready"


def test_the_image_copies_what_there_is_and_all_that_runs() -> None:
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY")]
    sources = {source for sources in copied for source in sources}
    assert all((ROOT / source).exists() for source in sources)
    assert {"schemas", "processors", "streams", "sinks"} <= sources
