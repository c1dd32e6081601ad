"""The Java parts, each exactly the file that `jars.lock.toml` names, or none at all.

    python -m streams.embedded.jars fetch   bring what is missing into the local Maven cache
    python -m streams.embedded.jars lock    resolve again and write the lock file

At run time nothing is resolved: the lock lists every file of the closure with its sha256.
"""

import hashlib
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jgo.maven import Artifact, MavenContext

LOCK = Path(__file__).with_name("jars.lock.toml")
KAFKA = "kafka"
REGISTRY = "registry"
_CLOSURES = {  # with all that they need at run time; without slf4j-impl the broker would be mute
    KAFKA: (
        "org.apache.kafka:kafka_2.13:4.1.1",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
    ),
}
_ARCHIVES = {  # that carry their own libraries
    REGISTRY: ("io.apicurio", "apicurio-registry-app", "3.3.3", "all", "tar.gz"),
}
_TIMEOUT_S = 60
_TRIES_MAX = 3


class WrongFile(Exception):
    """A file is not the one that the lock names: it is not used."""


@dataclass(frozen=True)
class Locked:
    """One file of a Maven repository and what it must contain."""

    group: str
    name: str
    version: str
    packaging: str
    classifier: str
    sha256: str

    def within(self, context: MavenContext) -> Artifact:
        component = context.project(self.group, self.name).at_version(self.version)
        return component.artifact(self.classifier, self.packaging)

    def check(self, path: Path) -> Path:
        found = _sha256(path)
        if found != self.sha256:
            raise WrongFile(
                f"{path} is not {self.group}:{self.name}:{self.version} as locked: its sha256 is "
                f"{found}, not {self.sha256}. Delete the file and try again; if it comes back the "
                "same, do not trust where it comes from."
            )
        return path


def fetch(part: str) -> list[Path]:
    """Every file of one part, checked, in the order of the lock; what is missing is fetched."""
    files = _locked()[part]
    context = MavenContext(timeout=_TIMEOUT_S)
    missing = [file for file in files if not _cached(file, context).exists()]
    if missing:
        _say(f"fetching {len(missing)} files of {part} (once)")
        with ThreadPoolExecutor(max_workers=6) as pool:
            for done, file in enumerate(pool.map(_download, missing), start=1):
                _say(f"  {done}/{len(missing)} {file.name} {file.version}")
    return [file.check(_cached(file, context)) for file in files]


def lock() -> None:
    """Resolve everything to the full runtime closure and write down every file of it."""
    context = MavenContext(timeout=_TIMEOUT_S)
    parts = {part: _closure(roots, context) for part, roots in _CLOSURES.items()}
    for part, (group, name, version, *kind) in _ARCHIVES.items():
        parts[part] = [context.project(group, name).at_version(version).artifact(*kind)]
    lines = ["# Written by `python -m streams.embedded.jars lock`: the Java parts, file by file."]
    for part, artifacts in parts.items():
        for artifact in artifacts:
            _say(f"{part}: {artifact}")
            lines += ["", f"[[{part}]]", *_entry(artifact)]
    LOCK.write_text("\n".join(lines) + "\n")


def _closure(roots: Iterable[str], context: MavenContext) -> list[Artifact]:
    """Each root for itself, the first word counts: together, one bends the other's versions."""
    files: dict[tuple[str, str], Artifact] = {}
    for root in roots:
        wanted = context.create_dependency(root)
        _, needed = context.resolver.resolve([wanted])
        for item in (wanted, *needed):
            if item.scope in (None, "compile", "runtime"):
                files.setdefault((item.groupId, item.artifactId), item.artifact)
    return list(files.values())


def _entry(artifact: Artifact) -> Sequence[str]:
    fields = {
        "group": artifact.groupId,
        "name": artifact.artifactId,
        "version": artifact.version,
        "packaging": artifact.packaging,
        "classifier": artifact.classifier,
        "sha256": _sha256(artifact.resolve()),
    }
    return [f'{key} = "{value}"' for key, value in fields.items() if value]


def _locked() -> dict[str, list[Locked]]:
    parts = tomllib.loads(LOCK.read_text())
    return {
        part: [Locked(**{"packaging": "jar", "classifier": "", **file}) for file in files]
        for part, files in parts.items()
    }


def _download(file: Locked) -> Locked:
    """Into a room of its own first: a broken download never lands in the shared cache."""
    target = _cached(file, MavenContext())
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as room:
        for attempt in range(1, _TRIES_MAX + 1):
            staging = MavenContext(repo_cache=Path(room, str(attempt)), timeout=_TIMEOUT_S)
            try:
                file.check(file.within(staging).resolve()).replace(target)
                break
            except (OSError, WrongFile):  # requests' errors are OSErrors
                if attempt == _TRIES_MAX:
                    raise
    return file


def _cached(file: Locked, context: MavenContext) -> Path:
    path = file.within(context).cached_path
    assert path is not None, "a Maven context always has a cache"
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["fetch"]:
            for part in (KAFKA, REGISTRY):
                fetch(part)
        case ["lock"]:
            lock()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
