"""Tests of the bootstrap token that a machine of a pool makes."""

from __future__ import annotations

import re
import stat

from testkit.boot import BootMachine, bundle, put_bundles
from topology.model import Role

PREFIX = "joins/arn%3Aaws%3Aec2%3Aeu-central-1%3A123456789012%3Ainstance"
TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}\n")
"""The format of k8s.io/cluster-bootstrap/token/api."""


def delivered_token(machine: BootMachine) -> str:
    """Return the token in the file that the kubelet reads."""
    return (machine.root / "etc/kubernetes/pki/bootstrap.token").read_text()


def stored_token(machine: BootMachine) -> str:
    return (machine.store / PREFIX / "i-0123").read_text()


def write_user_data(machine: BootMachine, **variables: str) -> None:
    digest = put_bundles(machine, "pools/general", bundle())
    machine.write_user_data(DIGEST=digest, JOINS=PREFIX, **variables)


def test_a_machine_gives_its_token_to_the_control_planes(machine: BootMachine, shell: str) -> None:
    write_user_data(machine)
    result = machine.run("deliver", shell=shell)
    assert result.returncode == 0, result.stderr
    assert TOKEN.fullmatch(delivered_token(machine))
    assert stored_token(machine) == delivered_token(machine)
    file = machine.root / "etc/kubernetes/pki/bootstrap.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not (machine.root / "run/kubewright-boot/token").exists()
    assert delivered_token(machine) not in result.stdout + result.stderr


def test_the_token_stays_until_the_machine_restarts(machine: BootMachine) -> None:
    write_user_data(machine)
    machine.run("deliver")
    first = delivered_token(machine)
    assert machine.run("deliver").returncode == 0
    assert delivered_token(machine) == first
    # The directory is in memory.
    (machine.root / "etc/kubernetes/pki/bootstrap.token").unlink()
    assert machine.run("deliver").returncode == 0
    assert delivered_token(machine) != first
    assert stored_token(machine) == delivered_token(machine)


def test_a_token_is_delivered_completely_or_not_at_all(machine: BootMachine) -> None:
    """A machine that loses power while it writes the token makes another one when it boots again."""
    copy = machine.fake / "cp"
    copy.write_text(
        '#!/bin/sh\ncase $2 in *bootstrap.token*) echo abc >"$2"; exit 1 ;; esac; exec /bin/cp "$@"\n'
    )
    copy.chmod(0o755)
    write_user_data(machine)
    machine.run("deliver")
    assert not (machine.root / "etc/kubernetes/pki/bootstrap.token").exists()
    copy.unlink()
    assert machine.run("deliver").returncode == 0
    assert TOKEN.fullmatch(delivered_token(machine))


def test_two_machines_make_different_tokens(machine: BootMachine) -> None:
    tokens = set()
    for _ in range(5):
        write_user_data(machine)
        machine.run("deliver")
        tokens.add(delivered_token(machine))
        (machine.root / "etc/kubernetes/pki/bootstrap.token").unlink()
    assert len(tokens) == 5


def test_a_token_that_the_control_planes_do_not_get_is_not_used(machine: BootMachine) -> None:
    machine.cloud_functions.write_text(
        machine.cloud_functions.read_text() + "cloud_put() { case $1 in joins/*) return 1 ;; esac\n"
        'mkdir -p "$FAKE/store/${1%/*}" && cp "$2" "$FAKE/store/$1"; }\n'
    )
    write_user_data(machine)
    result = machine.run("deliver")
    assert result.returncode == 1
    assert "the bootstrap token cannot be written to the store" in result.stderr
    assert not (machine.root / "etc/kubernetes/pki/bootstrap.token").exists()
    assert "cannot be written" in machine.status("pools/general/i-0123/error")


def test_members_make_no_token(machine: BootMachine) -> None:
    kind = "members/control-plane"
    digest = put_bundles(machine, f"{kind}/cp-1", bundle(Role.CONTROL_PLANE))
    variables = {"KIND": kind, "UNIT": "cp-1", "ROLES": "control-plane", "BOOT_NAME": "cp-1", "JOINS": PREFIX}
    machine.write_user_data(DIGEST=digest, **variables)
    assert machine.run("deliver").returncode == 0
    assert not (machine.store / "joins").exists()
    assert not (machine.root / "etc/kubernetes/pki/bootstrap.token").exists()


def test_a_service_calls_a_function_of_the_cloud(machine: BootMachine) -> None:
    machine.cloud_functions.write_text(
        machine.cloud_functions.read_text() + 'cloud_new_machines() { echo "new in $1: $CA_FILE"; }\n'
    )
    machine.write_user_data(CA="x")
    result = machine.run_command("call", "cloud_new_machines", "dev")
    assert result.stdout == f"new in dev: {machine.root}/run/kubewright-boot/authority.pem\n"
