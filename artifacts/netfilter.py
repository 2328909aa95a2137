"""The `netfilter` artifact: Debian's nft and iptables as a tar that runs on any Linux host.

It brings its own libraries, dynamic loader and xtables extensions; small sh wrappers start the
programs by that loader, so nothing of the host but a kernel, sh and coreutils is needed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from artifacts import debian
from artifacts.errors import ArtifactError
from artifacts.progress import Progress

PACKAGES = ("nftables", "iptables")
_MULTI = "xtables-nft-multi"
_IPTABLES = tuple(
    f"{family}{suffix}" for family in ("iptables", "ip6tables") for suffix in ("", "-save", "-restore")
)
PROGRAMS = {"nft": "nft"} | dict.fromkeys(_IPTABLES, _MULTI)
"""Wrapper to the program that it starts; xtables-nft-multi looks at the name it is started by."""

_WRAPPER = """\
#!/bin/sh
# {name} by its own loader and libraries, wherever this directory lies.
here=$(readlink -f "$0")
here=${{here%/*}}
export XTABLES_LIBDIR="$here/xtables"
exec "$here/lib/{loader}" --library-path "$here/lib" --argv0 {name} "$here/libexec/{program}" "$@"
"""


def build(workspace: Path, progress: Progress) -> Path:
    """Make the tar in `workspace`. Raises ArtifactError."""
    with progress.step("make netfilter from Debian's nftables and iptables"):
        root = debian.unpack(PACKAGES, workspace, dependencies=True)
        staging = workspace / "netfilter"
        _stage(root, staging)
        for program in ("nft", "iptables"):
            _check(staging / program)
        target = workspace / "netfilter.tar"
        pack(staging, target)
    return target


def pack(directory: Path, target: Path) -> None:
    """A tar of a directory's content: sorted, root-owned, without times, so always the same bytes.

    Not compressed, since hosts need not have gzip.
    """

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = 0
        return info

    with tarfile.open(target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(directory.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(directory)), recursive=False, filter=plain)


def _stage(root: Path, staging: Path) -> None:
    loader = _one(root, "ld-linux*.so.*")
    extensions = _one(root, "libxt_conntrack.so").parent
    programs = [_one(root, "nft"), _one(root, _MULTI)]
    for directory in ("lib", "libexec"):
        (staging / directory).mkdir(parents=True)
    shutil.copytree(extensions, staging / "xtables", symlinks=True)
    shutil.copy(loader, staging / "lib" / loader.name)
    for file in programs:
        shutil.copy(file, staging / "libexec" / file.name)
    plugins = [path for path in sorted(extensions.glob("*.so")) if not path.is_symlink()]
    for library in _libraries(root, loader, [*programs, *plugins]):
        target = staging / "lib" / library.name
        shutil.copy(library.resolve(), target)
        target.chmod(0o755)
    for name, program in PROGRAMS.items():
        wrapper = staging / name
        wrapper.write_text(_WRAPPER.format(name=name, loader=loader.name, program=program))
        wrapper.chmod(0o755)


def _libraries(root: Path, loader: Path, objects: list[Path]) -> list[Path]:
    """The shared libraries that these objects need, all of them found below `root`."""
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
                    f"netfilter: {item.name} needs {name}, which Debian's packages did not bring"
                )
            found.add(Path(where))
        if result.returncode != 0 or "not found" in result.stdout:
            raise ArtifactError(f"netfilter: libraries of {item.name} are missing: {result.stderr.strip()}")
    return sorted(found)


def _one(root: Path, pattern: str) -> Path:
    matches = [path for path in sorted(root.rglob(pattern)) if path.is_file() and not path.is_symlink()]
    if not matches:
        raise ArtifactError(f"netfilter: Debian's packages hold no {pattern}")
    return matches[0]


def _check(program: Path) -> None:
    result = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False, env={})
    if result.returncode != 0:
        raise ArtifactError(f"netfilter: {program.name} does not run: {result.stderr.strip()}")
