"""Container images as OCI layouts: pulled from the upstream registry, or built with the same content."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from artifacts import acquire, cilium, debian, fetch, gobuild, oci
from artifacts.add_ons import CERT_MANAGER_PROGRAMS
from artifacts.cache import Cache
from artifacts.catalogue import architecture, binary
from artifacts.errors import ArtifactError, Unavailable
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from artifacts.rootfs import base_entries, parents_of

_REGISTRY_HOSTS = {"docker.io": "registry-1.docker.io"}
_COMPLETION_MARKER = "complete.json"


def split_reference(reference: str) -> tuple[str, str, str]:
    """Return the registry, path and tag of the full name of an image."""
    name, _, tag = reference.rpartition(":")
    registry, _, path = name.partition("/")
    return registry, path, tag


def registry_host(registry: str) -> str:
    """Return the host that serves the images of a registry."""
    return _REGISTRY_HOSTS.get(registry, registry)


def layout_directory(reference: str) -> Path:
    """Return the path of the OCI layout of an image, relative to the directory `images` of a cache or
    mirror.
    """
    registry, path, tag = split_reference(reference)
    return Path(registry, path, tag)


def fetch_or_build(
    reference: str, cache: Cache, progress: Progress, recipes: Mapping[str, Recipe] | None = None
) -> Path:
    """Return the path in the cache of the OCI layout of an image; pull or build the image if it is missing.

    `recipes` are the recipes by the name of the image without registry and tag; the default is `RECIPES`.
    Raise ArtifactError if the image can neither be pulled nor built.
    """
    _, path, _ = split_reference(reference)
    recipe = (RECIPES if recipes is None else recipes).get(path)
    layout = cache.root / "images" / layout_directory(reference)
    if is_complete(layout):
        return layout
    with cache.lock(f"image-{reference}"):
        if is_complete(layout):
            return layout
        with cache.workspace() as workspace:
            new_layout = workspace / "layout"
            new_layout.mkdir()
            _create_layout(reference, recipe, new_layout, cache, workspace, progress)
            # written last, so a layout with this file is complete
            (new_layout / _COMPLETION_MARKER).write_text(json.dumps({"reference": reference}))
            shutil.rmtree(layout, ignore_errors=True)
            layout.parent.mkdir(parents=True, exist_ok=True)
            new_layout.rename(layout)
    return layout


def is_complete(layout: Path) -> bool:
    """Check whether the OCI layout of an image was written completely."""
    return (layout / _COMPLETION_MARKER).is_file()


def layout_blobs(layout: Path) -> list[Path]:
    """Return the paths of all blobs of an OCI layout."""
    return sorted((layout / "blobs" / "sha256").iterdir())


def _create_layout(
    reference: str, recipe: Recipe | None, layout: Path, cache: Cache, workspace: Path, progress: Progress
) -> None:
    registry, _, tag = split_reference(reference)
    if fetch.reachable(*fetch.host_and_port(f"https://{registry_host(registry)}")):
        try:
            _pull_image(reference, layout, cache, progress)
        except Unavailable as error:
            if recipe is None:
                raise
            progress.note(f"{error}; making the image instead")
            shutil.rmtree(layout)
            layout.mkdir()
        else:
            return
    if recipe is None:
        raise ArtifactError(
            f"{reference}: {registry} does not answer and there is no recipe to make the image"
        )
    with progress.step(f"make image {reference}"):
        entries, config = recipe(tag, cache, workspace, progress)
        oci.write_layout(layout, reference, architecture()["arch"], entries, config)


def _pull_image(reference: str, layout: Path, cache: Cache, progress: Progress) -> None:
    crane = acquire.provide_tool("crane", cache, progress)
    # The digest of an image for several platforms is that of its index, so the whole index is needed.
    platform = [] if "@" in reference else [f"--platform=linux/{architecture()['arch']}"]
    with progress.step(f"pull {reference}"):
        command = [str(crane), "pull", "--format=oci", *platform, reference, str(layout)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        detail = (result.stderr.strip().splitlines() or ["crane failed"])[-1]
        raise Unavailable(f"{reference}: could not be pulled: {detail}")


Recipe = Callable[[str, Cache, Path, Progress], tuple[Iterable[Entry], Config]]
"""A function that returns the files and the configuration of an image with a tag; it works in a directory."""


def _coredns_content(
    tag: str, cache: Cache, workspace: Path, progress: Progress
) -> tuple[Iterable[Entry], Config]:
    # Like upstream: the file capability lets user nonroot listen on port 53 when the pod adds
    # NET_BIND_SERVICE to its bounding set, as upstream's manifest does.
    program = acquire.fetch_or_build(binary("coredns", tag.removeprefix("v")), cache, progress)
    server = Entry("coredns", program.read_bytes(), 0o755, capability=oci.NET_BIND_SERVICE)
    config = Config(entrypoint=("/coredns",), user="65532:65532", ports=("53/tcp", "53/udp"))
    return [*base_entries(), server], config


def _program_content(
    artifact: str, config: Config, tag: str, cache: Cache, workspace: Path, progress: Progress
) -> tuple[Iterable[Entry], Config]:
    """Return the content of an image with a single program, the entry point or the command of `config`."""
    program = acquire.fetch_or_build(binary(artifact, tag.removeprefix("v")), cache, progress)
    entry = Entry((config.entrypoint or config.command)[0].removeprefix("/"), program.read_bytes(), 0o755)
    return [*base_entries(), *parents_of([entry]), entry], config


def pause_content(
    tag: str, cache: Cache, workspace: Path, progress: Progress
) -> tuple[Iterable[Entry], Config]:
    """Compile upstream's pause program with gcc. Raise ArtifactError if gcc is missing or fails."""
    if shutil.which("gcc") is None:
        raise ArtifactError("pause: compiling it needs gcc; run: apt-get install gcc libc6-dev")
    files = binary("kubelet").module
    module = gobuild.module_source("k8s.io/kubernetes", files, workspace, cache, progress)
    source = module / "build/pause/linux/pause.c"
    target = workspace / "pause"
    flags = ["-Os", "-Wall", "-Werror", "-static", "-s", f"-DVERSION=v{tag}", "-Wl,--build-id=none"]
    command = ["gcc", *flags, "-o", str(target), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        detail = (result.stderr.strip().splitlines() or ["gcc failed"])[-1]
        raise ArtifactError(f"pause: gcc failed: {detail} (is libc6-dev installed?)")
    return [Entry("pause", target.read_bytes(), 0o755)], Config(entrypoint=("/pause",), user="65535:65535")


def _busybox_content(
    tag: str, cache: Cache, workspace: Path, progress: Progress
) -> tuple[Iterable[Entry], Config]:
    entries, version = busybox_entries(workspace)
    if f"v{tag}." not in version:
        raise ArtifactError(f"busybox {tag}: this Debian has another one ({version.split(' (')[0]})")
    return entries, BUSYBOX_CONFIG


BUSYBOX_CONFIG = Config(command=("sh",), environment={"PATH": "/bin:/sbin:/usr/bin:/usr/sbin"})
"""The configuration of images that contain Debian's busybox."""


def busybox_entries(workspace: Path) -> tuple[list[Entry], str]:
    """Return the files of an image with Debian's static busybox, and the line with its version."""
    root = debian.unpack(("busybox-static",), workspace)
    program = next(path for path in root.rglob("busybox") if path.is_file() and path.parent.name == "bin")
    applets = subprocess.run(
        [str(program), "--list"], capture_output=True, text=True, check=True
    ).stdout.split()
    links = [Entry(f"bin/{name}", link="/bin/busybox") for name in applets if name != "busybox"]
    entries = [
        *base_entries(),
        Entry("bin", directory=True, mode=0o755),
        Entry("bin/busybox", program.read_bytes(), 0o755),
        *links,
        *(Entry(name, directory=True, mode=0o755) for name in ("root", "home", "var", "dev", "proc", "sys")),
    ]
    return entries, _first_line([str(program)])


def _first_line(command: list[str]) -> str:
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return (output.splitlines() or [""])[0]


def _registry_content(
    tag: str, cache: Cache, workspace: Path, progress: Progress
) -> tuple[Iterable[Entry], Config]:
    """Return the content of the image of distribution: like upstream's, the program and a shell."""
    program = acquire.fetch_or_build(binary("registry", tag), cache, progress)
    entries, _ = busybox_entries(workspace)
    config = Config(
        entrypoint=("/bin/registry",),
        command=("serve", "/etc/distribution/config.yml"),
        environment={**BUSYBOX_CONFIG.environment, "OTEL_TRACES_EXPORTER": "none"},
        ports=("5000/tcp",),
    )
    return [*entries, Entry("bin/registry", program.read_bytes(), 0o755)], config


RECIPES: dict[str, Recipe] = {
    "pause": pause_content,
    "coredns/coredns": _coredns_content,
    "metrics-server/metrics-server": partial(
        _program_content, "metrics-server", Config(entrypoint=("/metrics-server",), user="65534")
    ),
    **{
        f"jetstack/cert-manager-{name}": partial(
            _program_content,
            f"cert-manager-{name}",
            Config(entrypoint=(f"/app/cmd/{name}/{name}",), user="1000"),
        )
        for name in CERT_MANAGER_PROGRAMS
    },
    "external-dns/external-dns": partial(
        _program_content, "external-dns", Config(entrypoint=("/ko-app/external-dns",))
    ),
    "kedacore/keda": partial(
        _program_content, "keda-operator", Config(entrypoint=("/keda",), user="65532:65532")
    ),
    **{
        f"kedacore/keda-{name}": partial(
            _program_content, f"keda-{name}", Config(entrypoint=(f"/keda-{path}",), user="65532:65532")
        )
        for name, path in (("metrics-apiserver", "adapter"), ("admission-webhooks", "admission-webhooks"))
    },
    "library/registry": _registry_content,
    "kubectl": partial(_program_content, "kubectl", Config(entrypoint=("/bin/kubectl",))),
    "rancher/local-path-provisioner": partial(
        _program_content, "local-path-provisioner", Config(command=("/usr/bin/local-path-provisioner",))
    ),
    "sig-storage/snapshot-controller": partial(
        _program_content, "snapshot-controller", Config(entrypoint=("/snapshot-controller",))
    ),
    "metallb/controller": partial(
        _program_content, "metallb-controller", Config(entrypoint=("/controller",))
    ),
    "metallb/speaker": partial(_program_content, "metallb-speaker", Config(entrypoint=("/speaker",))),
    "otel/opentelemetry-collector-contrib": partial(
        _program_content,
        "otelcol-contrib",
        Config(entrypoint=("/otelcol-contrib",), user="10001:10001"),
    ),
    "grafana/loki": partial(
        _program_content,
        "loki",
        Config(entrypoint=("/usr/bin/loki",), user="10001", ports=("3100/tcp",)),
    ),
    **{
        f"prometheus/{name}": partial(
            _program_content, name, Config(entrypoint=(f"/bin/{name}",), user="65534")
        )
        for name in ("prometheus", "alertmanager")
    },
    "library/busybox": _busybox_content,
    "cilium/cilium": cilium.agent_content,
    "cilium/operator-generic": cilium.operator_content,
    "library/traefik": partial(
        _program_content, "traefik", Config(entrypoint=("/traefik",), ports=("80/tcp",))
    ),
}
