"""Compares the Helm releases of a stack with its state and its cluster, without changes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from automation.engine.program import Engine
from automation.errors import UserError
from automation.operations.api_client import ApiClient, ApiError
from automation.releases.connection import find_kubeconfig
from automation.releases.drift import (
    InstalledRelease,
    ReleaseDifference,
    compare_objects,
    compare_record,
    releases_in_state,
)
from automation.releases.observe import read_record
from automation.releases.record import ReleaseRecord

_TIMEOUT_SECONDS = 180

ReleaseComparison = Mapping[str, Sequence[ReleaseDifference] | str]
"""Maps `namespace/name` of a release to its differences, or to the reason why it was not compared."""


def compare_releases(engine: Engine) -> ReleaseComparison:
    """Compare all releases in the state of a stack. The cluster is read only if the state has a release."""
    releases = releases_in_state(engine.export_state())
    if not releases:
        return {}
    try:
        kubeconfig = find_kubeconfig(engine)
    except (UserError, ApiError) as error:
        return {f"{item.namespace}/{item.name}": f"not compared: {error}" for item in releases}
    result: dict[str, Sequence[ReleaseDifference] | str] = {}
    for item in releases:
        try:
            result[f"{item.namespace}/{item.name}"] = compare_release(
                item, kubeconfig, engine.environment.tools / "kubectl"
            )
        except (UserError, ApiError) as error:
            result[f"{item.namespace}/{item.name}"] = f"not compared: {error}"
    return result


def compare_release(
    release: InstalledRelease, kubeconfig: Mapping[str, Any], kubectl: Path
) -> list[ReleaseDifference]:
    """Compare a release. Raise ApiError or UserError if the API does not answer or refuses its manifest."""
    record = read_record(ApiClient(kubeconfig), release.namespace, release.name)
    differences = compare_record(release, record)
    if record is not None and record.objects:
        differences += _compare_manifest(record, kubeconfig, kubectl)
    return differences


def _compare_manifest(
    record: ReleaseRecord, kubeconfig: Mapping[str, Any], kubectl: Path
) -> list[ReleaseDifference]:
    """Compare the objects with the result of applying the manifest in a dry run.

    The API server completes the defaults of objects and converts quantities, so that only real differences
    remain.
    """
    with TemporaryDirectory(prefix="kubewright-drift-") as name:
        file = Path(name) / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(json.dumps(kubeconfig))
        command = [str(kubectl), f"--kubeconfig={file}", f"--namespace={record.namespace}"]
        read = ("get", "--ignore-not-found")
        found = _run([*command, *read], record)
        dry_run = ("apply", "--server-side", "--dry-run=server", "--force-conflicts", "--field-manager=helm")
        wanted = _run([*command, *dry_run], record)
    return compare_objects(wanted, found)


def _run(command: Sequence[str], record: ReleaseRecord) -> list[Any]:
    """Run kubectl with the manifest of a release, and return the objects that it prints."""
    try:
        result = subprocess.run(
            [*command, "--output=json", "--filename=-"],
            input=record.manifest,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise UserError("kubectl is not installed; run `kubewright prepare`") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"kubectl did not end within {_TIMEOUT_SECONDS} s") from None
    if result.returncode != 0:
        # The first line names the object; a message of the API can contain values of the object.
        line = (result.stderr.strip().splitlines() or ["no reason given"])[0]
        raise UserError(f"kubectl {command[3]} failed: {': '.join(line.split(': ')[:2])}")
    objects: list[Any] = []
    decoder, text = json.JSONDecoder(), result.stdout.strip()
    while text:
        content, end = decoder.raw_decode(text)
        objects += content["items"] if content.get("kind") == "List" else [content]
        text = text[end:].strip()
    return objects
