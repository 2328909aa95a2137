"""Tests of the generated settings reference: it is complete and current, and its schema accepts and rejects
correctly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from settings import Settings, load, reference
from tests.unit.settings.support import HIGHLY_AVAILABLE, ONE_HOST, TWO_WORKERS, with_edits
from tests.unit.settings.wrong_clouds import AWS, AZURE

ROOT = Path(__file__).resolve().parents[3]
STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))
VALIDATOR = Draft202012Validator(reference.schema())
COMMAND = "run: python -m settings.reference"


def schema_errors(cluster: object, **config: object) -> list[ValidationError]:
    return list(VALIDATOR.iter_errors({"config": {"kubewright:cluster": cluster, **config}}))


def test_documents_are_current() -> None:
    assert reference.MARKDOWN.read_text() == reference.markdown(), COMMAND
    assert reference.SCHEMA.read_text() == reference.schema_text(), COMMAND


def test_every_field_has_a_description() -> None:
    paths = dict(reference.fields(Settings))
    assert len(paths) > 200
    assert not [path for path, field in paths.items() if not (field.description or "").endswith(".")]


def test_markdown_has_every_key() -> None:
    text = reference.markdown()
    assert not [path for path, _ in reference.fields(Settings) if f"`{path.rpartition('.')[2]}`" not in text]


def test_schema_is_valid() -> None:
    Draft202012Validator.check_schema(reference.schema())


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_stack_files_of_the_checkout_are_valid(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=docs/settings.schema.json\n")
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize("cluster", [ONE_HOST, TWO_WORKERS, HIGHLY_AVAILABLE, AWS, AZURE])
def test_valid_settings_match_the_schema(cluster: dict[str, Any]) -> None:
    load(cluster)
    assert not schema_errors(cluster)


def test_file_with_a_base_may_override_and_remove_single_keys() -> None:
    overrides = {"metal": {"hosts": {"w-1": {"memory": "8Gi"}}}, "pools": {"workers": None}}
    assert not schema_errors(overrides, **{"kubewright:base": "Pulumi.base.yaml"})


def test_encrypted_passwords_and_keys_of_plugins_are_valid() -> None:
    registry = {"endpoint": "https://r.example", "username": "me", "password": {"secure": "v1:abc"}}
    assert not schema_errors(
        with_edits(TWO_WORKERS, {"registries": {"_default": registry}}), **{"aws:region": "eu-west-1"}
    )


@pytest.mark.parametrize(
    ("edits", "at"),
    [
        ({"nam": "x"}, ""),
        ({"pools.workers.kubelet": {"maxpods": 5}}, "pools/workers/kubelet"),
        ({"metal.hosts.w-1.adress": "10.89.0.21"}, "metal/hosts/w-1"),
        ({"pools.workers.max_unavailable": "two"}, "pools/workers/max_unavailable"),
        ({"control_planes.schedulable": "perhaps"}, "control_planes/schedulable"),
        ({"pools.workers.hosts": "w-1"}, "pools/workers/hosts"),
        ({"network.pods": "10.244.0.0"}, "network/pods"),
        ({"network.node_ports": "30000:32767"}, "network/node_ports"),
        ({"network.backend": "calico"}, "network/backend"),
        ({"environment": "staging"}, "environment"),
        ({"kubernetes.version": "v1.36.3"}, "kubernetes/version"),
        ({"pools.workers.taints": ["gpu=yes:Never"]}, "pools/workers/taints/0"),
        ({"artifacts.mirror": "http://10.89.0.1"}, "artifacts/mirror"),
        ({"kubelet.eviction_hard": {"memory.free": "1Gi"}}, "kubelet/eviction_hard"),
    ],
)
def test_wrong_keys_and_values_are_rejected_at_their_path(edits: dict[str, object], at: str) -> None:
    (error,) = schema_errors(with_edits(TWO_WORKERS, edits))
    assert "/".join(map(str, error.absolute_path)) == f"config/kubewright:cluster/{at}".rstrip("/")


def test_unknown_keys_of_the_stack_file_are_rejected() -> None:
    assert schema_errors(TWO_WORKERS, **{"kubewright:clusters": {}})
    assert list(VALIDATOR.iter_errors({"configuration": {}}))
