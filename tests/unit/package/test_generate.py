"""Tests that the generated files of the package are current and complete."""

from __future__ import annotations

import json

import yaml

from package import arguments
from package.generate import ARGUMENTS, SCHEMA, arguments_text, schema_text
from settings.cluster import Settings
from settings.reference import fields

COMPONENT = "kubewright:index:KubernetesCluster"
TO_UPDATE = "run `$PY -m package.generate`"


def test_the_arguments_are_current() -> None:
    assert ARGUMENTS.read_text() == arguments_text(), TO_UPDATE


def test_the_schema_is_current() -> None:
    assert SCHEMA.read_text() == schema_text(), TO_UPDATE


def test_the_manifest_is_beside_the_program_of_the_plugin() -> None:
    # The language host runs `__main__.py` beside the manifest. Other keys, such as `main`, have no effect.
    manifest = ARGUMENTS.parent / "PulumiPlugin.yaml"
    assert set(yaml.safe_load(manifest.read_text())) == {"runtime"}
    assert "component_provider_host(" in (manifest.parent / "__main__.py").read_text()
    assert not (manifest.parent.parent / "PulumiPlugin.yaml").exists()


def test_every_setting_is_an_argument() -> None:
    top = {path for path, _ in fields(Settings) if "." not in path}
    assert set(arguments.KubernetesClusterArgs.__annotations__) == {*top, "directory"}


def test_no_argument_has_the_name_of_an_output() -> None:
    # The SDK would return the argument instead of the output.
    resource = json.loads(SCHEMA.read_text())["resources"][COMPONENT]
    assert not set(resource["inputProperties"]) & set(resource["properties"])


def test_every_property_of_the_schema_is_documented() -> None:
    schema = json.loads(SCHEMA.read_text())
    resource = schema["resources"][COMPONENT]
    types = {name: kind["properties"] for name, kind in schema["types"].items()}
    groups = {"inputs": resource["inputProperties"], "outputs": resource["properties"], **types}
    undocumented = [
        f"{group}.{name}"
        for group, properties in groups.items()
        for name, item in properties.items()
        if not item.get("description")
    ]
    assert not undocumented
