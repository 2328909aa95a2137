"""Recipes of upstream's test images, from Go modules and Debian packages.

`artifacts.conformance.table` lists the images and names the recipe of each. Every recipe receives the version
of Kubernetes first, because the programs of the images belong to a release of Kubernetes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from artifacts import acquire, debian, gobuild, images, oci
from artifacts.cache import Cache
from artifacts.catalogue import binary, supported_versions
from artifacts.errors import ArtifactError
from artifacts.images import BUSYBOX_CONFIG, busybox_entries
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from artifacts.rootfs import base_entries, debian_entries, with_entries

Content = tuple[Iterable[Entry], Config]
TestRecipe = Callable[[str, str, Cache, Path, Progress], Content]
"""A function of the version of Kubernetes and of the arguments of an `artifacts.images.Recipe`."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OS_RELEASE = (
    b'NAME="Kubewright test image"\nID=kubewright\n'
    b'PRETTY_NAME="Replacement of an image that upstream builds on Alpine Linux"\n'
)
"""A test of image volumes searches for the name of upstream's base image in the file of `kitten`."""
_NGINX_CONFIGURATION = b"""\
user nginx;
worker_processes auto;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    server {
        listen 80;
        listen [::]:80;
        root /usr/share/nginx/html;
        index index.html;
    }
}
"""
_NGINX_PAGE = b"<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head></html>\n"


