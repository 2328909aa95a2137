"""Tests of relocatable archives of programs from Debian packages, with programs of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from artifacts import debian, relocatable
from artifacts.acquire import DEBIAN_RECIPES
from artifacts.catalogue import NODE_ARTIFACTS, OPTIONAL_ARTIFACTS
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from artifacts.relocatable import Recipe

RECIPE = Recipe(
    name="tools",
    packages=("tools",),
    programs={"say": "echo", "shell": "bash"},
    version_options={"say": "--version"},
    settings='export HERE="$here"\n',
    argv0='"$0"',
)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory like an unpacked Debian package: echo, bash, their libraries and the loader."""
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/share/completions").mkdir(parents=True)
    (root / "usr/share/completions/echo").write_text("not the program\n")
    (root / "lib").mkdir()
    for name in ("echo", "bash"):
        program = shutil.which(name)
        assert program
        shutil.copy(program, root / "usr/bin" / name)
        output = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", output):
            shutil.copy(Path(library).resolve(), root / "lib" / Path(library).name)
    monkeypatch.setattr(debian, "unpack", lambda *_, **__: root)
    return root


def test_programs_run_in_any_directory(packages: Path, tmp_path: Path, progress: Progress) -> None:
    with tarfile.open(relocatable.build(RECIPE, tmp_path, progress)) as tar:
        tar.extractall(tmp_path / "elsewhere", filter="data")
    shutil.rmtree(packages)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "shell")
    result = subprocess.run(
        [str(tmp_path / "link"), "-c", 'echo "$0 $HERE"; cat /proc/$$/maps; :'],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    name, here = result.stdout.split()[:2]
    assert name == str(tmp_path / "link")
    assert here == str(tmp_path / "elsewhere")
    libraries = {line.split()[-1] for line in result.stdout.splitlines() if ".so" in line}
    assert libraries
    assert all(library.startswith(f"{tmp_path}/elsewhere/lib/") for library in libraries)


def test_program_is_preferred_to_other_files_of_its_name(
    packages: Path, tmp_path: Path, progress: Progress
) -> None:
    with tarfile.open(relocatable.build(RECIPE, tmp_path, progress)) as tar:
        member = tar.extractfile("libexec/echo")
        assert member
        assert member.read() == (packages / "usr/bin/echo").read_bytes()


def test_error_names_a_missing_library(packages: Path, tmp_path: Path, progress: Progress) -> None:
    (library,) = packages.glob("lib/libc.so.*")
    library.unlink()
    with pytest.raises(ArtifactError, match=r"tools: \w+ needs libc\.so|tools: libraries of \w+ are missing"):
        relocatable.build(RECIPE, tmp_path, progress)


def test_error_names_a_missing_program(packages: Path, tmp_path: Path, progress: Progress) -> None:
    (packages / "usr/bin/bash").unlink()
    with pytest.raises(ArtifactError, match="tools: Debian's packages hold no bash"):
        relocatable.build(RECIPE, tmp_path, progress)


def test_recipes_are_artifacts_of_hosts() -> None:
    assert set(DEBIAN_RECIPES) <= {*NODE_ARTIFACTS, *OPTIONAL_ARTIFACTS}
