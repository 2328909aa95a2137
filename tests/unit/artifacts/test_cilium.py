"""Tests of the images of Cilium: programs, BPF sources and compiler, scripts of the chart."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import cilium, debian, gobuild
from artifacts.cache import Cache
from artifacts.catalogue import component_named, version_of
from artifacts.errors import ArtifactError
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from testkit.artifact_server import add_artifact
from topology.cilium import VERSION

TAG = f"v{VERSION}"
SOURCES = ("bpf_lxc.c", "include/bpf/api.h", "lib/common.h", "tests/drop.c", "custom/bytecount.c", "Makefile")
SCRIPTS = (
    "images/cilium/init-container.sh",
    "plugins/cilium-cni/install-plugin.sh",
    "plugins/cilium-cni/cni-uninstall.sh",
)


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch, cache: Cache, tmp_path: Path) -> None:
    """Provide programs, the Go module and Debian packages without a build and without the network."""
    for name, _ in component_named("cilium").packages:
        add_artifact(cache, name, VERSION, name.encode(), tmp_path)
    add_artifact(cache, "cni-loopback", version_of("cni-loopback"), b"loopback", tmp_path)
    module = tmp_path / "module"
    for path in (*SCRIPTS, *(f"bpf/{name}" for name in SOURCES)):
        (module / path).parent.mkdir(parents=True, exist_ok=True)
        (module / path).write_text(path)
    monkeypatch.setattr(gobuild, "go_command", lambda *_: "go")
    monkeypatch.setattr(gobuild, "module_directory", lambda *_: module)

    def unpack(packages: tuple[str, ...], directory: Path, **_: object) -> Path:
        is_compiler = packages == ("clang-19",)
        file = directory / "root" / ("usr/lib/llvm-19/bin/clang" if is_compiler else "sbin/iptables-legacy")
        file.parent.mkdir(parents=True)
        file.write_text(file.name)
        return directory / "root"

    monkeypatch.setattr(debian, "unpack", unpack)


@pytest.fixture
def agent(cache: Cache, progress: Progress, tmp_path: Path) -> tuple[dict[str, Entry], Config]:
    (tmp_path / "workspace").mkdir()
    entries, config = cilium.agent_content(TAG, cache, tmp_path / "workspace", progress)
    return {entry.path: entry for entry in entries}, config


def test_agent_has_its_programs_where_the_chart_starts_them(agent: tuple[dict[str, Entry], Config]) -> None:
    files, config = agent
    directories = config.environment["PATH"].split(":")
    for name in ("cilium-agent", "cilium-dbg", "cilium-health", "cilium-health-responder", "hubble"):
        assert files[f"usr/bin/{name}"].content == name.encode()
    assert {"/usr/bin", "/usr/local/bin", "/usr/sbin"} <= set(directories)
    assert files["opt/cni/bin/cilium-cni"].mode == files["cni/loopback"].mode == 0o755
    scripts = [files[name] for name in ("init-container.sh", "install-plugin.sh", "cni-uninstall.sh")]
    assert [(item.content.decode(), item.mode) for item in scripts] == [(path, 0o755) for path in SCRIPTS]
    assert files["usr/bin/sh"].link == "bash", "the first line of a script is #!/bin/sh"


def test_agent_compiles_the_sources_of_its_version(agent: tuple[dict[str, Entry], Config]) -> None:
    files, _ = agent
    base = "var/lib/cilium/bpf/"
    sources = {path.removeprefix(base) for path in files if path.startswith(base) and files[path].content}
    assert sources == {"bpf_lxc.c", "include/bpf/api.h", "lib/common.h"}
    assert files["usr/local/bin/clang"].content == b"clang"
    directories = (base[:-1], f"{base}include/bpf", "usr/local/bin")
    assert all(files[path].directory for path in directories)


def test_agent_writes_rules_of_nf_tables(agent: tuple[dict[str, Entry], Config]) -> None:
    files, _ = agent
    assert files["usr/sbin/iptables"].link == files["usr/sbin/ip6tables-restore"].link == "xtables-nft-multi"
    assert files["usr/sbin/iptables-legacy"].content == b"iptables-legacy"


def test_operator_can_write_its_debugger_files(cache: Cache, progress: Progress, tmp_path: Path) -> None:
    entries, config = cilium.operator_content(TAG, cache, tmp_path, progress)
    files = {entry.path: entry for entry in entries}
    assert files["usr/bin/cilium-operator-generic"].content == b"cilium-operator-generic"
    assert files[config.environment["GOPS_CONFIG_DIR"].removeprefix("/")].mode == 0o777


def test_other_versions_cannot_be_built(cache: Cache, progress: Progress, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"cilium-operator-generic 1\.20\.3: not in the catalogue"):
        cilium.operator_content("v1.20.3", cache, tmp_path, progress)
