"""Tests of the counts of objects in etcd by the key that encrypted them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automation.errors import UserError
from automation.operations import encrypted_objects
from automation.operations.encrypted_objects import (
    ObjectCount,
    count_objects,
    describe_counts,
    outdated,
    parse_counts,
    unreadable,
)
from automation.operations.remote import ScriptResult
from automation.operations.ssh import SshRemote
from nodeconfig.host_paths import BIN
from testkit.bundles import cluster
from topology.encryption import resource_encryptions
from topology.options import Encryption
from topology.rotations import Certificates, Rotation

KEY_1, KEY_2 = "k8s:enc:secretbox:v1:key1:", "k8s:enc:secretbox:v1:key2:"
VAULT = "k8s:enc:kms:v2:vault:"
# Prints keys and values as etcdctl does. Go quotes a text (%q) in nearly the same way as JSON.
FAKE_ETCDCTL = """\
import json, sys
objects = json.load(open({file!r}))
_, start, *rest = [word for word in sys.argv[1:] if not word.startswith("--")]
if "--keys-only" in sys.argv:
    print("".join(key + "\\n\\n" for key in sorted(objects) if key.startswith(start)), end="")
else:
    print('"Revision" : 7')
    for key in sorted(objects):
        if start <= key < rest[0]:
            print(f'"Key" : {{json.dumps(key)}}\\n"Version" : 1\\n"Value" : {{json.dumps(objects[key])}}')
"""


class Members:
    """Etcd members, of which the first does not answer, in place of `Remote`."""

    def __init__(self, objects: dict[str, str], directory: Path) -> None:
        (directory / "objects").write_text(json.dumps(objects))
        program = directory / "etcdctl.py"
        program.write_text(FAKE_ETCDCTL.format(file=str(directory / "objects")))
        self.command = f"{sys.executable} {program}"
        self.asked: list[str] = []

    def run(self, host: str, script: str, *, timeout: float) -> ScriptResult:
        self.asked.append(host)
        if host == "e-0":
            return ScriptResult(host, 255, "", "timed out", reached=False)
        script = script.replace(f"{BIN}/etcdctl", self.command)
        result = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, timeout=timeout, check=False
        )
        return ScriptResult(host, result.returncode, result.stdout, result.stderr)


def count(objects: dict[str, str], directory: Path) -> dict[tuple[str, str], int]:
    members = Members(objects, directory)
    counts = count_objects(members, cluster(etcd=3))  # type: ignore[arg-type]
    assert members.asked == ["e-0", "e-1"]
    return {(item.resource, item.prefix): item.objects for item in counts}


def test_objects_are_counted_by_resource_and_key(tmp_path: Path) -> None:
    # More objects than one read returns, and values that look like other lines of the output.
    objects = {f"/registry/secrets/default/s-{i}": f"{KEY_1}\x00\x01{i}" for i in range(250)}
    objects |= {f"/registry/secrets/web/s-{i}": f'{KEY_2}\n"Value" : "k8s:enc:x' for i in range(3)}
    objects |= {
        "/registry/configmaps/default/a": "k8s\x00text",
        "/registry/example.com/cars/default/a": f"{VAULT}x",
        "/registry/example.com/cars/default/b": '{"kind": "Car"}',
        "/other/secrets/default/a": f"{KEY_1}x",
    }
    assert count(objects, tmp_path) == {
        ("secrets", KEY_1): 250,
        ("secrets", KEY_2): 3,
        ("configmaps", ""): 1,
        ("cars.example.com", VAULT): 1,
        ("cars.example.com", ""): 1,
    }


def test_an_empty_etcd_has_no_counts(tmp_path: Path) -> None:
    assert count({}, tmp_path) == {}


def test_no_answer_of_any_member_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = ScriptResult("cp-1", 1, "", "etcd is down")
    monkeypatch.setattr(SshRemote, "run", lambda *_, **__: failed)
    with pytest.raises(UserError, match="no etcd member counted the encrypted objects: cp-1: etcd is down"):
        count_objects(SshRemote.__new__(SshRemote), cluster())


def test_a_member_that_fails_while_it_reads_is_no_count(tmp_path: Path) -> None:
    """A partial count could hide objects that still need a key."""
    members = Members({"/registry/secrets/a/b": KEY_1}, tmp_path)
    members.command = f"false {members.command}"
    with pytest.raises(UserError, match="no etcd member"):
        count_objects(members, cluster())  # type: ignore[arg-type]


ENCRYPTIONS = resource_encryptions(
    Encryption(resources=("secrets", "configmaps", "deployments.apps", "*.example.com")),
    Certificates(
        rotations=(
            ("encryption", Rotation(2, (1, 2))),
            ("encryption-of-configmaps", Rotation(1, (1, 2))),
            ("encryption-of-deployments.apps", Rotation(2, (1, 2))),
            ("encryption-of-*.example.com", Rotation(2, (1, 2))),
        )
    ),
)


@pytest.mark.parametrize(
    ("resource", "prefix", "expected"),
    [
        ("secrets", KEY_2, "current"),
        ("secrets", KEY_1, "outdated"),
        ("secrets", "", "outdated"),
        ("secrets", VAULT, "unreadable"),
        # The stage trust of a resource writes objects without encryption.
        ("configmaps", "", "current"),
        ("configmaps", KEY_2, "outdated"),
        # etcd has resources of Kubernetes without their group.
        ("deployments", "", "outdated"),
        ("deployments", KEY_2, "current"),
        ("cars.example.com", "", "outdated"),
        ("cars.example.com", KEY_2, "current"),
        ("cars.other.com", "", "current"),
        ("cars.other.com", KEY_2, "unreadable"),
        # The wildcard could contain a resource of Kubernetes, which etcd has without its group.
        ("pods", KEY_1, "outdated"),
        ("pods", "", "current"),
        ("pods", "k8s:enc:aescbc:v1:old:", "unreadable"),
    ],
)
def test_state_of_objects(resource: str, prefix: str, expected: str) -> None:
    item = ObjectCount(resource, prefix, 1)
    is_outdated, is_unreadable = outdated([item], ENCRYPTIONS) != [], unreadable([item], ENCRYPTIONS) != []
    assert (is_outdated, is_unreadable) == {
        "current": (False, False),
        "outdated": (True, False),
        "unreadable": (True, True),
    }[expected]


def test_objects_of_a_resource_that_is_no_longer_encrypted_are_unreadable() -> None:
    """The API server has no key for the resource, although it has the key for Secrets."""
    encryptions = resource_encryptions(Encryption(), Certificates())
    item = ObjectCount("configmaps", KEY_1, 1)
    assert unreadable([item], encryptions) == outdated([item], encryptions) == [item]


def test_counts_in_words() -> None:
    counts = parse_counts(f"   12 {KEY_1} secrets\n 3 plain configmaps\n 1 {VAULT} cars.example.com\n")
    assert describe_counts(counts) == (
        "12 secrets with key1, 3 configmaps not encrypted, 1 cars.example.com with the KMS plugin vault"
    )
    assert encrypted_objects.provider_text("k8s:enc:aescbc:v1:old:") == "old"
