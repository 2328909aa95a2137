"""Debian programs as a tar archive that runs in any directory on any Linux host.

The archive contains the programs with their libraries and their dynamic loader. Small sh wrappers start
each program with that loader, so a host needs only a kernel, sh and coreutils.
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
    """The description of one tar archive.

    `programs` maps the name of a wrapper to the program that it starts. `plugins` maps a directory of the
    archive to a file that identifies the source directory in the Debian packages. `libraries` are file
    patterns of libraries that programs open at run time and that no ELF header names. `settings` are lines
    of sh for the wrappers, in which `$here` is the directory of the archive. `argv0` is the name of the
    started program as a word of sh; the default is its own name.
    """

    name: str
    packages: tuple[str, ...]
    programs: Mapping[str, str]
    version_options: Mapping[str, str]
    """The option that prints the version, by the name of the wrapper; the build runs these wrappers."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    settings: str = ""
    argv0: str = ""


def build(recipe: Recipe, workspace: Path, progress: Progress) -> Path:
    """Build the tar archive of the recipe in `workspace` and return its path.

    Raise ArtifactError if a Debian package cannot be fetched or a program of the archive does not run.
    """
    with progress.step(f"make {recipe.name} from Debian's {' and '.join(recipe.packages)}"):
        root = debian.unpack(recipe.packages, workspace, dependencies=True)
        staging = workspace / recipe.name
        _copy_to_staging(recipe, root, staging)
        for program, argument in recipe.version_options.items():
            _check_program(recipe, staging / program, argument)
        target = workspace / f"{recipe.name}.tar"
        pack(staging, target)
    return target


def pack(directory: Path, target: Path) -> None:
    """Create a tar archive of a directory: sorted, owned by root and without time stamps, so it is
    reproducible.

    The archive is not compressed, because hosts may not have gzip.
    """

    def normalize(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = 0
        return info

    with tarfile.open(target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(directory.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(directory)), recursive=False, filter=normalize)


def _copy_to_staging(recipe: Recipe, root: Path, staging: Path) -> None:
    """Copy the programs of a recipe with loader, libraries and plugins from `root` to `staging`; add
    wrappers.
    """
    loader = _find_file(recipe, root, "ld-linux*.so.*")
    programs = {name: _find_file(recipe, root, name) for name in dict.fromkeys(recipe.programs.values())}
    for directory in ("lib", "libexec"):
        (staging / directory).mkdir(parents=True)
    shutil.copy(loader, staging / "lib" / loader.name)
    for name, file in programs.items():
        shutil.copy(file, staging / "libexec" / name)
    objects = list(programs.values())
    for directory, marker in recipe.plugins.items():
        plugins = _find_file(recipe, root, marker).parent
        shutil.copytree(plugins, staging / directory, symlinks=True)
        objects += [path for path in sorted(plugins.glob("*.so")) if not path.is_symlink()]
    runtime_libraries = [_find_file(recipe, root, pattern) for pattern in recipe.libraries]
    for library in dict.fromkeys(
        [*_find_libraries(recipe, root, loader, [*objects, *runtime_libraries]), *runtime_libraries]
    ):
        target = staging / "lib" / library.name
        shutil.copy(library.resolve(), target)
        target.chmod(0o755)
    for name, program in recipe.programs.items():
        _write_wrapper(recipe, staging / name, loader.name, program)


def _write_wrapper(recipe: Recipe, wrapper: Path, loader: str, program: str) -> None:
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


def _find_libraries(recipe: Recipe, root: Path, loader: Path, objects: Sequence[Path]) -> list[Path]:
    """Return the paths of the shared libraries that ELF files need.

    Raise ArtifactError for a library outside `root`.
    """
    directories = sorted({str(path.parent) for path in root.rglob("lib*.so.*")})
    libraries: set[Path] = set()
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
        for name, path in re.findall(r"^\s*(\S+) => (.+?) \(0x", result.stdout, re.MULTILINE):
            if not path.startswith(str(root)):
                raise ArtifactError(
                    f"{recipe.name}: {item.name} needs {name}, which Debian's packages did not bring"
                )
            libraries.add(Path(path))
        if result.returncode != 0 or "not found" in result.stdout:
            raise ArtifactError(
                f"{recipe.name}: libraries of {item.name} are missing: {result.stderr.strip()}"
            )
    return sorted(libraries)


def _find_file(recipe: Recipe, root: Path, pattern: str) -> Path:
    """Return a file below `root` that matches the pattern. Raise ArtifactError if there is none.

    Prefer a program to other files of the same name, such as completions and init scripts.
    """
    matches = [path for path in sorted(root.rglob(pattern)) if path.is_file() and not path.is_symlink()]
    matches = [path for path in matches if path.stat().st_mode & 0o100 or ".so" in path.name] or matches
    programs = [path for path in matches if path.parent.name in ("bin", "sbin")]
    if not matches:
        raise ArtifactError(f"{recipe.name}: Debian's packages hold no {pattern}")
    return (programs or matches)[0]


def _check_program(recipe: Recipe, program: Path, argument: str) -> None:
    """Raise ArtifactError if the program does not run in an empty environment."""
    result = subprocess.run([str(program), argument], capture_output=True, text=True, check=False, env={})
    if result.returncode != 0:
        raise ArtifactError(f"{recipe.name}: {program.name} does not run: {result.stderr.strip()}")
