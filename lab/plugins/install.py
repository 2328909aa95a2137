"""Installs Pulumi plugins: official plugins or stand-ins.

The caller selects the kind, and a missing plugin of one kind is never replaced by a plugin of the other kind.
A stand-in is a copy of its sources in a plugin directory, and runs with the Python interpreter that installed
it. Plugins have the versions of the installed SDKs, because the engine requests these versions.
"""

import argparse
import compileall
import hashlib
import py_compile
import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock

from lab.plugins.kinds import DIGEST_FILE, Installed, InstallError, PluginKind, last_line, run_plugin_install
from lab.plugins.official import install_official
from providers.registry import CLOUDS

NAMES = ("command", "tls", "kubernetes")
_BASES: Mapping[str, tuple[str, ...]] = {cloud.plugin: ("generic",) for cloud in CLOUDS}
"""Other directories that a stand-in imports, by the name of the plugin."""

_SOURCES = Path(__file__).resolve().parent
_CHECKOUT = _SOURCES.parents[1]
_PROGRAM_FILES: Mapping[str, tuple[str, ...]] = {
    "generic": (
        "providers/__init__.py",
        "providers/resources.py",
        "providers/aws/__init__.py",
        "providers/aws/texts.py",
        "redaction/__init__.py",
    )
}
"""Files of the program that a stand-in imports, by its directory. An installed stand-in has no checkout."""
_INSTALLATION_SECONDS = 120.0
_MAIN = 'import runpy\n\nrunpy.run_module("lab.plugins.{0}", run_name="__main__", alter_sys=True)\n'
_LAUNCHER = '#!/bin/sh\nexec {python} "${{0%/*}}/main.py" "$@"\n'


def install(
    pulumi: Path,
    pulumi_home: Path,
    names: Sequence[str] = NAMES,
    kind: PluginKind = PluginKind.STAND_IN,
) -> list[Installed]:
    """Install the plugins `names` of the kind `kind` into the engine home `pulumi_home`.

    `pulumi` is the path of the engine. Plugins that are installed and current are kept. Raise InstallError.
    """
    with _lock_engine_home(pulumi_home):
        return [_install_plugin(pulumi, pulumi_home, name, kind) for name in names]


def plugin_version(name: str) -> str:
    """Return the version of a plugin, which is the version of its installed SDK.

    Raise InstallError if the SDK is not installed.
    """
    try:
        return version(f"pulumi-{name}")
    except PackageNotFoundError:
        raise InstallError(
            f"plugin {name}: its SDK is missing; first install the Python package pulumi-{name}"
        ) from None


def _install_plugin(pulumi: Path, home: Path, name: str, kind: PluginKind) -> Installed:
    requested = plugin_version(name)
    if kind is PluginKind.OFFICIAL:
        return install_official(pulumi, home, name, requested)
    digest_file = home / "plugins" / f"resource-{name}-v{requested}" / DIGEST_FILE
    digest = _sources_digest(name)
    if digest_file.exists() and digest_file.read_text() == digest:
        return Installed(name, requested, kind, fresh=False)
    with tempfile.TemporaryDirectory() as scratch:
        tarball = _build_tarball(name, digest, Path(scratch))
        result = run_plugin_install(
            pulumi, home, name, requested, "--file", str(tarball), timeout=_INSTALLATION_SECONDS
        )
    if result.returncode != 0:
        raise InstallError(f"plugin {name}: the stand-in could not be installed: {last_line(result.stderr)}")
    return Installed(name, requested, kind, fresh=True)


def _sources_digest(name: str) -> str:
    """Return the SHA-256 digest of all inputs of an installed stand-in: its sources, its name and Python."""
    combined = hashlib.sha256(f"{name}\n{sys.executable}\n{sys.version}\n".encode())
    combined.update(Path(__file__).read_bytes())
    for source in _source_files(name):
        combined.update(source.relative_to(_CHECKOUT).as_posix().encode() + b"\0" + source.read_bytes())
    return combined.hexdigest()


def _source_files(name: str) -> list[Path]:
    package = _directory(name)
    if not (_SOURCES / package / "__main__.py").exists():
        raise InstallError(f"plugin {name}: this plugin has no stand-in; use the official plugin")
    parts = ("runtime", package, *_BASES.get(name, ()))
    program = (_CHECKOUT / file for part in parts for file in _PROGRAM_FILES.get(part, ()))
    return sorted((*(path for part in parts for path in (_SOURCES / part).rglob("*.py")), *program))


def _directory(name: str) -> str:
    """Return the name of the directory, which is a Python package, with the stand-in of a plugin."""
    return name.replace("-", "_")


def _build_tarball(name: str, digest: str, scratch: Path) -> Path:
    """Build a tarball that Pulumi can install: an executable `pulumi-resource-NAME` at the top."""
    tree = scratch / "tree"
    for source in _source_files(name):
        target = tree / source.relative_to(_CHECKOUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    for package in ("lab", "lab/plugins"):
        # Without this file, Python would prefer any other package `lab` on its path.
        (tree / package / "__init__.py").touch()
    (tree / "main.py").write_text(_MAIN.format(_directory(name)))
    (tree / DIGEST_FILE).write_text(digest)
    launcher = tree / f"pulumi-resource-{name}"
    launcher.write_text(_LAUNCHER.format(python=shlex.quote(sys.executable)))
    launcher.chmod(0o755)
    # Plugins start in every run, so compile the modules in advance. With UNCHECKED_HASH, Python does not
    # compare the compiled modules with the time stamps of the unpacked sources.
    compileall.compile_dir(
        tree, quiet=2, stripdir=str(tree), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    tarball = scratch / f"{name}.tar.gz"
    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(tree, arcname=".")
    return tarball


@contextmanager
def _lock_engine_home(home: Path) -> Iterator[None]:
    """Hold the lock that allows only one installation at a time in an engine home."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "kubewright-plugins.lock"):
        yield


def main() -> None:
    """Run `python -m lab.plugins.install --home DIRECTORY [--pulumi PATH] [--kind KIND] [NAME …]`."""
    parser = argparse.ArgumentParser(prog="python -m lab.plugins.install", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"plugins; default: {' '.join(NAMES)}")
    parser.add_argument("--pulumi", type=Path, default=Path("pulumi"), help="the path of the engine")
    # This option has no default: with stand-ins in the engine home of a user, stacks without a lab would use
    # them.
    parser.add_argument("--home", type=Path, required=True, help="the engine home")
    parser.add_argument("--kind", type=PluginKind, choices=list(PluginKind), default=PluginKind.STAND_IN)
    options = parser.parse_args()
    try:
        for installed in install(options.pulumi, options.home, options.names or NAMES, options.kind):
            print(installed)
    except (InstallError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