def agnhost(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return agnhost with the programs that tests run in its container, and its private test registry."""
    source = _kubernetes_source(kubernetes, workspace, cache, progress)
    test_images = source / "test/images/agnhost"
    packages = (
        *("bash", "bind9-dnsutils", "busybox", "curl", "iperf", "iproute2", "netcat-openbsd", "util-linux"),
        "libc-bin",
    )
    program = _program("agnhost", kubernetes, cache, progress)
    entries = with_entries(
        debian_entries(packages, workspace),
        Entry("agnhost", program, 0o755),
        Entry("agnhost-2", link="agnhost"),
        Entry("coredns", _program("coredns", "", cache, progress), 0o755),
        Entry("localhost.crt", (test_images / "porter/localhost.crt").read_bytes()),
        Entry("localhost.key", (test_images / "porter/localhost.key").read_bytes()),
        Entry("uploads", directory=True, mode=0o755),
        Entry("etc/os-release", _OS_RELEASE),
        Entry("usr/bin/nc", link="nc.openbsd"),
        Entry("usr/local/bin/iperf", link="/usr/bin/iperf"),
        *_users("user-defined-in-image", 1000, groups={"group-defined-in-image": 50000}),
        *_private_registry(test_images / "fakeregistryserver/images.txt", cache, progress),
    )
    ports = ("80/tcp", "8080/tcp", "8081/tcp", "9376/tcp", "5000/tcp")
    config = Config(("/agnhost",), ("pause",), environment={"PATH": _PATH}, ports=ports)
    return entries, config


def web_page_of(name: str) -> TestRecipe:
    """Return the recipe of an image that serves the pages of `name` (kitten or nautilus) with agnhost."""

    def recipe(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
        entries, config = agnhost(kubernetes, tag, cache, workspace, progress)
        pages = _kubernetes_source(kubernetes, workspace, cache, progress) / "test/images" / name / "html"
        files = (Entry(page.name, page.read_bytes()) for page in sorted(pages.iterdir()))
        return with_entries(entries, *files), Config(
            config.entrypoint, ("test-webserver",), environment=config.environment, ports=config.ports
        )

    return recipe


def busybox(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return Debian's busybox with `conformance-shell` as /bin/sh."""
    entries, _ = busybox_entries(workspace)
    second = workspace / "bash"
    second.mkdir()
    bash = debian.unpack(("bash-static",), second) / "bin/bash-static"
    shell = _program("conformance-shell", "", cache, progress)
    return with_entries(
        entries, Entry("bin/bash", bash.read_bytes(), 0o755), Entry("bin/sh", shell, 0o755)
    ), BUSYBOX_CONFIG


def nonroot(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return busybox with the default user 1234."""
    return busybox_entries(workspace)[0], Config(
        BUSYBOX_CONFIG.entrypoint, ("sh",), user="1234", environment=BUSYBOX_CONFIG.environment
    )


def nonewprivs(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return the program nnp, which prints its effective user, with the setuid and setgid bits."""
    program = Entry("usr/local/bin/nnp", _program("nnp", kubernetes, cache, progress), 0o6755)
    directories = _directories("usr", "usr/local", "usr/local/bin")
    config = Config(command=("nnp",), environment={"PATH": _PATH})
    return with_entries(busybox_entries(workspace)[0], *directories, program), config


def resource_consumer(
    kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress
) -> Content:
    """Return the server that uses processor time and memory on request."""
    entries = with_entries(
        debian_entries(("busybox", "stress"), workspace),
        Entry("consumer", _program("resource-consumer", kubernetes, cache, progress), 0o755),
        Entry("consume-cpu", directory=True, mode=0o755),
        Entry("consume-cpu/consume-cpu", _program("consume-cpu", kubernetes, cache, progress), 0o755),
    )
    return entries, Config(("/consumer",), environment={"PATH": _PATH}, ports=("8080/tcp",))


def program_only(name: str) -> TestRecipe:
    """Return the recipe of an image with busybox and the program /`name` as its entry point."""

    def recipe(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
        program = Entry(name, _program(name, kubernetes, cache, progress), 0o755)
        config = Config((f"/{name}",), environment=BUSYBOX_CONFIG.environment)
        return with_entries(busybox_entries(workspace)[0], program), config

    return recipe


def apparmor_loader(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return the program that loads AppArmor profiles from a directory, with apparmor_parser."""
    program = Entry("usr/bin/loader", _program("apparmor-loader", kubernetes, cache, progress), 0o755)
    config = Config(("/usr/bin/loader", "-logtostderr", "-v=2"), ("/profiles",), environment={"PATH": _PATH})
    return with_entries(debian_entries(("apparmor", "busybox"), workspace), program), config


def nginx(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return Debian's nginx, which serves one page on port 80."""
    entries = with_entries(
        debian_entries(("busybox", "curl", "nginx"), workspace),
        Entry("etc/nginx/nginx.conf", _NGINX_CONFIGURATION),
        *_directories("usr/share/nginx", "usr/share/nginx/html"),
        Entry("usr/share/nginx/html/index.html", _NGINX_PAGE),
        *_users("nginx", 101),
    )
    config = Config(command=("nginx", "-g", "daemon off;"), environment={"PATH": _PATH}, ports=("80/tcp",))
    return entries, config


def from_packages(*packages: str, command: str = "sh", links: Mapping[str, str] | None = None) -> TestRecipe:
    """Return the recipe of an image that contains Debian packages and busybox.

    `links` maps paths to the targets of symbolic links, which Debian's alternatives would create.
    """

    def recipe(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
        additions = (Entry(path, link=target) for path, target in (links or {}).items())
        entries = with_entries(debian_entries((*packages, "busybox"), workspace), *additions)
        return entries, Config(command=(command,), environment={"PATH": _PATH})

    return recipe


def dns_testing(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return dig, getent and CoreDNS with the C library of Debian."""
    packages = ("bash", "bind9-dnsutils", "busybox", "hostname", "libc-bin")
    server = Entry("coredns", _program("coredns", "", cache, progress), 0o755)
    config = Config(command=("bash",), environment={"PATH": _PATH})
    return with_entries(debian_entries(packages, workspace), server), config


def etcd(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return etcd of the catalogue with the minor version of the tag.

    Raise ArtifactError if the catalogue has no such version.
    """
    minor = ".".join(tag.split(".")[:2])
    version = next((item for item in supported_versions("etcd") if item.startswith(f"{minor}.")), None)
    if version is None:
        known = ", ".join(supported_versions("etcd"))
        raise ArtifactError(f"etcd:{tag}: the catalogue has no etcd {minor}; it has {known}")
    entries = [
        *busybox_entries(workspace)[0],
        *(
            Entry(path, directory=True, mode=0o755)
            for path in ("usr", "usr/local", "usr/local/bin", "var/etcd")
        ),
        *(
            Entry(f"usr/local/bin/{name}", _program(name, version, cache, progress), 0o755)
            for name in ("etcd", "etcdctl", "etcdutl")
        ),
    ]
    config = Config(environment={"PATH": _PATH}, ports=("2379/tcp", "2380/tcp", "4001/tcp", "7001/tcp"))
    return entries, config


def pause(kubernetes: str, tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return the pause program of Kubernetes, which is also the image of pod sandboxes."""
    return images.pause_content(tag, cache, workspace, progress)


def _program(name: str, version: str, cache: Cache, progress: Progress) -> bytes:
    """Return a program of the catalogue; an empty version is the default version."""
    return acquire.fetch_or_build(binary(name, version), cache, progress).read_bytes()


def _kubernetes_source(kubernetes: str, workspace: Path, cache: Cache, progress: Progress) -> Path:
    """Return the directory of the module k8s.io/kubernetes in a version."""
    module = workspace / "kubernetes-module"
    if not module.is_dir():
        shutil.copytree(binary("e2e.test", kubernetes).module, module)
    go = gobuild.go_command(module / "go.mod", cache, progress)
    return gobuild.module_directory("k8s.io/kubernetes", module, go)


def _directories(*paths: str) -> list[Entry]:
    return [Entry(path, directory=True, mode=0o755) for path in paths]


def _users(name: str, uid: int, *, groups: dict[str, int] | None = None) -> tuple[Entry, Entry]:
    """Return /etc/passwd and /etc/group with one more user, who is a member of `groups`."""
    base = {entry.path: entry.content for entry in base_entries()}
    passwd = base["etc/passwd"] + f"{name}:x:{uid}:{uid}::/:/bin/sh\n".encode()
    lines = [f"{name}:x:{uid}:\n", *(f"{group}:x:{gid}:{name}\n" for group, gid in (groups or {}).items())]
    return Entry("etc/passwd", passwd), Entry("etc/group", base["etc/group"] + "".join(lines).encode())


def _private_registry(listed: Path, cache: Cache, progress: Progress) -> list[Entry]:
    """Return the files of agnhost's test registry. `listed` has lines `IMAGE TAG TAG-IN-THE-REGISTRY`."""
    files: dict[str, bytes] = {}
    for line in listed.read_text().splitlines() if listed.is_file() else ():
        if not line.strip() or line.startswith("#"):
            continue
        name, tag, inner_tag = line.split()
        recipes = images.RECIPES
        layout = images.fetch_or_build(f"registry.k8s.io/{name}:{tag}", cache, progress, recipes)
        manifest = oci.manifest_digest(layout)
        base = f"var/registry/{name}"
        files[f"{base}/manifests/{inner_tag}"] = f"{manifest}\n".encode()
        for blob in images.layout_blobs(layout):
            kind = "manifests" if f"sha256:{blob.name}" == manifest else "blobs"
            # Kubernetes 1.35 reads the first path, 1.36 the second.
            files[f"{base}/{kind}/sha256:{blob.name}"] = blob.read_bytes()
            files[f"{base}/{kind}/sha256/{blob.name[:2]}/{blob.name}/data"] = blob.read_bytes()
    parents = {str(parent) for path in files for parent in Path(path).parents} - {".", "var"}
    return [*_directories(*sorted(parents)), *(Entry(path, content) for path, content in files.items())]
