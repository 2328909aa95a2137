"""Check, before `up` removes an add-on, that no object waits for its program [H2].

A finalizer keeps a deleted object until its controller has removed the finalizer. `up` deletes the programs
of an add-on before its custom resource definitions, because the programs need the definitions. An object that
then still has a finalizer of the add-on would remain forever, and with it its definition and its namespace.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assembly import topology_or_none
from automation.engine.program import Engine
from automation.engine.state import StateReader, export_encrypted, resources_of
from automation.errors import UserError
from automation.operations.api_client import ApiClient, ApiError
from automation.operations.rewrite import ApiResource, pages
from formats.lists import shorten_list
from topology.model import Topology

_DEFINITION = "CustomResourceDefinition"
_METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class AddOn:
    """An add-on whose program removes finalizers. `setting` is the section in the stack file."""

    setting: str
    is_present: Callable[[Topology], bool]


ADD_ONS: Mapping[str, AddOn] = MappingProxyType(
    {
        "kubewright:index:CertManager": AddOn(
            "addons.cert_manager", lambda topology: bool(topology.cert_manager)
        ),
        "kubewright:index:Keda": AddOn("addons.keda", lambda topology: topology.keda is not None),
        "kubewright:index:VolumeSnapshots": AddOn(
            "storage.snapshots", lambda topology: topology.storage.snapshots
        ),
    }
)
"""Add-ons by the type of their component."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A custom resource definition: its name (`scaledobjects.keda.sh`), and the path of its objects."""

    name: str
    path: str

    @property
    def group(self) -> str:
        """The API group, whose name is a part of the finalizers of the add-on."""
        return self.name.partition(".")[2]


def begin(engine: Engine, read_state: StateReader) -> None:
    """Check the change before `up`, and forget the record of the last one: a failed `up` can create a part of
    an add-on.

    Raise `UserError` when objects would wait forever for a removed add-on, or when the API does not answer.
    """
    topology = topology_or_none(engine.workspace.config)
    if topology is not None:
        try:
            _check(engine, read_state(), topology)
        except ApiError as error:
            raise UserError(f"{error}; nothing was changed; run `up` again when the API answers") from None
    _record_file(engine).unlink(missing_ok=True)


def check_preview(engine: Engine, show: Callable[[str], object]) -> None:
    """Raise `UserError` when objects would wait forever for a removed add-on.

    The state is read only if the add-ons have changed since the last `up`. When the API does not answer, show
    a line about it.
    """
    topology = topology_or_none(engine.workspace.config)
    if topology is None or _is_recorded(engine, topology):
        return
    try:
        _check(engine, export_encrypted(engine), topology)
    except ApiError as error:
        show(f"{error}; `up` lists them again")


def _check(engine: Engine, state: Mapping[str, Any], topology: Topology) -> None:
    """Raise `UserError` when objects would wait forever, and ApiError when the API does not answer."""
    removed = removed_definitions(state, topology)
    if not removed:
        return
    stack = engine.workspace.stack
    try:
        api = ApiClient(json.loads(engine.read_output("kubeconfig")))
        blocked = {setting: blocked_objects(api, found) for setting, found in removed.items()}
    except ApiError as error:
        message = f"objects with finalizers could not be listed: {error}"
        raise ApiError(f"stack {stack}: {', '.join(removed)}: {message}", error.status) from None
    problems = [_describe(setting, found) for setting, found in blocked.items() if found]
    if problems:
        raise UserError("\n".join(f"stack {stack}: {problem}" for problem in problems))


def removed_definitions(state: Mapping[str, Any], topology: Topology) -> dict[str, list[Definition]]:
    """Return the definitions of each add-on in an exported state that a topology lacks, by its setting."""
    resources = resources_of(state)
    found: dict[str, list[Definition]] = {}
    for component in resources:
        add_on = ADD_ONS.get(str(component.get("type")))
        if add_on is None or add_on.is_present(topology):
            continue
        # The order of resources in a state depends on which resource was ready first.
        definitions = sorted(
            (
                _definition(resource["inputs"])
                for resource in resources
                if resource.get("parent") == component["urn"]
                and str(resource.get("type")).rpartition(":")[2] == _DEFINITION
            ),
            key=lambda definition: definition.name,
        )
        if definitions:
            found[add_on.setting] = definitions
    return found


def _definition(inputs: Mapping[str, Any]) -> Definition:
    spec = inputs["spec"]
    version = next(item["name"] for item in spec["versions"] if item.get("storage"))
    return Definition(inputs[_METADATA]["name"], f"/apis/{spec['group']}/{version}/{spec['names']['plural']}")


def blocked_objects(api: ApiClient, definitions: Sequence[Definition]) -> dict[str, list[str]]:
    """Return the objects with finalizers of the add-on, as `namespace/name`, by the name of their definition.

    Finalizers of other programs do not count, because these programs still run.
    """
    groups = {definition.group for definition in definitions}
    found = {
        definition.name: [
            "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
            for metadata in _objects(api, definition)
            if any(group in finalizer for finalizer in metadata.get("finalizers", ()) for group in groups)
        ]
        for definition in definitions
    }
    return {name: objects for name, objects in found.items() if objects}


def _objects(api: ApiClient, definition: Definition) -> Iterator[Mapping[str, Any]]:
    """Yield the metadata of all objects. A definition that does not exist any more has none."""
    try:
        for items, _ in pages(api, ApiResource(definition.name, definition.path)):
            yield from (item[_METADATA] for item in items)
    except ApiError as error:
        if error.status != 404:
            raise


def _describe(setting: str, objects: Mapping[str, Sequence[str]]) -> str:
    names = [f"{kind} {name}" for kind, found in objects.items() for name in found]
    return (
        f"{setting}: the stack file removes the add-on, but these objects have finalizers that only the "
        f"add-on removes: {shorten_list(names)}; nothing was changed; delete the objects while the add-on "
        f"runs: `kubectl delete {','.join(objects)} --all --all-namespaces`, then run `up` again"
    )


def record_success(engine: Engine) -> None:
    """Record that the cluster has exactly the add-ons of the stack file."""
    topology = topology_or_none(engine.workspace.config)
    if topology is not None:
        _record_file(engine).write_text(_fingerprint(topology))


def _is_recorded(engine: Engine, topology: Topology) -> bool:
    """Check whether the last `up` had no other add-ons. The state, which takes a second, is then not read."""
    file = _record_file(engine)
    if all(add_on.is_present(topology) for add_on in ADD_ONS.values()):
        return True
    return file.is_file() and file.read_text() == _fingerprint(topology)


def _record_file(engine: Engine) -> Path:
    return engine.workspace.directory / "add-ons"


def _fingerprint(topology: Topology) -> str:
    return "".join(f"{item.setting}\n" for item in ADD_ONS.values() if item.is_present(topology))
