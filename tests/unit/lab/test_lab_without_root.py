"""Tests of the lab that do not need the user root: parsing, certificates, keys, file server, errors,
table.
"""

import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lab import authority, cgroups, doctor, fileserver, keys, lifecycle, network, root
from lab.commands import run, wait
from lab.errors import LabError
from lab.paths import LabPaths
from lab.spec import LabSpec
from lab.status import HostStatus, table

MOUNTS = """\
30 1 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
31 1 0:27 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
32 1 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpu,cpuacct
33 1 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
34 1 0:30 / /proc rw - proc proc rw
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabSpec:
    """Return the spec of a lab with two hosts, whose state is in a temporary directory."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path / "cache"))
    hosts = ({"name": "cp-1", "address": "10.9.0.11"}, {"name": "w-1", "address": "10.9.0.21"})
    return LabSpec.model_validate({"name": "unit", "network": "10.9.0.0/24", "hosts": hosts})


def test_hierarchies_of_both_versions_are_parsed() -> None:
    hierarchies = {str(item.mount): item for item in cgroups.parse_mounts(MOUNTS)}
    assert hierarchies["/sys/fs/cgroup/memory"].controllers == {"memory"}
    assert hierarchies["/sys/fs/cgroup/cpu,cpuacct"].controllers >= {"cpu", "cpuacct"}
    assert "name=systemd" not in hierarchies["/sys/fs/cgroup/systemd"].controllers
    assert hierarchies["/sys/fs/cgroup/unified"].version == 2
    assert "/proc" not in hierarchies


def test_group_of_version_2_is_parsed_among_those_of_version_1() -> None:
    both = "4:memory:/kubewright/one/a\n0::/kubewright/one/a/payload/init.scope\n"
    assert cgroups.parse_group(both) == "kubewright/one/a/payload/init.scope"
    assert cgroups.parse_group("4:memory:/\n") == ""


def test_process_is_listed_until_it_ends() -> None:
    child = subprocess.Popen(["sleep", "600"])
    process = cgroups.read_process(child.pid)
    assert process is not None
    assert process.nested_ids == ()
    child.kill()
    assert wait(lambda: cgroups.read_process(child.pid) is None, timeout=5)
    child.wait()


def test_keys_are_private_stable_and_follow_the_hosts(lab: LabSpec) -> None:
    keys.ensure(lab)
    paths = LabPaths.of("unit")
    first = paths.known_hosts.read_text()
    assert [line.split()[0] for line in first.splitlines()] == ["10.9.0.11", "10.9.0.21"]
    assert paths.user_key.stat().st_mode & 0o077 == 0
    assert paths.host_key("cp-1").stat().st_mode & 0o077 == 0
    keys.ensure(lab)
    assert paths.known_hosts.read_text() == first
    keys.ensure(lab.model_copy(update={"hosts": lab.hosts[:1]}))
    assert paths.known_hosts.read_text() == first.splitlines(keepends=True)[0]
    assert not paths.host_key("w-1").exists()


