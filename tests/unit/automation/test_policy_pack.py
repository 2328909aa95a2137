"""Tests of the policy pack in a separate directory: the pack imports nothing from the checkout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.policy_pack import REQUIREMENTS, write_policy_pack
from policy.rules.table import RULES

# The program reports the rules of the pack, and the file of every loaded module.
PROGRAM = """
import json, sys
sys.path[:0] = [sys.argv[1]]
import policy.pack
rules = [each.name for each in policy.pack.policies()]
modules = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps({"rules": rules, "files": [file for file in modules.values() if file]}))
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pack") / "published"
    write_policy_pack(directory)
    return directory


def test_pack_loads_no_file_outside_its_directory(pack: Path) -> None:
    # In isolated mode Python ignores PYTHONPATH and the current directory.
    command = [sys.executable, "-I", "-B", "-c", PROGRAM, str(pack)]
    output = subprocess.run(command, cwd=pack, capture_output=True, text=True, check=True).stdout
    loaded = json.loads(output)
    assert loaded["rules"] == [rule.name for rule in RULES]
    assert any(file.startswith(f"{pack}/") for file in loaded["files"])
    assert not [file for file in loaded["files"] if Path(file).is_relative_to(CHECKOUT)]


def test_pack_has_the_entry_point_and_the_pinned_requirements(pack: Path) -> None:
    assert (pack / "PulumiPolicy.yaml").is_file()
    assert "PolicyPack(" in (pack / "__main__.py").read_text()
    lines = (pack / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in lines} == set(REQUIREMENTS)
    assert all(re.fullmatch(r"[A-Za-z-]+==[0-9.]+", line) for line in lines)


def test_pack_contains_only_python_files_the_manifest_and_the_requirements(pack: Path) -> None:
    others = {
        str(path.relative_to(pack)) for path in pack.rglob("*") if path.is_file() and path.suffix != ".py"
    }
    assert others == {"PulumiPolicy.yaml", "requirements.txt"}


def test_directory_with_files_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="not an empty directory"):
        write_policy_pack(tmp_path)
