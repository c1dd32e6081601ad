"""docker-compose.yml and the Dockerfile, checked without Docker."""

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


def test_the_environment_of_a_worker_is_valid_and_names_the_broker() -> None:
    environment = {k: str(v) for k, v in SERVICES["worker"]["environment"].items()}
    assert all(name.startswith(PREFIX) for name in environment)
    settings = load_settings(environment)
    host, _, port = settings.bootstrap_servers.partition(":")
    assert host in SERVICES
    assert f"CLIENT://{host}:{port}" in SERVICES[host]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_a_worker_has_every_role() -> None:
    (roles,) = re.findall(r"--roles (\S+)", SERVICES["worker"]["entrypoint"])
    assert sorted(roles.rstrip("'").split(",")) == sorted(ROLES)


def test_every_listener_has_a_protocol_and_that_of_the_host_is_published() -> None:
    kafka = SERVICES["kafka"]
    environment = kafka["environment"]
    names = re.findall(r"([A-Z]+)://", environment["KAFKA_LISTENERS"])
    protocols = environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    assert sorted(names) == sorted(p.partition(":")[0] for p in protocols)
    (port,) = re.findall(r"HOST://localhost:(\d+)", environment["KAFKA_ADVERTISED_LISTENERS"])
    assert kafka["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_broker_has_the_tested_version_and_accepts_the_largest_record() -> None:
    lock = tomllib.loads((ROOT / "streams/embedded/jars.lock.toml").read_text())
    versions = {f["version"] for files in lock.values() for f in files if f["name"] == "kafka_2.13"}
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{versions.pop()}"
    assert SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"] >= 4_000_000


def test_lasting_data_is_on_a_volume_or_in_the_database() -> None:
    for name in ("kafka", "postgres"):
        (volume,) = SERVICES[name]["volumes"]
        assert volume.partition(":")[0] in COMPOSE["volumes"]
    assert (
        "postgresql://postgres:" in SERVICES["registry"]["environment"]["APICURIO_DATASOURCE_URL"]
    )


def test_a_service_depends_on_services_that_exist_and_have_a_health_check() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_the_health_check_of_the_registry_uses_its_health_address() -> None:
    """The address is not that of the API; `tests/live/test_registry.py` tests it too."""
    address = SERVICES["registry"]["healthcheck"]["test"].split()[-1]
    assert address == "http://localhost:9000/health/ready"


def test_the_image_copies_existing_files_and_all_product_packages() -> None:
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY")]
    sources = {source for sources in copied for source in sources}
    assert all((ROOT / source).exists() for source in sources)
    assert {"schemas", "processors", "streams", "sinks"} <= sources
