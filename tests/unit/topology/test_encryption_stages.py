"""Tests of changes of the encryption that skip a stage, of their messages, and of the recorded stages."""

from __future__ import annotations

import pytest

from topology.encryption import is_default, is_encryption, key_name, kms_rotation, resource_rotation
from topology.encryption_stages import (
    describe_generations,
    describe_skipped_stage,
    find_skipped_stages,
    record_rotations,
    recorded_rotations,
)
from topology.options import Encryption
from topology.rotations import Certificates, Rotation
from topology.transitions import are_compatible

FIRST, TRUST, SIGN, DONE = Rotation(), Rotation(1, (1, 2)), Rotation(2, (1, 2)), Rotation(2, (2,))
KMS, CONFIG_MAPS = "encryption-kms-vault", "encryption-of-configmaps"
ROTATIONS = (("encryption", SIGN), (KMS, TRUST), (CONFIG_MAPS, DONE))


@pytest.mark.parametrize("name", ["encryption", KMS, CONFIG_MAPS, "encryption-of-*.example.com"])
def test_rotations_of_the_encryption_are_known_by_name(name: str) -> None:
    assert is_encryption(name)


@pytest.mark.parametrize("name", ["kubernetes", "etcd", "encryption-other", "service-account"])
def test_rotations_of_authorities_are_no_encryption(name: str) -> None:
    assert not is_encryption(name)


def test_rotations_have_the_name_of_their_plugin_or_resource() -> None:
    assert (kms_rotation("vault"), resource_rotation("configmaps")) == (KMS, CONFIG_MAPS)
    assert key_name(2) == "key2"


def test_only_the_first_key_for_secrets_is_the_default() -> None:
    assert is_default(Encryption(), Certificates(rotations=(("kubernetes", SIGN),)))
    assert not is_default(Encryption(), Certificates(rotations=(("kubernetes", SIGN), ("encryption", TRUST))))
    assert not is_default(Encryption(resources=("secrets", "configmaps")), Certificates())


def test_recorded_rotations_are_those_of_the_encryption() -> None:
    certificates = Certificates(rotations=(("kubernetes", SIGN), *ROTATIONS))
    recorded = record_rotations(certificates)
    assert recorded == {"encryption": [2, 1, 2], KMS: [1, 1, 2], CONFIG_MAPS: [2, 2]}
    as_floats = {name: [float(number) for number in numbers] for name, numbers in recorded.items()}
    found = recorded_rotations(as_floats)
    assert found == dict(ROTATIONS)
    assert all(type(number) is int for each in found.values() for number in (each.signing, *each.trusted))


@pytest.mark.parametrize("recorded", [None, "", []])
def test_state_without_a_record_has_no_rotations(recorded: object) -> None:
    assert recorded_rotations(recorded) == {}


@pytest.mark.parametrize(
    ("old", "new"), [(FIRST, FIRST), (FIRST, TRUST), (TRUST, SIGN), (SIGN, DONE), (DONE, SIGN), (SIGN, TRUST)]
)
def test_the_next_and_the_previous_stage_are_compatible(old: Rotation, new: Rotation) -> None:
    assert are_compatible(old, new)
    assert find_skipped_stages({"encryption": old}, {"encryption": new}) == []


@pytest.mark.parametrize(
    ("old", "new"), [(FIRST, SIGN), (SIGN, FIRST), (FIRST, DONE), (DONE, FIRST), (TRUST, DONE)]
)
def test_a_skipped_stage_is_found(old: Rotation, new: Rotation) -> None:
    assert not are_compatible(old, new)
    assert len(find_skipped_stages({"encryption": old}, {"encryption": new})) == 1


def test_a_missing_rotation_is_in_its_first_generation() -> None:
    (removed,) = find_skipped_stages({KMS: DONE, "kubernetes": DONE}, {})
    (added,) = find_skipped_stages({}, {CONFIG_MAPS: DONE, "kubernetes": DONE})
    assert removed.startswith("api.encryption.kms: ")
    assert added.startswith("api.encryption.resources.configmaps: ")
    assert find_skipped_stages({KMS: TRUST}, {"encryption": TRUST}) == []


def test_every_skipped_stage_has_a_line() -> None:
    lines = find_skipped_stages({KMS: DONE}, {"encryption": SIGN, CONFIG_MAPS: TRUST})
    assert [line.partition(":")[0] for line in lines] == ["api.encryption.kms", "certificates.encryption"]


def test_message_names_both_stages_of_the_key_and_the_next_step() -> None:
    assert describe_skipped_stage("encryption", FIRST, SIGN) == (
        "certificates.encryption: requested is that API servers write objects of key2 and can read objects "
        "of key1 and objects of key2, but now they write objects of key1 and can read objects of key1; set "
        "the next stage (trust, sign, done), run `up`, then set the stage after it"
    )


def test_message_names_the_hosts_that_have_the_old_stage_once() -> None:
    line = describe_skipped_stage("encryption", FIRST, SIGN, ["cp-2", "cp-1", "cp-2"])
    assert ", but on cp-1, cp-2 they write objects of key1 and can read" in line


def test_message_about_a_resource_names_its_two_stages() -> None:
    assert describe_skipped_stage(CONFIG_MAPS, FIRST, DONE) == (
        "api.encryption.resources.configmaps: requested is that API servers write encrypted objects and can "
        "read encrypted objects, but now they write unencrypted objects and can read unencrypted objects; "
        "set the next stage (trust, done), run `up`, then set the stage after it"
    )


@pytest.mark.parametrize(
    ("name", "rotation", "text"),
    [
        (
            "encryption",
            TRUST,
            "API servers write objects of key1, can read objects of key1 and objects of key2",
        ),
        (
            KMS,
            SIGN,
            "API servers write objects of vault, can read objects of the secretbox key and objects of vault",
        ),
        (
            CONFIG_MAPS,
            TRUST,
            "API servers write unencrypted objects, can read unencrypted objects and encrypted objects",
        ),
    ],
)
def test_reports_describe_the_stage(name: str, rotation: Rotation, text: str) -> None:
    assert describe_generations(name, rotation) == text
