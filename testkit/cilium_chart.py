"""The chart of Cilium, from its Go module, and a check of its objects with the schemas of Kubernetes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft4Validator

from artifacts import gobuild
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from testkit.cluster import tool

_GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def copy_chart(directory: Path) -> Path:
    """Copy the chart of the module into a directory `cilium` of `directory`. Return its path."""
    source = _module_source("github.com/cilium/cilium", binary("cilium-agent").module, directory)
    target = directory / "cilium"
    shutil.copytree(source / "install/kubernetes/cilium", target, copy_function=shutil.copyfile)
    return target


def render(chart: Path, values: Mapping[str, object], kubernetes: str) -> list[dict[str, Any]]:
    """Return the objects that Helm renders. Helm checks the values with the schema of the chart."""
    command = [tool("helm"), "template", "cilium", str(chart), "--namespace", "kube-system"]
    command += ["--kube-version", kubernetes, "--values", "-"]
    result = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return [item for item in yaml.safe_load_all(result.stdout) if item]


class KubernetesSchemas:
    """The schemas of all objects in the OpenAPI document of a Kubernetes release, from its Go module."""

    def __init__(self, directory: Path) -> None:
        source = _module_source("k8s.io/kubernetes", binary("kubelet").module, directory)
        self._document = json.loads((source / "api/openapi-spec/swagger.json").read_text())
        for definition in self._document["definitions"].values():
            # The document describes these types as text, and the API server accepts numbers too.
            if definition.get("format") == "int-or-string":
                definition["type"] = ["string", "integer"]
        self._document["definitions"][_QUANTITY]["type"] = ["string", "number"]
        self._names = {
            (kind["group"], kind["version"], kind["kind"]): name
            for name, definition in self._document["definitions"].items()
            for kind in definition.get(_GROUP_VERSION_KIND, [])
        }

    def problems(self, item: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with an object: unknown kinds and fields, missing fields, wrong types."""
        group, _, version = item["apiVersion"].rpartition("/")
        name = self._names.get((group, version, item["kind"]))
        if name is None:
            yield f"{item['kind']}: unknown in {item['apiVersion']}"
            return
        reference = f"#/definitions/{name}"
        item = _without_nulls(item)
        validator = Draft4Validator({"$ref": reference, "definitions": self._document["definitions"]})
        for error in validator.iter_errors(item):
            yield f"{item['kind']} {item['metadata']['name']} {error.json_path}: {error.message}"
        yield from self._unknown_fields(item, {"$ref": reference}, item["kind"])

    def _unknown_fields(self, value: object, schema: Mapping[str, Any], path: str) -> Iterator[str]:
        reference = str(schema.get("$ref", ""))
        if reference:
            schema = self._document["definitions"][reference.removeprefix("#/definitions/")]
        if isinstance(value, list):
            for number, entry in enumerate(value):
                yield from self._unknown_fields(entry, schema.get("items", {}), f"{path}[{number}]")
        if not isinstance(value, Mapping) or "properties" not in schema:
            return
        for key, entry in value.items():
            if key not in schema["properties"]:
                yield f"{path}.{key}: unknown field"
            else:
                yield from self._unknown_fields(entry, schema["properties"][key], f"{path}.{key}")


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value without keys that are null, which the API server treats as missing."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [_without_nulls(entry) for entry in value] if isinstance(value, list) else value


def _module_source(name: str, files: Path, directory: Path) -> Path:
    return gobuild.module_source(name, files, directory, Cache.default(), Progress(quiet=True))
