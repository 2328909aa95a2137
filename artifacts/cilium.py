"""Images of Cilium: the agent, which compiles its BPF programs on nodes, and the operator.

Programs and BPF sources come from Cilium's Go module, and the compiler from Debian. The images have what the
chart and the agent use: they lack Envoy, whose sources are in no Go module, and the tools of upstream's image
for the debugging of clusters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from artifacts import acquire, debian, gobuild
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from artifacts.rootfs import base_entries, debian_entries, parents_of, with_entries

_MODULE = "github.com/cilium/cilium"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_AGENT_PROGRAMS = ("cilium-agent", "cilium-dbg", "cilium-health", "cilium-health-responder", "hubble")
_OPERATOR = "cilium-operator-generic"
_PACKAGES = (
    # The scripts of the image and of the chart
    *("bash", "coreutils", "findutils", "grep"),
    # The rules of the agent, which runs without kube-proxy's replacement too
    *("iptables", "ipset"),
    # The libraries of clang
    "libclang-cpp19",
    # For administrators
    "iproute2",
)
_COMPILER = "clang-19"
"""The package of clang. Its dependencies include the headers of C and C++, which BPF programs do not use."""
_SCRIPTS = {
    "init-container.sh": "images/cilium/init-container.sh",
    "install-plugin.sh": "plugins/cilium-cni/install-plugin.sh",
    "cni-uninstall.sh": "plugins/cilium-cni/cni-uninstall.sh",
}
_UNUSED_SOURCES = frozenset({"tests", "complexity-tests", "custom", "Makefile", "Makefile.bpf"})
"""Files in `bpf` that upstream does not install."""

Content = tuple[Iterable[Entry], Config]


def agent_content(tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return the image of the agent."""
    version = tag.removeprefix("v")
    programs = {f"usr/bin/{name}": name for name in _AGENT_PROGRAMS}
    programs["opt/cni/bin/cilium-cni"] = "cilium-cni"
    files = [Entry(path, _program(name, version, cache, progress), 0o755) for path, name in programs.items()]
    files.append(Entry("cni/loopback", _program("cni-loopback", "", cache, progress), 0o755))
    source = _source(version, workspace, cache, progress)
    files += [Entry(path, (source / script).read_bytes(), 0o755) for path, script in _SCRIPTS.items()]
    files.append(Entry("usr/local/bin/clang", _compiler(workspace), 0o755))
    files += _bpf_sources(source / "bpf")
    entries = with_entries(
        debian_entries(_PACKAGES, workspace),
        *parents_of(files),
        *files,
        Entry("usr/bin/cilium", link="cilium-dbg"),
        Entry("var/run", link="/run"),
        # No dependency provides it: `dash` is an essential package of Debian.
        Entry("usr/bin/sh", link="bash"),
        *_iptables_links(),
    )
    environment = {"PATH": _PATH, "HUBBLE_SERVER": "unix:///var/run/cilium/hubble.sock"}
    return entries, Config(command=("/usr/bin/cilium-dbg",), environment=environment)


def operator_content(tag: str, cache: Cache, workspace: Path, progress: Progress) -> Content:
    """Return the image of the operator. It writes files for the debugger gops in a directory of any user."""
    program = Entry(
        f"usr/bin/{_OPERATOR}", _program(_OPERATOR, tag.removeprefix("v"), cache, progress), 0o755
    )
    directories = (Entry("home", directory=True, mode=0o755), Entry("home/gops", directory=True, mode=0o777))
    environment = {"PATH": _PATH, "GOPS_CONFIG_DIR": "/home/gops"}
    return (
        [*base_entries(), *parents_of([program]), program, *directories],
        Config(command=(f"/usr/bin/{_OPERATOR}",), environment=environment),
    )


def _program(name: str, version: str, cache: Cache, progress: Progress) -> bytes:
    return acquire.fetch_or_build(binary(name, version), cache, progress).read_bytes()


def _source(version: str, workspace: Path, cache: Cache, progress: Progress) -> Path:
    """Return the directory of the Go module."""
    files = binary("cilium-agent", version).module
    return gobuild.module_source(_MODULE, files, workspace, cache, progress)


def _bpf_sources(directory: Path) -> Iterator[Entry]:
    """Yield the sources that the agent compiles. It writes headers with the features of the kernel there."""
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if path.is_file() and name.parts[0] not in _UNUSED_SOURCES:
            yield Entry(f"var/lib/cilium/bpf/{name}", path.read_bytes())


def _compiler(workspace: Path) -> bytes:
    directory = workspace / "compiler"
    directory.mkdir()
    root = debian.unpack((_COMPILER,), directory)
    return (root / "usr/lib/llvm-19/bin/clang").read_bytes()


def _iptables_links() -> Iterator[Entry]:
    """Yield the links that Debian's alternatives would create. The kernel has the rules of kube-proxy and of
    the packet filter in nf_tables too.
    """
    for family in ("iptables", "ip6tables"):
        for action in ("", "-save", "-restore"):
            yield Entry(f"usr/sbin/{family}{action}", link="xtables-nft-multi")
