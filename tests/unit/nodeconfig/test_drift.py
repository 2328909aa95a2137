"""Tests of drift detection on an emulated host, which reports every difference and changes nothing."""

from __future__ import annotations

import os
import subprocess
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig.bundle import Artifact, Bundle, File, Identity, SecretFile, Service
from nodeconfig.drift import Difference, comparison_script, parse_differences
from nodeconfig.render import payload, script
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

UNIT = "/etc/systemd/system/a.service"
BUNDLE = Bundle(
    role=Role.NODE,
    program=PROGRAM,
    files=(
        File("/etc/a/a.conf", "one\n"),
        File("/etc/sysctl.d/90-kubewright.conf", "net.ipv4.ip_forward = 1\n-not.there = 2\n"),
        File(UNIT, "[Service]\n"),
    ),
    secrets=(SecretFile("/etc/a/token", "token"),),
    artifacts=(),
    services=(Service("a.service", restart_on=("/etc/a/a.conf",), timeout=2),),
    directories=(File("/var/lib/a", "", mode=0o700),),
)


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    host = EmulatedHost(tmp_path, "sh")
    forward = host.path("/proc/sys/net/ipv4/ip_forward")
    forward.parent.mkdir(parents=True)
    forward.write_text("1\n")
    assert host.deliver(BUNDLE).returncode == 0
    return host


def compare(host: EmulatedHost, bundle: Bundle = BUNDLE) -> list[Difference]:
    text = comparison_script(script(bundle, Identity("w-1", "10.9.0.21")))
    result = host.run(text, payload(bundle, {"token": "SECRET-1\n"}))
    assert result.returncode == 0, result.stderr
    assert "SECRET" not in result.stdout + result.stderr
    return parse_differences(result.stdout)


def file_states(host: EmulatedHost) -> dict[str, str]:
    """Return the content and modification time of each file of a host, by path."""
    paths = (path for path in host.root.rglob("*") if not path.is_dir())
    return {str(path): path.read_text() + str(path.stat().st_mtime_ns) for path in paths}


def test_a_host_as_delivered_has_no_drift_and_does_not_change(host: EmulatedHost) -> None:
    before = file_states(host)
    host.calls()
    assert compare(host) == []
    assert file_states(host) == before
    assert {line.split()[0] for line in host.calls()} <= {"show"}


@pytest.fixture
def packet_filter(host: EmulatedHost) -> Path:
    """Return the file whose content is the table in the kernel, as `nft list table` prints it.

    `unshare` prints the table that nft makes of the delivered file.
    """
    loaded = host.fake / "table"
    loaded.write_text("table inet kubewright { }\n")
    for path, text in {
        "/etc/kubewright/firewall.nft": "",
        "/usr/local/lib/kubewright/netfilter/nft": '#!/bin/sh\ncat "$FAKE/table"\n',
    }.items():
        host.path(path).parent.mkdir(parents=True, exist_ok=True)
        host.path(path).write_text(text)
        host.path(path).chmod(0o755)
    host.add_program("unshare", "#!/bin/sh\necho 'table inet kubewright { }'\n")
    return loaded


def test_changed_rules_of_the_packet_filter_are_reported(host: EmulatedHost, packet_filter: Path) -> None:
    assert compare(host) == []
    packet_filter.write_text("table inet kubewright { chain input { } }\n")
    assert compare(host) == [Difference("packet filter", "inet kubewright", "has other rules than its file")]


def test_delivery_loads_changed_rules_of_the_packet_filter_again(
    host: EmulatedHost, packet_filter: Path
) -> None:
    unit = "kubewright-firewall.service"
    service = Service(unit, restart_on=("/etc/a/a.conf",), reload=True, timeout=2)
    bundle = replace(
        BUNDLE, services=(service,), files=(*BUNDLE.files, File(f"/etc/systemd/system/{unit}", "[Service]\n"))
    )
    loaded = packet_filter.read_text()
    packet_filter.write_text("")
    assert host.deliver(bundle).returncode == 0
    assert f"reload {unit}" not in host.calls(), "the first delivery must start the service"
    packet_filter.write_text(loaded)
    assert host.deliver(bundle).returncode == 0
    assert not any("reload" in call and unit in call for call in host.calls())
    packet_filter.write_text("")
    assert host.deliver(bundle).returncode == 0
    assert f"reload {unit}" in host.calls()


