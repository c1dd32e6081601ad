"""The Java files of the embedded servers. Only files whose sha256 is that of `jars.lock.toml` are
used.

    python -m streams.embedded.jars fetch   download missing files into the local Maven cache
    python -m streams.embedded.jars lock    resolve all dependencies and write the lock file

Nothing is resolved at run time: the lock lists every file with its sha256, dependencies included.
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
_ROOTS_WITH_DEPENDENCIES = {  # slf4j-impl: without it the broker would not log
    KAFKA: (
        "org.apache.kafka:kafka_2.13:4.1.1",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
    ),
}
_SELF_CONTAINED_ARCHIVES = {  # archives that contain their dependencies
    REGISTRY: ("io.apicurio", "apicurio-registry-app", "3.3.3", "all", "tar.gz"),
}
_TIMEOUT_S = 60
_ATTEMPTS_MAX = 3


class WrongFile(Exception):
    """The sha256 of a file is not that of the lock. The file is not used."""


@dataclass(frozen=True)
class LockedFile:
    """One file of a Maven repository, with the sha256 that it must have."""

    group: str
    name: str
    version: str
    packaging: str
    classifier: str
    sha256: str

    def artifact(self, context: MavenContext) -> Artifact:
        component = context.project(self.group, self.name).at_version(self.version)
        return component.artifact(self.classifier, self.packaging)

    def check(self, path: Path) -> Path:
        """Returns the path. Raises WrongFile if its content is not as locked."""
        sha256 = _sha256(path)
        if sha256 != self.sha256:
            raise WrongFile(
                f"{path} is not {self.group}:{self.name}:{self.version} as locked: its sha256 is "
                f"{sha256}, not {self.sha256}. Delete the file and try again; if you get the same "
                "file again, do not trust its source."
            )
        return path


def fetch(part: str) -> list[Path]:
    """Returns the paths of all files of a part in the order of the lock. Downloads missing files.
    Raises WrongFile, OSError."""
    files = _read_lock()[part]
    context = MavenContext(timeout=_TIMEOUT_S)
    missing = [file for file in files if not _cache_path(file, context).exists()]
    if missing:
        _print_progress(f"downloading {len(missing)} files of {part}, once")
        with ThreadPoolExecutor(max_workers=6) as pool:
            for done, file in enumerate(pool.map(_download, missing), start=1):
                _print_progress(f"  {done}/{len(missing)} {file.name} {file.version}")
    return [file.check(_cache_path(file, context)) for file in files]


def lock() -> None:
    """Resolves all runtime dependencies and writes the lock file."""
    context = MavenContext(timeout=_TIMEOUT_S)
    parts = {part: _closure(roots, context) for part, roots in _ROOTS_WITH_DEPENDENCIES.items()}
    for part, (group, name, version, *kind) in _SELF_CONTAINED_ARCHIVES.items():
        parts[part] = [context.project(group, name).at_version(version).artifact(*kind)]
    lines = ["# Written by `python -m streams.embedded.jars lock`: the Java parts, file by file."]
    for part, artifacts in parts.items():
        for artifact in artifacts:
            _print_progress(f"{part}: {artifact}")
            lines += ["", f"[[{part}]]", *_lock_entry(artifact)]
    LOCK.write_text("\n".join(lines) + "\n")


def _closure(roots: Iterable[str], context: MavenContext) -> list[Artifact]:
    """Returns the files of the roots and their runtime dependencies. Each root is resolved alone,
    so that it keeps its versions; of two versions of a file the first is taken."""
    files: dict[tuple[str, str], Artifact] = {}
    for root in roots:
        wanted = context.create_dependency(root)
        _, needed = context.resolver.resolve([wanted])
        for item in (wanted, *needed):
            if item.scope in (None, "compile", "runtime"):
                files.setdefault((item.groupId, item.artifactId), item.artifact)
    return list(files.values())


def _lock_entry(artifact: Artifact) -> Sequence[str]:
    fields = {
        "group": artifact.groupId,
        "name": artifact.artifactId,
        "version": artifact.version,
        "packaging": artifact.packaging,
        "classifier": artifact.classifier,
        "sha256": _sha256(artifact.resolve()),
    }
    return [f'{key} = "{value}"' for key, value in fields.items() if value]


def _read_lock() -> dict[str, list[LockedFile]]:
    parts = tomllib.loads(LOCK.read_text())
    return {
        part: [LockedFile(**{"packaging": "jar", "classifier": "", **file}) for file in files]
        for part, files in parts.items()
    }


def _download(file: LockedFile) -> LockedFile:
    """Downloads a file into a temporary directory, and moves it into the shared cache if its
    content is as locked. Tries `_ATTEMPTS_MAX` times. Raises WrongFile, OSError."""
    target = _cache_path(file, MavenContext())
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as temporary:
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            staging = MavenContext(repo_cache=Path(temporary, str(attempt)), timeout=_TIMEOUT_S)
            try:
                file.check(file.artifact(staging).resolve()).replace(target)
                break
            except (OSError, WrongFile):  # the errors of requests are OSErrors
                if attempt == _ATTEMPTS_MAX:
                    raise
    return file


def _cache_path(file: LockedFile, context: MavenContext) -> Path:
    path = file.artifact(context).cached_path
    assert path is not None, "a Maven context always has a cache"
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _print_progress(line: str) -> None:
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
