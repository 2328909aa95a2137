"""Tests of the program that registers bootstrap tokens of machines, with a fake boot program and kubectl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nodeconfig import bundles
from nodeconfig.machine_tokens import PROGRAM, SERVICE
from testkit.bundles import FakeIndex, cluster
from testkit.clouds import cloud
from topology.identities import machine_owner
from topology.model import Role

SOURCE = Path(__file__).resolve().parents[3] / "nodeconfig/host/machine-tokens.sh"
TOKEN = "abc123.0123456789abcdef"
BOOT = """\
[ "$1" = call ] || exit 1
case $2 in
cloud_new_machines) [ ! -e "$FAKE/silent" ] && [ "$3" = dev ] && cat "$FAKE/machines" ;;
cloud_token) cat "$FAKE/tokens/$3" ;;
esac
"""
ENDLESS = """\
case $2 in
cloud_new_machines) cat "$FAKE/machines" ;;
cloud_token) head -c 9999999 /dev/zero | tr '\\0' a && : >"$FAKE/end" ;;
esac
"""
RECORD = """\
#!/bin/sh
printf '%s\\n' "$@" >>"$FAKE/arguments"
exec {program} "$@"
"""
KUBECTL = """\
#!/bin/sh
for word; do case $word in get | create | delete) command=$word ;; nodes | secret) kind=$word ;;
bootstrap-token-*) name=$word ;; esac; done
case $command in
get)
    case $kind in
    nodes)
        [ ! -e "$FAKE/down" ] || exit 1
        cat "$FAKE/nodes"
        ;;
    *)
        [ -e "$FAKE/secrets/$name" ] || exit 1
        sed -n 's/.*"auth-extra-groups": "\\(.*\\)".*/\\1/p' "$FAKE/secrets/$name" | tr -d '\\n' | base64 -w 0
        ;;
    esac
    ;;
create)
    cat >"$FAKE/manifest"
    name=$(sed -n 's/.*"name": "\\([^"]*\\)".*/\\1/p' "$FAKE/manifest")
    [ ! -e "$FAKE/secrets/$name" ] || { echo "secrets \\"$name\\" already exists" >&2; exit 1; }
    cp "$FAKE/manifest" "$FAKE/secrets/$name"
    ;;
delete) rm -f "$FAKE/secrets/$name" ;;
esac
echo "$command $kind${name:+ $name}" >>"$FAKE/calls"
"""


class ControlPlane:
    """A directory that emulates a control plane, the cloud's machines and the API."""

    def __init__(self, directory: Path) -> None:
        self.root, self.fake = directory / "root", directory / "fake"
        self.path = os.environ["PATH"]
        for path in ("usr/local/lib/kubewright-boot/boot", "usr/local/lib/kubewright/bin/kubectl"):
            (self.root / path).parent.mkdir(parents=True)
        (self.root / "usr/local/lib/kubewright-boot/boot").write_text(BOOT)
        kubectl = self.root / "usr/local/lib/kubewright/bin/kubectl"
        kubectl.write_text(KUBECTL)
        kubectl.chmod(0o755)
        (self.fake / "tokens").mkdir(parents=True)
        (self.fake / "secrets").mkdir()
        self.set_nodes("cp-1")
        self.set_machines()

    def set_nodes(self, *names: str) -> None:
        (self.fake / "nodes").write_text(" ".join(names))

    def set_machines(self, **tokens: str) -> None:
        """Set the new machines of pools by id, each with its object; empty without an object."""
        names = {name.replace("_", "-"): token for name, token in tokens.items()}
        (self.fake / "machines").write_text("".join(f"{name}\n" for name in names))
        for name, token in names.items():
            if token:
                (self.fake / "tokens" / name).write_text(f"{token}\n")

    def record_arguments(self) -> Path:
        """Let programs write their arguments to a file. Return its path."""
        directory = self.fake / "bin"
        directory.mkdir()
        for name in ("base64", "cat", "date", "expr", "grep", "head", "sed", "sh", "tail", "tr"):
            program = shutil.which(name)
            assert program
            (directory / name).write_text(RECORD.format(program=program))
            (directory / name).chmod(0o755)
        kubectl = self.root / "usr/local/lib/kubewright/bin/kubectl"
        real = kubectl.rename(kubectl.with_name("kubectl.real"))
        kubectl.write_text(RECORD.format(program=real))
        kubectl.chmod(0o755)
        self.path = f"{directory}:{os.environ['PATH']}"
        return self.fake / "arguments"

    def run(self) -> str:
        """Let the program make one round. Return what it prints."""
        environment = {
            "PATH": self.path,
            "KUBEWRIGHT_ROOT": str(self.root),
            "KUBEWRIGHT_PAUSE": "0",
            "FAKE": str(self.fake),
        }
        command = ["sh", str(SOURCE), "dev"]
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return result.stdout + result.stderr

    @property
    def secrets(self) -> dict[str, dict[str, str]]:
        """The data of the Secrets in the emulated API, by name."""
        files = (self.fake / "secrets").iterdir()
        return {file.name: json.loads(file.read_text())["stringData"] for file in files}

    def calls(self) -> list[str]:
        """Return the calls of kubectl since the last call of this method."""
        log = self.fake / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def host(tmp_path: Path) -> ControlPlane:
    return ControlPlane(tmp_path)


