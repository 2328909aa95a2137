"""Tests of kinds, ids and generated names of resources."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lab.plugins.kubernetes.naming import AUTONAMED, Kind, kind_of, resource_id, split_id, with_name
from lab.plugins.runtime.errors import InvalidInput, PluginError
from lab.plugins.runtime.values import UNKNOWN, Secret, Value

CONFIG_MAP = Kind("v1", "ConfigMap")


def named_inputs(
    inputs: dict[str, Value], *, kind: Kind = CONFIG_MAP, olds: dict[str, Value] | None = None
) -> dict[str, Any]:
    metadata = with_name(inputs, kind=kind, name="Web", olds=olds or {}, seed=b"seed", namespace="team")[
        "metadata"
    ]
    return dict(metadata.value if isinstance(metadata, Secret) else metadata)


def test_missing_name_is_generated_once_and_kept() -> None:
    first = named_inputs({})
    assert re.fullmatch(r"web-[0-9a-f]{8}", first["name"])
    assert first["annotations"] == {AUTONAMED: "true"}
    again = with_name(
        {}, kind=CONFIG_MAP, name="web", olds={"metadata": first}, seed=b"other", namespace="team"
    )
    assert again["metadata"]["name"] == first["name"]


def test_explicit_name_is_not_kept_after_its_removal() -> None:
    assert named_inputs({}, olds={"metadata": {"name": "given"}})["name"] != "given"


def test_namespaced_kinds_default_to_the_namespace_of_the_provider() -> None:
    assert named_inputs({"metadata": {"name": "a"}}) == {"name": "a", "namespace": "team"}
    assert named_inputs({"metadata": {"name": "a"}}, kind=Kind("v1", "Namespace")) == {"name": "a"}
    assert named_inputs({"metadata": {"name": "a"}}, kind=Kind("example.com/v1", "Widget")) == {"name": "a"}


def test_unknown_and_generated_names_are_not_changed() -> None:
    assert named_inputs({"metadata": {"name": UNKNOWN, "namespace": "x"}}) == {
        "name": UNKNOWN,
        "namespace": "x",
    }
    assert "name" not in named_inputs({"metadata": {"generateName": "a-"}})


def test_secret_metadata_stays_secret() -> None:
    metadata = with_name(
        {"metadata": Secret({"name": "a"})}, kind=CONFIG_MAP, name="w", olds={}, seed=b"", namespace="n"
    )
    assert isinstance(metadata["metadata"], Secret)


def test_patch_requires_the_name_of_its_object() -> None:
    with pytest.raises(InvalidInput, match="must name the object"):
        named_inputs({}, kind=Kind("v1", "Node", patch=True))


@pytest.mark.parametrize(
    ("token", "inputs", "expected"),
    [
        ("kubernetes:core/v1:ConfigMap", {"apiVersion": "v1", "kind": "ConfigMap"}, Kind("v1", "ConfigMap")),
        ("kubernetes:core/v1:ConfigMap", {}, Kind("v1", "ConfigMap")),
        ("kubernetes:apps/v1:Deployment", {}, Kind("apps/v1", "Deployment")),
        (
            "kubernetes:core/v1:NodePatch",
            {"apiVersion": "v1", "kind": "Node"},
            Kind("v1", "Node", patch=True),
        ),
        ("kubernetes:example.com/v1:Widget", {}, Kind("example.com/v1", "Widget")),
    ],
)
def test_kind_is_parsed_from_the_type_token(token: str, inputs: dict[str, Value], expected: Kind) -> None:
    assert kind_of(token, inputs) == expected


def test_lists_are_refused() -> None:
    with pytest.raises(PluginError, match="one by one"):
        kind_of("kubernetes:core/v1:ConfigMapList", {"apiVersion": "v1", "kind": "ConfigMapList"})


def test_ids_are_built_and_split() -> None:
    assert resource_id({"metadata": {"name": "a", "namespace": "b"}}) == "b/a"
    assert split_id("b/a", "default") == ("b", "a")
    assert split_id("a", "default") == ("default", "a")