@pytest.fixture
def server(lab: LabSpec, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a running file server of a mirror, with a certificate of the lab CA."""
    authority.ensure(lab)
    paths = LabPaths.of(lab.name)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "index.json").write_text("{}\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths.gateway_certificate, paths.gateway_key)
    running = fileserver.Server(("127.0.0.1", 0), partial(fileserver.Files, directory=str(mirror)))
    running.socket = context.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def fetch(url: str, ca: Path | None) -> bytes:
    """Return the content at a URL. `ca` is the file of the trusted CA."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    with urllib.request.urlopen(url, context=context, timeout=5) as answer:
        content = answer.read()
        assert isinstance(content, bytes)
        return content


def test_clients_with_the_authority_can_fetch_files(server: str) -> None:
    ca = LabPaths.of("unit").ca
    assert fetch(f"{server}/index.json", ca) == b"{}\n"
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(f"{server}/index.json", None)


@pytest.mark.parametrize("path", ["/", "/none", "/../ca.key", "/%2e%2e/state/labs/unit/ca.key"])
def test_only_files_of_the_mirror_are_served(server: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(server + path, LabPaths.of("unit").ca)


def test_certificates_are_stable_and_keys_private(lab: LabSpec) -> None:
    authority.ensure(lab)
    paths = LabPaths.of("unit")
    before = (paths.ca.read_bytes(), paths.gateway_certificate.read_bytes())
    authority.ensure(lab)
    assert (paths.ca.read_bytes(), paths.gateway_certificate.read_bytes()) == before
    assert paths.ca_key.stat().st_mode & 0o077 == 0
    assert paths.gateway_key.stat().st_mode & 0o077 == 0


def test_user_without_root_is_refused(lab: LabSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for operation in (
        partial(lifecycle.up, lab),
        partial(lifecycle.down, "unit"),
        partial(lifecycle.start, "unit", "w-1"),
    ):
        with pytest.raises(LabError, match=r"not root.*sudo"):
            operation()


def test_other_operating_systems_are_refused(lab: LabSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(LabError, match=r"darwin.*needs Linux"):
        lifecycle.up(lab)


def test_error_names_missing_programs_and_packages(lab: LabSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(LabError, match=r"systemd-nspawn.*mmdebstrap.*apt-get install.*systemd-container"):
        lifecycle.up(lab)


def test_address_range_in_use_is_refused(monkeypatch: pytest.MonkeyPatch, lab: LabSpec) -> None:
    routes = '[{"dst": "default", "dev": "eth0"}, {"dst": "10.9.0.0/16", "dev": "vpn0"}]'
    monkeypatch.setattr(network, "run", lambda *_, **__: routes)
    monkeypatch.setattr(network, "links", lambda: {"eth0", "vpn0"})
    assert network.conflicting_route(lab.network, ignored_link="kw0") == "10.9.0.0/16 by vpn0"
    assert network.conflicting_route(lab.network, ignored_link="vpn0") == ""


def test_routes_of_a_link_that_the_kernel_deletes_are_ignored(
    monkeypatch: pytest.MonkeyPatch, lab: LabSpec
) -> None:
    monkeypatch.setattr(network, "run", lambda *_, **__: '[{"dst": "10.9.0.0/16", "dev": "if212"}]')
    monkeypatch.setattr(network, "links", lambda: {"eth0"})
    assert network.conflicting_route(lab.network, ignored_link="kw0") == ""


def test_unknown_lab_is_an_error(lab: LabSpec) -> None:
    with pytest.raises(LabError, match="no lab of that name"):
        lifecycle.load(lab.name)


def test_cache_key_of_the_root_depends_on_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = root.cache_key("bookworm")
    assert before == root.cache_key("bookworm") != root.cache_key("trixie")
    monkeypatch.setitem(root.FILES, "/etc/new", "new\n")
    assert root.cache_key("bookworm") != before


def test_customizing_a_root_is_idempotent(tmp_path: Path) -> None:
    for directory in ("etc/ssh", "etc/systemd/system", "etc/apt/sources.list.d"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "etc/ssh/ssh_host_rsa_key").write_text("of the builder")
    (tmp_path / "etc/machine-id").write_text("of the builder")
    root.customize(tmp_path)
    root.customize(tmp_path)
    assert not (tmp_path / "etc/ssh/ssh_host_rsa_key").exists()
    assert (tmp_path / "etc/machine-id").read_text() == ""
    assert (tmp_path / "etc/systemd/system/systemd-timesyncd.service").readlink() == Path("/dev/null")


def test_file_system_of_a_path() -> None:
    assert doctor.filesystem_type(Path("/proc/self")) == "proc"


def test_error_of_a_command_is_one_line() -> None:
    with pytest.raises(LabError, match=r"^w-1: sh: second$"):
        run(["sh", "-c", "echo first >&2; echo second >&2; exit 1"], what="w-1")
    with pytest.raises(LabError, match=r"^w-1: no-such-program is not installed"):
        run(["no-such-program"], what="w-1")
    begin = time.monotonic()
    with pytest.raises(LabError, match=r"did not end within 0.1 s"):
        run(["sleep", "600"], what="w-1", timeout=0.1)
    assert time.monotonic() - begin < 120


def test_table_columns_are_aligned() -> None:
    rows = [
        HostStatus("dev", "cp-1", "10.9.0.11", "running", 100 << 20, 2 << 30, 12),
        HostStatus("dev", "w-1", "10.9.0.21", "stopped", memory_limit=1 << 30),
    ]
    assert table(rows) == (
        "LAB  HOST  ADDRESS    STATE    MEMORY        PROCESSES\n"
        "dev  cp-1  10.9.0.11  running  100/2048 MiB  12\n"
        "dev  w-1   10.9.0.21  stopped  -/1024 MiB    0\n"
    )
    assert table([]) == "no labs here\n"
