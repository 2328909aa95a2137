"""Files of images: common files, and Debian packages without their installation."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from artifacts import debian
from artifacts.oci import Entry

_CA_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_MERGED = ("bin", "sbin", "lib", "lib64")
"""Directories that are symbolic links into /usr on Debian. Packages still contain files in these directories.
"""
_OMITTED = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian"),
    *("usr/share/bug", "usr/share/common-licenses", "usr/share/zoneinfo", "var/lib/dpkg", "etc/apt"),
)
"""Directories that no program of an image reads."""
_UNUSED_PACKAGES = frozenset(
    {
        "cdebconf",
        "dpkg",
        "gawk",
        "install-info",
        "libdebian-installer4",
        "libelogind0",
        "mawk",
        "original-awk",
    }
)
"""Packages that only support the installation of others, or that are alternatives of another dependency."""


def base_entries() -> list[Entry]:
    """Return the files that programs expect in an image: /tmp, user database, public CA certificates."""
    users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
    users += "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
    entries = [
        Entry("tmp", directory=True, mode=0o1777),
        Entry("etc", directory=True, mode=0o755),
        Entry("etc/passwd", users.encode()),
        Entry("etc/group", b"root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"),
    ]
    if _CA_CERTIFICATES.is_file():
        entries += [Entry(path, directory=True, mode=0o755) for path in ("etc/ssl", "etc/ssl/certs")]
        entries.append(Entry("etc/ssl/certs/ca-certificates.crt", _CA_CERTIFICATES.read_bytes()))
    return entries


def debian_entries(packages: tuple[str, ...], workspace: Path) -> list[Entry]:
    """Return the files of Debian packages with their dependencies, and the files of `base_entries`.

    Applets of busybox provide the programs that no package provides, if `packages` has `busybox`. Scripts of
    packages do not run, so a recipe adds the links that alternatives would create. Raise ArtifactError if a
    package cannot be fetched.
    """
    root = debian.unpack(packages, workspace, dependencies=True, without=_UNUSED_PACKAGES)
    merge_usr(root)
    if (root / "usr/bin/busybox").is_file():
        _link_applets(root)
    # Without this file, the C library asks DNS before it reads /etc/hosts.
    names = Entry("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
    own = {entry.path: entry for entry in (*base_entries(), names)}
    entries = {entry.path: entry for entry in tree_entries(root)}
    directories = (Entry(name, directory=True, mode=0o755) for name in ("root", "proc", "sys", "dev", "run"))
    return list(({entry.path: entry for entry in directories} | entries | own).values())


def merge_usr(root: Path) -> None:
    """Move the files of /bin, /sbin and /lib* into /usr and replace the directories with links."""
    for name in _MERGED:
        old, new = root / name, root / "usr" / name
        if old.is_symlink():
            continue
        new.mkdir(parents=True, exist_ok=True)
        if old.is_dir():
            shutil.copytree(old, new, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(old)
        old.symlink_to(f"usr/{name}")


def tree_entries(root: Path) -> Iterator[Entry]:
    """Yield the directories, files and symbolic links below `root`. Omit documentation and translations."""
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if any(name == omitted or name.startswith(f"{omitted}/") for omitted in _OMITTED):
            continue
        mode = path.lstat().st_mode & 0o7777
        if path.is_symlink():
            yield Entry(name, link=str(path.readlink()))
        elif path.is_dir():
            yield Entry(name, directory=True, mode=mode)
        elif path.is_file():
            yield Entry(name, path.read_bytes(), mode)


def with_entries(entries: Iterable[Entry], *additions: Entry) -> list[Entry]:
    """Return the entries with the additions, which replace entries with the same path."""
    return list({entry.path: entry for entry in (*entries, *additions)}.values())


def parents_of(entries: Iterable[Entry]) -> list[Entry]:
    """Return the directories that contain these entries, without the root directory."""
    paths = {str(parent) for entry in entries for parent in PurePosixPath(entry.path).parents} - {"."}
    return [Entry(path, directory=True, mode=0o755) for path in sorted(paths)]


def _link_applets(root: Path) -> None:
    """Create a link to busybox for each of its applets that is not yet a program in the root."""
    command = [str(root / "usr/bin/busybox"), "--list"]
    applets = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    present = {path.name for directory in ("bin", "sbin") for path in (root / "usr" / directory).iterdir()}
    for applet in [name for name in applets if name not in present or name == "sh"]:
        link = root / "usr/bin" / applet
        link.unlink(missing_ok=True)
        link.symlink_to("busybox")
