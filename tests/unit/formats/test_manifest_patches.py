"""Tests of patches of rendered manifests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from formats import manifest_patches
from formats.manifest_patches import PatchError, patch_manifest

MANIFEST = """\
---
# Source: web/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: web}   # a comment
spec: {ports: [{port: 80}]}
---
# Source: web/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {date: 2026-01-01, ports: 8080:80, mode: 0644, ratio: 1e3, on: "yes"}
spec:
  replicas: 2
  template: {spec: {containers: [{name: a, args: [--one]}, {name: b}]}}
--- # the end
"""
TARGET = {"kind": "Deployment", "name": "web"}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    text = patch_manifest(MANIFEST, [{"target": TARGET, "operations": list(operations)}])
    found: dict[str, Any] = list(yaml.safe_load_all(text))[1]
    return found


def test_other_objects_keep_their_text() -> None:
    text = patch_manifest(MANIFEST, [{"target": TARGET, "merge": {"spec": {"replicas": 3}}}])
    assert "metadata: {name: web}   # a comment" in text
    assert [item["kind"] for item in yaml.safe_load_all(text)] == ["Service", "Deployment"]


def test_merge_changes_removes_and_adds_fields() -> None:
    merge = {"metadata": {"annotations": None, "labels": {"a": "b"}}, "spec": {"replicas": 3}}
    found = list(yaml.safe_load_all(patch_manifest(MANIFEST, [{"target": TARGET, "merge": merge}])))[1]
    assert found["metadata"] == {"name": "web", "labels": {"a": "b"}}
    assert found["spec"]["replicas"] == 3
    assert len(found["spec"]["template"]["spec"]["containers"]) == 2


def test_scalars_are_those_of_helm() -> None:
    text = patch_manifest(MANIFEST, [{"target": TARGET, "merge": {}}])
    document = json.loads(text.split("---\n")[2])
    assert document["metadata"]["annotations"] == {
        "date": "2026-01-01",
        "ports": "8080:80",
        "mode": 420,
        "ratio": 1000.0,
        "true": "yes",
    }


CONTAINERS = "/spec/template/spec/containers"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": f"{CONTAINERS}/0/args/-", "value": "--two"}, ["--one", "--two"]),
        ({"op": "add", "path": f"{CONTAINERS}/0/args/0", "value": "--two"}, ["--two", "--one"]),
        ({"op": "replace", "path": f"{CONTAINERS}/0/args/0", "value": "--two"}, ["--two"]),
        ({"op": "remove", "path": f"{CONTAINERS}/0/args/0"}, []),
    ],
)
def test_operations_change_elements_of_lists(operation: dict[str, Any], expected: list[str]) -> None:
    assert patched(operation)["spec"]["template"]["spec"]["containers"][0]["args"] == expected


def test_keys_with_slashes_are_escaped() -> None:
    operation = {"op": "add", "path": "/metadata/annotations/a.example~1b~0c", "value": "d"}
    assert patched(operation)["metadata"]["annotations"]["a.example/b~c"] == "d"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "replace", "path": "/spec/strategy", "value": 1}, "/spec/strategy: no such field"),
        ({"op": "add", "path": "/spec/a/b", "value": 1}, "/spec/a/b: no such field"),
        ({"op": "remove", "path": f"{CONTAINERS}/2"}, "the list has 2 elements"),
        ({"op": "add", "path": f"{CONTAINERS}/x/args", "value": 1}, "the list has 2 elements"),
    ],
)
def test_operation_on_a_missing_field_is_refused(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(PatchError, match=r"patches\[0\]\.operations\[0\]") as error:
        patched(operation)
    assert message in str(error.value)


def test_target_without_an_object_is_refused() -> None:
    patch = {"target": {"kind": "Deployment", "name": "wbe"}, "merge": {}}
    with pytest.raises(PatchError, match="the chart has no Deployment with the name wbe"):
        patch_manifest(MANIFEST, [patch])


def test_target_without_a_name_selects_all_objects_of_its_kind() -> None:
    twice = MANIFEST + MANIFEST.replace("name: web\n", "name: other\n")
    text = patch_manifest(twice, [{"target": {"kind": "Deployment"}, "merge": {"spec": {"replicas": 5}}}])
    found = [item for item in yaml.safe_load_all(text) if item["kind"] == "Deployment"]
    assert [item["spec"]["replicas"] for item in found] == [5, 5]


def test_program_patches_standard_input_and_names_errors(tmp_path: Path) -> None:
    file = tmp_path / "patches.json"
    command = [sys.executable, "-I", str(manifest_patches.__file__), str(file)]
    for kind, code in (("Deployment", 0), ("Job", 1)):
        file.write_text(json.dumps([{"target": {"kind": kind}, "merge": {"spec": {"replicas": 7}}}]))
        result = subprocess.run(command, input=MANIFEST, capture_output=True, text=True, check=False)
        assert result.returncode == code
    assert result.stderr == "patches[0].target: the chart has no Job; correct the target\n"
