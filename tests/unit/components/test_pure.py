"""Tests of functions of the components: derived secrets and kubeconfig."""

from __future__ import annotations

import base64
import json
import re

import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.addons.workload import spread_constraints
from components.derived_secrets import bootstrap_token, encryption_key
from components.encryption_configuration import encryption_configuration
from components.kubeconfig import kubeconfig
from components.on_delete import ANNOTATION, MARK_NODES, UNMARK_NODES
from topology.encryption import resource_encryptions
from topology.options import Encryption
from topology.rotations import Certificates


@given(st.text())
def test_a_bootstrap_token_has_the_format_of_kubernetes(key: str) -> None:
    token = bootstrap_token(key, "bootstrap-node-w-1.token", 1)
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", token)
    assert token == bootstrap_token(key, "bootstrap-node-w-1.token", 1)


# HMAC pads short keys with NUL bytes, which a PEM text does not contain.
_KEYS = st.text(st.characters(codec="ascii", exclude_characters="\0"))


@given(_KEYS, _KEYS)
def test_different_keys_give_different_secrets(one: str, other: str) -> None:
    assert (bootstrap_token(one, "a", 1) == bootstrap_token(other, "a", 1)) == (one == other)
    assert (encryption_key(one) == encryption_key(other)) == (one == other)


KEY = "-----BEGIN EC PRIVATE KEY-----\nan example\n-----END EC PRIVATE KEY-----\n"
"""A text in the form of a private key, whose derived secrets the tests below record.

The recorded values are the output of `openssl dgst -sha256 -mac HMAC` for `kubewright <purpose>` with this
text as the key, in base64 and base32. They must never change.
"""


def default_configuration(private_key: str) -> str:
    """Return the encryption configuration of a stack without settings of the encryption."""
    resources = resource_encryptions(Encryption(), Certificates())
    return encryption_configuration(resources, {"key1": encryption_key(private_key)})


def test_the_encryption_configuration_of_existing_clusters_does_not_change() -> None:
    """With another text, an `up` would change a file on all control planes."""
    assert (
        default_configuration(KEY)
        == """\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - secretbox:
          keys:
            - name: key1
              secret: 0XtIYjY0CLNK/ghAhKAjyBrVtenTzOQ1jHV3Ha4ynm4=
      - identity: {}
"""
    )


def test_the_encryption_key_of_existing_clusters_does_not_change() -> None:
    """With another key, API servers cannot read any Secret that etcd and its snapshots contain."""
    document = yaml.safe_load(default_configuration(KEY))
    (key,) = document["resources"][0]["providers"][0]["secretbox"]["keys"]
    # The API server finds the key by its name, which etcd stores with each Secret.
    assert key == {"name": "key1", "secret": "0XtIYjY0CLNK/ghAhKAjyBrVtenTzOQ1jHV3Ha4ynm4="}


def test_the_bootstrap_token_of_existing_clusters_does_not_change() -> None:
    """With another token, an `up` would change the deliveries of all nodes."""
    assert bootstrap_token(KEY, "bootstrap-node-w-1.token", 1) == "oayv5p.lfqaxbx3ppf2f62p"


def test_each_owner_and_generation_has_a_token_of_its_own() -> None:
    tokens = {
        bootstrap_token(KEY, owner, generation)
        for owner in ("bootstrap-node-w-1.token", "bootstrap-node-w-2.token", "bootstrap-node-w-10.token")
        for generation in (1, 2)
    }
    assert len({token[:6] for token in tokens}) == len({token[7:] for token in tokens}) == 6


def test_encryption_is_secretbox_with_32_bytes_and_identity_last() -> None:
    document = yaml.safe_load(default_configuration("key"))
    (resources,) = document["resources"]
    assert resources["resources"] == ["secrets"]
    first, last = resources["providers"]
    assert len(base64.b64decode(first["secretbox"]["keys"][0]["secret"])) == 32
    assert last == {"identity": {}}


def test_a_kubeconfig_contains_its_certificates() -> None:
    text = kubeconfig(cluster="c", server="https://x:6443", ca="CA", certificate="CERT", key="KEY")
    document = json.loads(text)
    assert base64.b64decode(document["users"][0]["user"]["client-key-data"]) == b"KEY"
    assert document["current-context"] == document["contexts"][0]["name"] == "c"
    assert "insecure" not in text


def test_replicas_must_spread_only_when_required() -> None:
    assert spread_constraints({"a": "b"}, replicas=1, required=True) is None
    (preferred,) = spread_constraints({"a": "b"}, replicas=2, required=False) or []
    assert (preferred.when_unsatisfiable, preferred.min_domains) == ("ScheduleAnyway", None)
    (required,) = spread_constraints({"a": "b"}, replicas=2, required=True) or []
    assert (required.when_unsatisfiable, required.min_domains) == ("DoNotSchedule", 2)


def test_mark_and_unmark_use_the_same_annotation() -> None:
    assert f"{ANNOTATION}=cluster" in MARK_NODES
    assert f"{ANNOTATION}-" in UNMARK_NODES
