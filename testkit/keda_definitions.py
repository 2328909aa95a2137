"""The definitions of KEDA's objects in upstream's module, as upstream's manifests have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from testkit.definitions import patched, without_descriptions


def module_definitions(module: Path) -> list[Any]:
    """Return the definitions in the directory of the module with the patches of upstream's kustomization.

    They have no descriptions.
    """
    directory = module / "config" / "crd"
    patches = {
        item["target"]["name"]: yaml.safe_load((directory / item["path"]).read_text())
        for item in yaml.safe_load((directory / "kustomization.yaml").read_text())["patches"]
    }
    documents = [yaml.safe_load(path.read_text()) for path in sorted((directory / "bases").glob("*.yaml"))]
    return [
        without_descriptions(patched(item, patches.get(item["metadata"]["name"], ()))) for item in documents
    ]