def test_every_kind_of_difference_is_reported_and_not_repaired(host: EmulatedHost) -> None:
    host.path("/etc/a/a.conf").write_text("by hand\n")
    host.path("/etc/a/token").unlink()
    host.path("/var/lib/a").rmdir()
    host.path("/proc/sys/net/ipv4/ip_forward").write_text("0\n")
    before = file_states(host)
    differences = {(item.kind, item.subject): item.description for item in compare(host)}
    assert differences.pop(("file", "/etc/a/a.conf")).startswith("has other content")
    assert differences == {
        ("file", "/etc/a/token"): "is missing",
        ("directory", "/var/lib/a"): "is missing",
        ("service", "a.service"): "was started with other files than the host has now",
        ("kernel", "net.ipv4.ip_forward"): "is 0, not 1",
    }
    assert file_states(host) == before


def test_a_stopped_service_is_drift(host: EmulatedHost) -> None:
    (host.fake / "active.a.service").unlink()
    assert [(item.kind, item.subject) for item in compare(host)] == [("service", "a.service")]


def test_a_file_that_changes_a_unit_is_drift(host: EmulatedHost) -> None:
    drop = host.path(f"{UNIT}.d/override.conf")
    drop.parent.mkdir()
    drop.write_text("[Service]\nNice=3\n")
    assert [(item.subject, item.description) for item in compare(host)] == [
        ("a.service", f"is changed by {UNIT}.d/override.conf")
    ]


def test_a_host_without_the_role_reports_that(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    empty = EmulatedHost(other, "sh")
    assert [item.kind for item in compare(empty)] == ["role"]
    assert file_states(empty) == {}


def test_a_file_of_an_earlier_bundle_is_drift(host: EmulatedHost) -> None:
    smaller = replace(BUNDLE, secrets=())
    assert [(item.subject, item.description) for item in compare(host, smaller)] == [
        ("/etc/a/token", "belongs to an earlier configuration")
    ]


def test_a_tampered_binary_is_found_by_its_digest(tmp_path: Path) -> None:
    directory = tmp_path / "h"
    directory.mkdir()
    host = EmulatedHost(directory, "sh")
    content = "#!/bin/sh\n"
    digest = subprocess.run(["sha256sum"], input=content, text=True, capture_output=True).stdout.split()[0]
    # The host already has the program, so that it downloads nothing.
    store = host.path(f"/var/lib/kubewright/artifacts/{digest}/tool")
    store.parent.mkdir(parents=True)
    store.write_text(content)
    bundle = replace(BUNDLE, artifacts=(Artifact("tool", "https://none/tool", digest, "/usr/bin/tool"),))
    result = host.deliver(bundle)
    assert result.returncode == 0, result.stderr
    assert compare(host, bundle) == []
    store.write_text("#!/bin/sh\nevil\n")
    assert [(item.kind, item.subject) for item in compare(host, bundle)] == [("artifact", "/usr/bin/tool")]
    host.path("/usr/bin/tool").unlink()
    os.symlink("/bin/true", host.path("/usr/bin/tool"))
    assert "not the link" in compare(host, bundle)[0].description


@pytest.mark.parametrize("content", ["#!/bin/SH\n", "", None], ids=["same-size", "empty", "missing"])
def test_a_tampered_file_of_an_archive_is_found(tmp_path: Path, content: str | None) -> None:
    # Owners, modes and times may differ. A name with one of these words is no such difference.
    program = tmp_path / "timer"
    program.write_text("#!/bin/sh\n")
    with tarfile.open(tmp_path / "tools.tar", "w") as archive:
        archive.add(program, program.name)
    digest = sha256((tmp_path / "tools.tar").read_bytes()).hexdigest()
    directory = tmp_path / "h"
    directory.mkdir()
    host = EmulatedHost(directory, "sh")
    tools = Artifact("tools", (tmp_path / "tools.tar").as_uri(), digest, "/opt/tools", "*")
    bundle = replace(BUNDLE, artifacts=(tools,))
    assert host.deliver(bundle).returncode == 0
    installed = host.path("/opt/tools/timer")
    installed.chmod(0o755)
    os.utime(installed, (0, 0))
    assert compare(host, bundle) == []
    installed.unlink()
    if content is not None:
        installed.write_text(content)
    assert [(item.kind, item.subject) for item in compare(host, bundle)] == [("artifact", "/opt/tools")]


def test_an_incomplete_comparison_raises_an_error() -> None:
    with pytest.raises(ValueError, match="did not complete"):
        parse_differences("file\t/etc/a\tis missing\n")
    with pytest.raises(ValueError, match="not a delivered script"):
        comparison_script("echo\n")
