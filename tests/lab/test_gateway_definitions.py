"""Test that the stored definitions of the Gateway API are those of upstream's module."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from artifacts import gobuild
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from components.addons import ingress_gateway
from testkit.definitions import upstream_definitions, write_definitions

MODULE = "sigs.k8s.io/gateway-api"
pytestmark = [pytest.mark.release, pytest.mark.timeout(600)]


def test_definitions_are_those_of_the_version_that_traefik_requires(tmp_path: Path) -> None:
    """With KUBEWRIGHT_UPDATE_TABLES=1, write the definitions of this version."""
    item, cache, progress = binary("traefik"), Cache.default(), Progress(quiet=True)
    traefik = gobuild.module_source(item.component.go_module, item.module, tmp_path, cache, progress)
    files = tmp_path / "traefik"
    files.mkdir()
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(traefik / name, files / name)
    module = gobuild.module_source(MODULE, files, tmp_path, cache, progress)
    assert module.name.endswith(f"@{gobuild.required_modules(files / 'go.mod')[MODULE]}")
    documents = upstream_definitions((module / "config/crd/standard").glob("*.yaml"))
    if os.environ.get("KUBEWRIGHT_UPDATE_TABLES"):
        write_definitions(ingress_gateway._DEFINITIONS, documents)
    assert json.loads(ingress_gateway._DEFINITIONS.read_text()) == documents
