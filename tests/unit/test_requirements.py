"""Test that docs/requirements.md defines every requirement id that code, tests and documents cite."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "docs/requirements.md"
# An id or several ids in brackets, such as [C2, J4]. Ids of sections K, L and M have no number.
CITATION = re.compile(r"(?<!\w)\[((?:[A-P]\d|[KLM])(?:, (?:[A-P]\d|[KLM]))*)\](?!\()")
DEFINITION = re.compile(r"^- \*\*([A-P]\d?)\*\* ", re.MULTILINE)


def defined_ids() -> list[str]:
    return DEFINITION.findall(REQUIREMENTS.read_text())


def cited_ids() -> dict[str, str]:
    """Return each cited id with one file that cites it."""
    command = ["git", "ls-files", "*.py", "*.sh", "*.md", "*.yaml", "Makefile"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = [path for path in listed if (ROOT / path).is_file()]
    return {
        requirement: path
        for path in files
        for ids in CITATION.findall((ROOT / path).read_text())
        for requirement in ids.split(", ")
    }


def test_every_cited_id_is_defined() -> None:
    defined = set(defined_ids())
    assert not {requirement: path for requirement, path in cited_ids().items() if requirement not in defined}


def test_no_id_is_defined_twice() -> None:
    assert len(defined_ids()) == len(set(defined_ids()))


def test_citations_are_found() -> None:
    assert len(cited_ids()) > 30
