"""Rules about the patches of Helm releases."""

from __future__ import annotations

from collections.abc import Iterator

from settings.helm_patches import HelmPatchSettings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule

_IDENTITY = ("apiVersion", "kind")
_NAMES = ("name", "namespace")


@rule(needs_valid=("helm_releases",))
def patches_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that each patch has one form, that its operations are complete, and that no patch renames."""
    for name, release in rule_input.settings.helm_releases.items():
        for position, patch in enumerate(release.patches):
            path = f"helm_releases.{name}.patches[{position}]"
            if (patch.merge is None) == (not patch.operations):
                yield Problem(path, "", "needs either merge or operations; write one of them")
                continue
            yield from _operation_problems(path, patch)
            yield from _identity_problems(path, patch)


def _operation_problems(path: str, patch: HelmPatchSettings) -> Iterator[Problem]:
    for number, operation in enumerate(patch.operations):
        where = f"{path}.operations[{number}]"
        has_value = "value" in operation.model_fields_set
        if not operation.path.startswith("/") or operation.path == "/":
            message = "not the path of a field; write a JSON pointer such as /spec/replicas"
            yield Problem(f"{where}.path", f'"{operation.path}"', message)
        if operation.op == "remove" and has_value:
            yield Problem(f"{where}.value", "", "remove needs no value; remove the key, or use replace")
        if operation.op != "remove" and not has_value:
            yield Problem(f"{where}.value", "", f"missing; {operation.op} needs the new value")


def _identity_problems(path: str, patch: HelmPatchSettings) -> Iterator[Problem]:
    """Yield a problem for a patch of a name: Helm would not find the object in the next upgrade."""
    merge = patch.merge or {}
    metadata = merge.get("metadata")
    changed = [key for key in _IDENTITY if key in merge]
    if isinstance(metadata, dict):
        changed += [f"metadata.{key}" for key in _NAMES if key in metadata]
    pointers = {f"/{key}" for key in _IDENTITY} | {f"/metadata/{key}" for key in _NAMES}
    changed += [operation.path for operation in patch.operations if operation.path in pointers]
    for key in changed:
        message = f"changes {key}, but an object keeps its kind, name and namespace; remove the field"
        yield Problem(path, "", message)
