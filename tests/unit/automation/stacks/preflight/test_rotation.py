"""Tests of the preflight check of rotations: every host must have the previous stage."""

from __future__ import annotations

import pytest

from automation.deliveries import Delivery
from automation.stacks.preflight.rotation import find_problems
from topology.model import Role
from topology.rotations import Certificates, Rotation

FIRST, TRUST, SIGN, DONE = Rotation(), Rotation(1, (1, 2)), Rotation(2, (1, 2)), Rotation(2, (2,))


def delivery_with_rotation(
    host: str, rotation: Rotation, role: Role = Role.NODE, name: str = "kubernetes"
) -> Delivery:
    trust = f"trust {name} {rotation.signing} {' '.join(map(str, rotation.trusted))}\n"
    script = f"begin {role}\n{trust if rotation != FIRST else ''}file 0644 root:root /x <<'EOF'\ncommit\n"
    return Delivery(host, role, script, "")


def requested_certificates(rotation: Rotation, name: str = "kubernetes") -> Certificates:
    return Certificates(rotations=((name, rotation),) if rotation != FIRST else ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (FIRST, TRUST),
        (TRUST, TRUST),
        (TRUST, SIGN),
        (SIGN, DONE),
        (TRUST, FIRST),
        (FIRST, FIRST),
        (SIGN, TRUST),
    ],
)
def test_next_stage_is_accepted(old: Rotation, new: Rotation) -> None:
    assert (
        find_problems(
            requested_certificates(new),
            [delivery_with_rotation("w-1", old), delivery_with_rotation("w-2", new)],
        )
        == []
    )


@pytest.mark.parametrize("old", [FIRST, TRUST])
def test_one_host_that_missed_a_stage_stops_the_rotation(old: Rotation) -> None:
    deliveries = [
        delivery_with_rotation("w-1", SIGN),
        delivery_with_rotation("w-2", old),
        delivery_with_rotation("w-3", old),
    ]
    (line,) = find_problems(requested_certificates(DONE), deliveries)
    assert line.startswith("certificates.authorities.kubernetes: requested is that generation 2 signs")
    assert "on w-2, w-3 generation 1 signs" in line
    assert "w-1" not in line


def test_each_authority_is_checked_on_the_hosts_that_use_it() -> None:
    plane = delivery_with_rotation("cp-1", SIGN, Role.CONTROL_PLANE, "etcd")
    member = delivery_with_rotation("cp-1", TRUST, Role.ETCD, "etcd")
    worker = delivery_with_rotation("w-1", FIRST)
    (line,) = find_problems(requested_certificates(DONE, "etcd"), [plane, member, worker])
    assert "authorities.etcd" in line
    assert "w-1" not in line


def test_service_account_key_is_named_as_in_the_settings() -> None:
    plane = delivery_with_rotation("cp-1", FIRST, Role.CONTROL_PLANE, "service-account")
    (line,) = find_problems(requested_certificates(SIGN, "service-account"), [plane])
    assert line.startswith("certificates.service_account: ")


def test_empty_stack_may_start_with_any_stage() -> None:
    assert find_problems(requested_certificates(DONE), []) == []


def test_control_plane_that_missed_a_stage_of_the_encryption_is_named() -> None:
    planes = [
        delivery_with_rotation("cp-1", TRUST, Role.CONTROL_PLANE, "encryption"),
        delivery_with_rotation("cp-2", FIRST, Role.CONTROL_PLANE, "encryption"),
        delivery_with_rotation("w-1", FIRST),
    ]
    (line,) = find_problems(requested_certificates(SIGN, "encryption"), planes)
    assert line == (
        "certificates.encryption: requested is that API servers write objects of key2 and can read objects "
        "of key1 and objects of key2, but on cp-2 they write objects of key1 and can read objects of key1; "
        "set the next stage (trust, sign, done), run `up`, then set the stage after it"
    )


@pytest.mark.parametrize(
    ("name", "current", "next_rotation", "start"),
    [
        ("encryption-kms-vault", FIRST, DONE, "api.encryption.kms: "),
        ("encryption-kms-vault", DONE, FIRST, "api.encryption.kms: "),
        ("encryption-of-configmaps", FIRST, SIGN, "api.encryption.resources.configmaps: "),
        ("encryption-of-*.example.com", SIGN, FIRST, "api.encryption.resources.*.example.com: "),
    ],
)
def test_plugin_or_resource_without_a_stage_in_between_is_refused(
    name: str, current: Rotation, next_rotation: Rotation, start: str
) -> None:
    plane = delivery_with_rotation("cp-1", current, Role.CONTROL_PLANE, f"'{name}'")
    (line,) = find_problems(requested_certificates(next_rotation, name), [plane])
    assert line.startswith(start)
    assert " on cp-1 they write " in line


def test_another_plugin_cannot_replace_a_plugin_that_encrypts() -> None:
    plane = delivery_with_rotation("cp-1", DONE, Role.CONTROL_PLANE, "encryption-kms-vault")
    problems = " ".join(find_problems(requested_certificates(DONE, "encryption-kms-other"), [plane]))
    assert "write objects of other and" in problems
    assert "they write objects of vault and" in problems


@pytest.mark.parametrize(
    ("requested", "accepted"),
    [
        (Rotation(0, (0, 1)), True),
        (Rotation(1, (0, 1)), True),
        (Rotation(1, (1,)), False),
        (Rotation(1, (1, 2)), False),
    ],
)
def test_kubelets_of_an_existing_stack_may_have_certificates_of_the_shared_authority(
    requested: Rotation, accepted: bool
) -> None:
    plane = delivery_with_rotation("cp-1", FIRST, Role.CONTROL_PLANE)
    problems = find_problems(Certificates(rotations=(("kubelet-serving", requested),)), [plane])
    assert (problems == []) == accepted
    assert find_problems(Certificates(), [plane]) == []
