"""Tests that a host refuses a change that skips a stage of a rotation, before the host changes anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role
from topology.rotations import Rotation

FIRST, TRUST = Rotation(), Rotation(1, (1, 2))
SIGN, DONE, NEXT = Rotation(2, (1, 2)), Rotation(2, (2,)), Rotation(2, (2, 3))


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


def bundle(rotation: Rotation) -> Bundle:
    text = f"{rotation.signing} {rotation.trusted}\n"
    # The topology names only authorities that were rotated.
    rotations = (("etcd", rotation),) if rotation != FIRST else ()
    return Bundle(
        role=Role.ETCD,
        program=PROGRAM,
        files=(File("/etc/etcd/stage", text),),
        secrets=(),
        artifacts=(),
        services=(),
        rotations=rotations,
    )


@pytest.mark.parametrize(
    "stages",
    [
        (FIRST, TRUST, SIGN, DONE, NEXT),
        (FIRST, TRUST, FIRST),
        (FIRST, TRUST, SIGN, TRUST),
        (TRUST, TRUST, SIGN, SIGN),
        (DONE,),
    ],
)
def test_consecutive_stages_are_accepted(host: EmulatedHost, stages: tuple[Rotation, ...]) -> None:
    for stage in stages:
        result = host.deliver(bundle(stage))
        assert result.returncode == 0, result.stderr
        assert host.path("/etc/etcd/stage").read_text() == f"{stage.signing} {stage.trusted}\n"


@pytest.mark.parametrize(
    ("current", "next_rotation"),
    [(FIRST, SIGN), (FIRST, DONE), (TRUST, DONE), (SIGN, FIRST), (DONE, TRUST), (DONE, FIRST)],
)
def test_a_skipped_stage_is_refused_and_changes_nothing(
    host: EmulatedHost, current: Rotation, next_rotation: Rotation
) -> None:
    assert host.deliver(bundle(current)).returncode == 0
    refused = host.deliver(bundle(next_rotation))
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert "certificates of etcd" in line
    assert "trust, sign, done" in line
    assert host.path("/etc/etcd/stage").read_text() == f"{current.signing} {current.trusted}\n"
    assert host.deliver(bundle(current)).stdout.strip().endswith("etcd unchanged")


KUBELETS_TRUST, KUBELETS_SIGN, KUBELETS_DONE = Rotation(0, (0, 1)), Rotation(1, (0, 1)), Rotation(1, (1,))


def kubelet_authority(rotation: Rotation | None) -> Bundle:
    """Return a bundle with an entry for the CA of kubelets, or without an entry."""
    rotations = (("kubelet-serving", rotation),) if rotation else ()
    text = File("/etc/etcd/stage", f"{rotation}\n")
    return replace(bundle(FIRST), files=(text,), rotations=rotations)


@pytest.mark.parametrize(
    "stages",
    [
        (None, KUBELETS_TRUST, KUBELETS_SIGN, KUBELETS_DONE, TRUST),
        (None, KUBELETS_SIGN, None, KUBELETS_SIGN, KUBELETS_DONE, None),
        (KUBELETS_DONE,),
    ],
)
def test_the_authority_of_kubelets_replaces_that_of_the_cluster(
    host: EmulatedHost, stages: tuple[Rotation | None, ...]
) -> None:
    for stage in stages:
        result = host.deliver(kubelet_authority(stage))
        assert result.returncode == 0, (stage, result.stderr)


@pytest.mark.parametrize(
    ("current", "next_rotation"), [(None, KUBELETS_DONE), (None, TRUST), (KUBELETS_TRUST, KUBELETS_DONE)]
)
def test_the_shared_authority_stays_until_kubelets_have_new_certificates(
    host: EmulatedHost, current: Rotation | None, next_rotation: Rotation
) -> None:
    assert host.deliver(kubelet_authority(current)).returncode == 0
    refused = host.deliver(kubelet_authority(next_rotation))
    assert refused.returncode == 1
    assert "certificates of kubelet-serving: on this host generation 0 signs" in refused.stderr


def test_a_rotation_with_a_wildcard_in_its_name_is_checked(host: EmulatedHost) -> None:
    """`encryption-of-*.example.com` is a word of the script and no pattern of file names."""
    name = "encryption-of-*"
    for stage in (TRUST, SIGN):
        assert host.deliver(replace(bundle(TRUST), rotations=((name, stage),))).returncode == 0
    refused = host.deliver(bundle(FIRST))
    assert refused.returncode == 1
    assert f"certificates of {name}: on this host generation 2 signs" in refused.stderr


def test_each_authority_is_checked_separately(host: EmulatedHost) -> None:
    both = (("etcd", SIGN), ("kubernetes", TRUST))
    for rotations in ((("etcd", TRUST),), both):
        assert host.deliver(replace(bundle(TRUST), rotations=rotations)).returncode == 0
    refused = host.deliver(replace(bundle(TRUST), rotations=(("etcd", DONE), ("kubernetes", DONE))))
    assert "certificates of kubernetes" in refused.stderr