def test_token_of_a_new_machine_is_registered_for_its_name_alone(host: ControlPlane) -> None:
    host.set_machines(i_0a=TOKEN)
    output = host.run()
    (data,) = host.secrets.values()
    assert set(host.secrets) == {"bootstrap-token-abc123"}
    assert (data["token-id"], data["token-secret"]) == ("abc123", "0123456789abcdef")
    assert data["auth-extra-groups"] == machine_owner("i-0a").group
    assert data["usage-bootstrap-authentication"] == "true"
    assert data["usage-bootstrap-signing"] == "false"
    assert data["expiration"].endswith("Z")
    assert json.loads((host.fake / "manifest").read_text())["type"] == "bootstrap.kubernetes.io/token"
    assert "i-0a: registered" in output
    assert "0123456789abcdef" not in output


def test_registered_token_is_not_registered_again(host: ControlPlane) -> None:
    host.set_machines(i_0a=TOKEN)
    host.run()
    host.calls()
    host.run()
    assert host.calls() == ["get nodes"]


def test_nothing_is_asked_without_new_machines(host: ControlPlane) -> None:
    assert host.run() == ""
    assert host.calls() == []


def test_machine_without_a_token_waits_and_is_named_once(host: ControlPlane) -> None:
    host.set_machines(i_0a="", i_0b=TOKEN)
    assert "i-0a: this new machine has written no bootstrap token yet" in host.run()
    assert set(host.secrets) == {"bootstrap-token-abc123"}
    assert host.run() == ""
    host.set_machines(i_0a="zzz999.0123456789abcdef")
    host.run()
    assert set(host.secrets) == {"bootstrap-token-abc123", "bootstrap-token-zzz999"}


def test_token_is_no_argument_of_a_program(host: ControlPlane) -> None:
    """Every process of the host can read the arguments of all programs."""
    arguments = host.record_arguments()
    host.set_machines(i_0a=TOKEN)
    host.run()
    assert len(host.secrets) == 1
    assert "--namespace=kube-system" in arguments.read_text()
    assert "0123456789abcdef" not in arguments.read_text()


def test_only_the_beginning_of_a_long_object_is_read(host: ControlPlane) -> None:
    """A machine can write an object of several GiB, and the program keeps it in memory."""
    (host.root / "usr/local/lib/kubewright-boot/boot").write_text(ENDLESS)
    host.set_machines(i_0a="")
    assert "is no bootstrap token" in host.run()
    assert not (host.fake / "end").exists()


def test_token_is_removed_when_its_machine_has_joined(host: ControlPlane) -> None:
    host.set_machines(i_0a=TOKEN)
    host.run()
    host.set_nodes("cp-1", "i-0a")
    host.run()
    assert host.secrets == {}
    host.calls()
    host.run()
    assert host.calls() == ["get nodes"]


def test_token_of_an_existing_node_is_not_registered(host: ControlPlane) -> None:
    host.set_machines(i_0a=TOKEN)
    host.set_nodes("cp-1", "i-0a")
    host.run()
    assert host.secrets == {}


def test_new_token_after_a_restart_replaces_the_earlier_one(host: ControlPlane) -> None:
    host.set_machines(i_0a=TOKEN)
    host.run()
    host.set_machines(i_0a="zzz999.0123456789abcdef")
    host.run()
    assert set(host.secrets) == {"bootstrap-token-zzz999"}


def test_machine_cannot_change_the_token_of_another_node(host: ControlPlane) -> None:
    """Test a machine that chooses the public part of an existing token, whose Secret stays as it is."""
    host.set_machines(i_0a=TOKEN)
    host.run()
    host.set_machines(i_0b="abc123.ffffffffffffffff")
    output = host.run()
    assert "i-0b: its bootstrap token cannot be registered" in output
    assert host.secrets["bootstrap-token-abc123"]["auth-extra-groups"] == machine_owner("i-0a").group
    host.set_nodes("cp-1", "i-0b")
    host.run()
    assert set(host.secrets) == {"bootstrap-token-abc123"}


def test_token_that_another_control_plane_registered_is_known(host: ControlPlane) -> None:
    host.set_machines(i_0a=TOKEN)
    host.run()
    (host.root / "run/kubewright-machine-tokens/i-0a").unlink()
    assert "cannot be registered" not in host.run()
    host.set_nodes("cp-1", "i-0a")
    host.run()
    assert host.secrets == {}


@pytest.mark.parametrize(
    "token",
    [
        "abc123",
        "ABC123.0123456789abcdef",
        f"{TOKEN}0",
        f'{TOKEN}", "auth-extra-groups": "system:masters',
        f"{TOKEN}\nabc124.0123456789abcdef",
        "../../x.0123456789abcdef",
    ],
)
def test_other_contents_are_no_tokens(host: ControlPlane, token: str) -> None:
    host.set_machines(i_0a=token)
    assert "is no bootstrap token" in host.run()
    assert host.secrets == {}


def test_silent_cloud_or_api_is_reported_and_asked_again(host: ControlPlane) -> None:
    host.set_machines(i_0a=TOKEN)
    for name in ("silent", "down"):
        (host.fake / name).touch()
        assert "new machines of pools cannot join now" in host.run()
        (host.fake / name).unlink()
    host.run()
    assert len(host.secrets) == 1


def test_only_control_planes_of_a_cloud_run_the_program() -> None:
    delivered = bundles(cloud(), FakeIndex())
    with_program = {
        key for key, bundle in delivered.items() if SERVICE in {item.unit for item in bundle.services}
    }
    assert with_program == {(f"cp-{number}", Role.CONTROL_PLANE) for number in (1, 2, 3)}
    files = {file.path: file for file in delivered["cp-1", Role.CONTROL_PLANE].files}
    assert (
        f"ExecStart=/bin/sh \\\n  {PROGRAM} \\\n  {cloud().name}\n"
        in files[f"/etc/systemd/system/{SERVICE}"].content
    )
    for bundle in bundles(cluster(), FakeIndex()).values():
        assert SERVICE not in {item.unit for item in bundle.services}
