"""Test that code names a cloud only in the cloud's packages and in the files of a table with reasons."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLOUD = re.compile(r"\b(?:aws|azure|amazon|microsoft)\b|\b(?:Aws|Azure)[A-Z]\w*", re.IGNORECASE)
CODE = ("*.py", "*.sh", "*.j2")

ALLOWED = {
    "providers/aws/": "the cloud's own package",
    "providers/azure/": "the cloud's own package",
    "providers/registry.py": "the list of all clouds",
    "settings/": "the clouds' sections, and the rules about them",
    "package/": "arguments are generated from the settings; extras of the package have names of clouds",
    "setup.py": "extras of the package have names of clouds",
    "nodeconfig/snapshot_targets.py": "names of stores in the configuration of rclone",
    "topology/velero.py": "images of upstream's plugins for stores",
    "components/addons/velero_values.py": "names of stores and of their plugins in the chart of Velero",
    "components/addons/distribution_config.py": "names of stores in the configuration of distribution",
    "artifacts/components.py": "upstream's Go module of a program for the nodes of that cloud",
    "lab/cloud/aws/": "the emulation of that cloud",
    "lab/cloud/azure/": "the emulation of that cloud",
    "lab/plugins/aws/": "the stand-in for the plugin of that cloud in labs",
    "lab/plugins/azure_native/": "the stand-in for the plugin of that cloud in labs",
    "lab/plugins/install.py": "files of one cloud that the stand-ins import",
    "automation/emulated_cloud.py": "the clouds that labs emulate for whole stacks",
    "automation/stacks/cloud_lab_down.py": "the clouds that labs emulate for whole stacks",
    "lab/plugins/generic/": "the stand-in for the clouds' plugins: facts of each cloud for previews",
    "lab/plugins/kubernetes/replacement.py": "names of volume types in the Kubernetes API",
    "lab/spec.py": "the list of emulated clouds",
    "redaction/secret_patterns.py": "public formats of keys and tokens, by the service that issues them",
    "benchmarks/": "the clouds that a benchmark measures",
    "tests/": "tests name what they test",
    "testkit/": "tests name what they test",
}
"""Paths, or prefixes of paths, whose files may name a cloud, with the reasons."""


def code_files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *CODE]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [path for path in listed if (ROOT / path).is_file()]


def lines_with_cloud_names(path: str) -> list[str]:
    lines = (ROOT / path).read_text().splitlines()
    return [f"{path}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if CLOUD.search(line)]


def test_clouds_are_named_only_where_the_table_allows() -> None:
    checked_paths = [path for path in code_files() if not path.startswith(tuple(ALLOWED))]
    assert not [line for path in checked_paths for line in lines_with_cloud_names(path)]


@pytest.mark.parametrize("prefix", ALLOWED)
def test_each_exception_is_needed(prefix: str) -> None:
    assert any(lines_with_cloud_names(path) for path in code_files() if path.startswith(prefix))
