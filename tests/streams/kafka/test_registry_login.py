"""The registry gets the login that the settings have, and is trusted by their CA alone."""

import json
import shutil
import ssl
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from schemas.base.error_codes import SchemaUnavailable
from streams.base.settings import Settings, SettingsInvalid, load_settings
from streams.kafka.registry import registrar, registry_client, resolver

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")

LOGINS = {
    "Basic " + b64encode(b"eve:p@ss/w:#1").decode(): {
        "TOUCHSTREAM_REGISTRY_USER": "eve",
        "TOUCHSTREAM_REGISTRY_PASSWORD": "p@ss/w:#1",
    },
    "Bearer qwxyz": {"TOUCHSTREAM_REGISTRY_TOKEN": "qwxyz"},
}
CERTIFICATE = """
    req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=registry
    -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out ca.pem
"""


class Registry(BaseHTTPRequestHandler):
    """Has one schema, for those with the header that it expects."""

    expected = ""

    def do_GET(self) -> None:
        allowed = self.headers.get("Authorization", "") == self.expected
        body = {"schema": '"string"'} if allowed else {"error_code": 401, "message": "no"}
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_POST = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Prints nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables with which a registry that has a certificate of its own is reached."""
    subprocess.run(["openssl", *CERTIFICATE.split()], cwd=tmp_path, check=True, capture_output=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "TOUCHSTREAM_REGISTRY_URL": f"https://127.0.0.1:{server.server_port}",
        "TOUCHSTREAM_REGISTRY_CA": str(tmp_path / "ca.pem"),
    }
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("header", LOGINS, ids=lambda header: header.split()[0])
def test_the_login_of_the_settings_is_sent(
    address: dict[str, str], header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "expected", header)
    settings = load_settings(address | LOGINS[header])
    assert resolver(registry_client(settings))(7) == '"string"'
    assert "p@ss" not in repr(settings)
    assert "qwxyz" not in repr(settings)
    with pytest.raises(SettingsInvalid, match="refuses the login"):
        registrar(registry_client(load_settings(address)))("job.completed")


def test_a_registry_with_an_unknown_certificate_is_not_used(address: dict[str, str]) -> None:
    settings = load_settings({**address, "TOUCHSTREAM_REGISTRY_CA": ""})
    with pytest.raises(SchemaUnavailable, match=r"(?i)certificate"):
        resolver(registry_client(settings))(7)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"registry_user": "eve"}, "belong together"),
        ({"registry_user": "eve", "registry_password": "p", "registry_token": "t"}, "both set"),
        ({"registry_ca": "/no/such/file"}, "no such file"),
    ],
)
def test_a_login_that_cannot_work_is_refused(changes: dict[str, str], reason: str) -> None:
    settings = Settings.model_validate({"registry_url": "https://127.0.0.1:9", **changes})
    with pytest.raises(SettingsInvalid, match=reason):
        registry_client(settings)
