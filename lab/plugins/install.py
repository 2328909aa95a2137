"""Installation of Pulumi plugins: the official plugins, or stand-ins where downloads are refused.

A stand-in is a copy of its sources in Pulumi's plugin directory. The Python that installs it also runs it.
Plugins have the versions of the installed SDKs, because the engine requests these versions.
"""

import argparse
import compileall
import hashlib
import os
import py_compile
import shlex
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from filelock import FileLock

from artifacts import directories
from providers.registry import CLOUDS

NAMES = ("command", "tls", "kubernetes")
PREVIEW_ONLY: Mapping[str, str] = {cloud.plugin: "generic" for cloud in CLOUDS}
"""By plugin whose stand-in supports only previews, the folder of the stand-in."""

_SOURCES = Path(__file__).resolve().parent
_DIGEST = "stand-in.sha256"
_OFFICIAL_SECONDS = 120  # a refused download fails within 3 s; slow downloads need longer
_REFUSAL_SECONDS = 24 * 3600
_MAIN = 'import runpy\n\nrunpy.run_module("lab.plugins.{0}", run_name="__main__", alter_sys=True)\n'
_LAUNCHER = '#!/bin/sh\nexec {python} "${{0%/*}}/main.py" {options}"$@"\n'


class InstallError(Exception):
    """The error for a plugin of which neither the official version nor a stand-in can be installed."""


@dataclass(frozen=True)
class Installed:
    """An installed plugin."""

    name: str
    version: str
    kind: Literal["official", "stand-in"]
    fresh: bool
    """Whether this call installed the plugin."""

    @property
    def previews_only(self) -> bool:
        """Check whether the plugin can only preview and cannot create or change resources."""
        return self.kind == "stand-in" and self.name in PREVIEW_ONLY

    def __str__(self) -> str:
        state = "installed" if self.fresh else "already installed"
        return f"plugin {self.name} {self.version}: {self.kind}, {state}"


def install(pulumi: Path, pulumi_home: Path, names: Sequence[str] = NAMES) -> list[Installed]:
    """Install the plugins `names` into `pulumi_home` with the engine's command `pulumi`.

    Installed and unchanged plugins are kept. A refused official download is retried after a day. Raises
    InstallError.
    """
    with _lock_directory(pulumi_home):
        return [_install_plugin(pulumi, pulumi_home, name) for name in names]


def _install_plugin(pulumi: Path, home: Path, name: str) -> Installed:
    try:
        requested = version(f"pulumi-{name}")
    except PackageNotFoundError:
        raise InstallError(f"plugin {name}: install the Python package pulumi-{name} first") from None
    directory = home / "plugins" / f"resource-{name}-v{requested}"
    digest_file = directory / _DIGEST
    if (directory / f"pulumi-resource-{name}").exists() and not digest_file.exists():
        return Installed(name, requested, "official", fresh=False)
    if not _refused_recently() and _install_official(pulumi, home, name, requested):
        return Installed(name, requested, "official", fresh=True)
    digest = _sources_digest(name)
    if digest_file.exists() and digest_file.read_text() == digest:
        return Installed(name, requested, "stand-in", fresh=False)
    with tempfile.TemporaryDirectory() as scratch:
        tarball = _build_tarball(name, digest, Path(scratch))
        result = _run_pulumi(pulumi, home, name, requested, "--file", str(tarball))
    if result.returncode != 0:
        raise InstallError(f"plugin {name}: the stand-in could not be installed: {_last_line(result.stderr)}")
    return Installed(name, requested, "stand-in", fresh=True)


def _install_official(pulumi: Path, home: Path, name: str, requested: str) -> bool:
    """Try to download the official plugin. Return whether it was installed. Record a refusal for all
    plugins.
    """
    try:
        result = _run_pulumi(pulumi, home, name, requested)
        if result.returncode == 0:
            return not (home / "plugins" / f"resource-{name}-v{requested}" / _DIGEST).exists()
    except subprocess.TimeoutExpired:
        pass
    _refusal_file().parent.mkdir(parents=True, exist_ok=True)
    _refusal_file().touch()
    return False


def _run_pulumi(
    pulumi: Path, home: Path, name: str, requested: str, *options: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(pulumi), "plugin", "install", "resource", name, requested, "--reinstall", *options],
        env=os.environ | {"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        timeout=_OFFICIAL_SECONDS,
        check=False,
    )


def _refused_recently() -> bool:
    try:
        return time.time() - _refusal_file().stat().st_mtime < _REFUSAL_SECONDS
    except FileNotFoundError:
        return False


def _refusal_file() -> Path:
    return directories.cache() / "plugins" / "official-download-refused"


def _sources_digest(name: str) -> str:
    """Return the SHA-256 digest of all inputs of an installed stand-in: its sources, its name and Python."""
    combined = hashlib.sha256(f"{name}\n{sys.executable}\n{sys.version}\n".encode())
    combined.update(Path(__file__).read_bytes())
    for source in _source_files(name):
        combined.update(source.relative_to(_SOURCES).as_posix().encode() + b"\0" + source.read_bytes())
    return combined.hexdigest()


def _source_files(name: str) -> list[Path]:
    package = PREVIEW_ONLY.get(name, name)
    if not (_SOURCES / package / "__main__.py").exists():
        raise InstallError(
            f"plugin {name}: there is no stand-in, and the official one could not be downloaded"
        )
    return sorted(path for part in ("runtime", package) for path in (_SOURCES / part).rglob("*.py"))


def _build_tarball(name: str, digest: str, scratch: Path) -> Path:
    """Build a tarball that Pulumi can install: an executable `pulumi-resource-NAME` at the top."""
    tree = scratch / "tree"
    for source in _source_files(name):
        target = tree / "lab" / "plugins" / source.relative_to(_SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    for package in ("lab", "lab/plugins"):
        # Without this file, any other package `lab` on the path of Python takes precedence.
        (tree / package / "__init__.py").touch()
    (tree / "main.py").write_text(_MAIN.format(PREVIEW_ONLY.get(name, name)))
    (tree / _DIGEST).write_text(digest)
    launcher = tree / f"pulumi-resource-{name}"
    options = f"--package={name} " if name in PREVIEW_ONLY else ""
    launcher.write_text(_LAUNCHER.format(python=shlex.quote(sys.executable), options=options))
    launcher.chmod(0o755)
    # The modules are compiled in advance and accept any time stamps after unpacking, because plugins start
    # in every run.
    compileall.compile_dir(
        tree, quiet=2, stripdir=str(tree), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    tarball = scratch / f"{name}.tar.gz"
    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(tree, arcname=".")
    return tarball


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


@contextmanager
def _lock_directory(home: Path) -> Iterator[None]:
    """Allow one installation at a time in a plugin directory."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "kubewright-plugins.lock"):
        yield


def main() -> None:
    """Run `python -m lab.plugins.install [--pulumi PATH] [--home DIRECTORY] [NAME …]`."""
    parser = argparse.ArgumentParser(prog="python -m lab.plugins.install", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"plugins; default: {' '.join(NAMES)}")
    parser.add_argument("--pulumi", type=Path, default=Path("pulumi"), help="the engine's command")
    parser.add_argument(
        "--home", type=Path, default=Path(os.environ.get("PULUMI_HOME", "~/.pulumi")).expanduser()
    )
    options = parser.parse_args()
    try:
        for installed in install(options.pulumi, options.home, options.names or NAMES):
            print(installed)
    except (InstallError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
