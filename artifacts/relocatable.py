"""Debian programs as a tar that runs in any directory on any Linux host.

A tar contains the programs with their libraries and dynamic loader. Small sh wrappers start a program with
that loader, so a host needs only a kernel, sh and coreutils.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from artifacts import debian
from artifacts.errors import ArtifactError
from artifacts.progress import Progress

_WRAPPER = """\
#!/bin/sh
# {name} by its own loader and libraries, wherever this directory lies.
here=$(readlink -f "$0")
here=${{here%/*}}
{settings}exec "$here/lib/{loader}" --library-path "$here/lib" --argv0 {argv0} "$here/libexec/{program}" "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One tar.

    `programs`: wrappers by name, with the program that each starts. `plugins`: directories of the tar, with
    a file that their directory in Debian's packages contains. `libraries`: file patterns of libraries that
    programs open at run time and that no header names. `settings`: lines of sh for the wrappers; `$here` is
    the directory of the tar. `argv0`: the name that starts a program, as a word of sh; by default its own
    name.
    """

    name: str
    packages: tuple[str, ...]
    programs: Mapping[str, str]
    check: Mapping[str, str]
    """Wrappers to check, with the argument that prints their version."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    settings: str = ""
    argv0: str = ""


def build(recipe: Recipe, workspace: Path, progress: Progress) -> Path:
    """Build the recipe's tar in `workspace`. Raises ArtifactError."""
    with progress.step(f"make {recipe.name} from Debian's {' and '.join(recipe.packages)}"):
        root = debian.unpack(recipe.packages, workspace, dependencies=True)
        staging = workspace / recipe.name
        _stage(recipe, root, staging)
        for program, argument in recipe.check.items():
            _check(recipe, staging / program, argument)
        target = workspace / f"{recipe.name}.tar"
        pack(staging, target)
    return target


def pack(directory: Path, target: Path) -> None:
    """Create a tar of a directory: sorted, owned by root, without times, so always the same bytes.

    Not compressed, because hosts need not have gzip.
    """

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = 0
        return info

    with tarfile.open(target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(directory.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(directory)), recursive=False, filter=plain)


def _stage(recipe: Recipe, root: Path, staging: Path) -> None:
    loader = _one(recipe, root, "ld-linux*.so.*")
    programs = {name: _one(recipe, root, name) for name in dict.fromkeys(recipe.programs.values())}
    for directory in ("lib", "libexec"):
        (staging / directory).mkdir(parents=True)
    shutil.copy(loader, staging / "lib" / loader.name)
    for name, file in programs.items():
        shutil.copy(file, staging / "libexec" / name)
    objects = list(programs.values())
    for place, sign in recipe.plugins.items():
        plugins = _one(recipe, root, sign).parent
        shutil.copytree(plugins, staging / place, symlinks=True)
        objects += [path for path in sorted(plugins.glob("*.so")) if not path.is_symlink()]
    opened = [_one(recipe, root, pattern) for pattern in recipe.libraries]
    for library in dict.fromkeys([*_libraries(recipe, root, loader, [*objects, *opened]), *opened]):
        target = staging / "lib" / library.name
        shutil.copy(library.resolve(), target)
        target.chmod(0o755)
    for name, program in recipe.programs.items():
        _wrap(recipe, staging / name, loader.name, program)


def _wrap(recipe: Recipe, wrapper: Path, loader: str, program: str) -> None:
    wrapper.write_text(
        _WRAPPER.format(
            name=wrapper.name,
            loader=loader,
            program=program,
            settings=recipe.settings,
            argv0=recipe.argv0 or wrapper.name,
        )
    )
    wrapper.chmod(0o755)


def _libraries(recipe: Recipe, root: Path, loader: Path, objects: Sequence[Path]) -> list[Path]:
    """Return the shared libraries that these objects need, all from below `root`."""
    directories = sorted({str(path.parent) for path in root.rglob("lib*.so.*")})
    found: set[Path] = set()
    for item in objects:
        command = [
            str(loader),
            "--inhibit-cache",
            "--library-path",
            ":".join(directories),
            "--list",
            str(item),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        for name, where in re.findall(r"^\s*(\S+) => (.+?) \(0x", result.stdout, re.MULTILINE):
            if not where.startswith(str(root)):
                raise ArtifactError(
                    f"{recipe.name}: {item.name} needs {name}, which Debian's packages did not bring"
                )
            found.add(Path(where))
        if result.returncode != 0 or "not found" in result.stdout:
            raise ArtifactError(
                f"{recipe.name}: libraries of {item.name} are missing: {result.stderr.strip()}"
            )
    return sorted(found)


def _one(recipe: Recipe, root: Path, pattern: str) -> Path:
    """Return the only match; prefer a program over other files of the name (completions, init scripts)."""
    matches = [path for path in sorted(root.rglob(pattern)) if path.is_file() and not path.is_symlink()]
    matches = [path for path in matches if path.stat().st_mode & 0o100 or ".so" in path.name] or matches
    programs = [path for path in matches if path.parent.name in ("bin", "sbin")]
    if not matches:
        raise ArtifactError(f"{recipe.name}: Debian's packages hold no {pattern}")
    return (programs or matches)[0]


def _check(recipe: Recipe, program: Path, argument: str) -> None:
    result = subprocess.run([str(program), argument], capture_output=True, text=True, check=False, env={})
    if result.returncode != 0:
        raise ArtifactError(f"{recipe.name}: {program.name} does not run: {result.stderr.strip()}")
