"""The workflows of this repository, for their tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from testkit.cluster import CHECKOUT

WORKFLOWS = sorted((CHECKOUT / ".github/workflows").glob("*.yml"))

ACTION = CHECKOUT / ".github/actions/credentials/action.yml"


def read_yaml(path: Path) -> dict[str, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the bare word `on` as true.
    return {"on" if key is True else str(key): value for key, value in document.items()}


def all_jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read_yaml(path)["jobs"].items():
            yield path.stem, name, job


JOBS = list(all_jobs())


def all_steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for workflow, name, job in JOBS:
        for step in job["steps"]:
            yield f"{workflow}/{name}", step
    for step in read_yaml(ACTION)["runs"]["steps"]:
        yield "credentials", step
