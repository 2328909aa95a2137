"""The mirror for kubeadm: Kubewright's mirror with kubeadm and with container images of the control plane.

The images contain the same binaries that Kubewright runs as services.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from artifacts import acquire, catalogue, images, mirror
from artifacts.cache import Cache, write_atomic
from artifacts.catalogue import binary
from artifacts.oci import Config, Entry
from artifacts.progress import Progress

PAUSE = "3.10.2"
"""The image tag of the pause container that kubeadm 1.36.3 uses."""
_PROGRAM_DIRECTORY = "usr/local/bin"
_TOOLS_DIRECTORY = "usr/local/netfilter"
_PATH = "/usr/local/bin:/usr/local/netfilter:/usr/sbin:/usr/bin:/sbin:/bin"


def image_references() -> dict[str, str]:
    """Return the image references that kubeadm uses, by program name."""
    versions = catalogue.DEFAULTS
    kubernetes = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    references = {name: f"registry.k8s.io/{name}:v{versions.kubernetes}" for name in kubernetes}
    references["etcd"] = f"registry.k8s.io/etcd:{versions.etcd}"
    references["pause"] = f"registry.k8s.io/pause:{PAUSE}"
    return references


def build_kubeadm_mirror(directory: Path) -> Path:
    """Create or complete the mirror for kubeadm and return its directory. Raise ArtifactError."""
    cache, progress = Cache.default(), Progress()
    programs = {name: partial(_program_image, name) for name in image_references() if name != "pause"}
    images.RECIPES.update(programs)
    mirror.build(directory, progress=progress, cache=cache)
    index = mirror.read_index(directory)
    kubeadm = binary("kubeadm")
    index["files"][kubeadm.key] = mirror.add_file(kubeadm, directory, cache, progress)
    for reference in image_references().values():
        index["images"][reference] = mirror.add_image(reference, directory, cache, progress)
    write_atomic(directory / mirror.INDEX, json.dumps(index, indent=1, sort_keys=True) + "\n")
    return directory


def build_kubewright_mirror(directory: Path) -> Path:
    """Create or complete Kubewright's mirror as `kubewright up` would. Raise ArtifactError."""
    return mirror.build(directory, progress=Progress())


def _program_image(
    name: str, tag: str, cache: Cache, workspace: Path, progress: Progress
) -> tuple[Iterable[Entry], Config]:
    """Return a container image with one program. The image of kube-proxy also has a shell and the tools
    that kube-proxy calls.
    """
    config = Config(entrypoint=(f"/{_PROGRAM_DIRECTORY}/{name}",), environment={"PATH": _PATH})
    program = acquire.fetch_or_build(binary(name), cache, progress)
    entries = [Entry(f"{_PROGRAM_DIRECTORY}/{name}", program.read_bytes(), 0o755)]
    if name != "kube-proxy":
        return [*_directories("tmp", "usr", "usr/local", _PROGRAM_DIRECTORY), *entries], config
    busybox, _ = images.RECIPES["library/busybox"]("1.35", cache, workspace, progress)
    tools = acquire.fetch_or_build(binary("netfilter"), cache, progress)
    return [
        *busybox,
        *_directories("usr", "usr/local", _PROGRAM_DIRECTORY, _TOOLS_DIRECTORY),
        *_tool_entries(tools),
        *entries,
    ], config


def _directories(*paths: str) -> list[Entry]:
    return [Entry(path, directory=True, mode=0o755) for path in paths]


def _tool_entries(archive: Path) -> Iterable[Entry]:
    """Return the members of a tar archive as image entries below the tools directory of the image."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = f"{_TOOLS_DIRECTORY}/{member.name}"
            file = tar.extractfile(member) if member.isreg() else None
            content = file.read() if file else b""
            link = member.linkname if member.issym() else ""
            yield Entry(path, content, member.mode, link=link, directory=member.isdir())
