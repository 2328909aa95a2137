"""The `copy-keys` command: starts the state of a new stack with keys of another stack.

A snapshot of etcd contains Secrets that only the encryption keys of its time can decrypt. A cluster in
another region therefore needs the encryption keys of the cluster whose snapshot it gets. With its authority
and its service account keys, kubeconfigs and tokens remain valid.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from automation.engine.state import State, export_encrypted, resources_of, without_references
from automation.errors import UserError
from automation.operations.target import Target
from automation.workspace import PROJECT
from topology.certificates import KUBERNETES_CA, SERVICE_ACCOUNT, generation_name, trusted_names
from topology.encryption import ENCRYPTION
from topology.model import Topology

_KEPT_PARTS = ("manifest", "secrets_providers")
_STACK_TYPE = "pulumi:pulumi:Stack"
_KEY_TYPE, _CERTIFICATE_TYPE = "tls:index/privateKey:PrivateKey", "tls:index/selfSignedCert:SelfSignedCert"


def copy_keys(source: Target, target: Target) -> None:
    """Import the keys of a stack into the state of a new stack.

    Raise UserError when the new stack has resources already, when the stacks have other generations of keys,
    or when the first stack has no keys.
    """
    names = copied_names(source.topology)
    if names != copied_names(target.topology):
        raise UserError(
            f"stack {target.stack}: its section `certificates` has other generations of keys than that of "
            f"stack {source.stack}; copy the section, then run this command again"
        )
    target.engine.select()
    if resources_of(export_encrypted(target.engine)):
        raise UserError(
            f"stack {target.stack}: has resources already, so its keys stay; copy keys before the first `up`"
        )
    exported = export_encrypted(source.engine)
    state = keys_of(exported, names, source.engine.workspace.short_name, target.engine.workspace.short_name)
    target.engine.import_state(json.dumps(state))
    print(
        f"stack {target.stack} has the authority, the encryption keys and the service account keys of stack "
        f"{source.stack}; now run `kubewright up --stack {target.stack}`"
    )


def copied_names(topology: Topology) -> set[str]:
    """Return the names of the keys and authorities that a restored cluster needs."""
    generations = topology.certificates.rotation(ENCRYPTION).trusted
    return {
        *trusted_names(topology, KUBERNETES_CA),
        *trusted_names(topology, SERVICE_ACCOUNT),
        *(generation_name(ENCRYPTION, number) for number in generations),
    }


def keys_of(state: State, names: Collection[str], stack: str, new_stack: str) -> State:
    """Return the keys and authorities of these names in an exported state, as the state of a new stack.

    Raise UserError when a key is missing.
    """
    resources = {resource["urn"]: resource for resource in resources_of(state)}
    found = {urn: name for urn in resources if (name := _copied_name(resources[urn], names))}
    keys = {name for urn, name in found.items() if resources[urn]["type"] == _KEY_TYPE}
    if missing := sorted(set(names) - keys):
        raise UserError(f"stack {stack}: its state has no key {missing[0]}; was its cluster created?")
    kept = {urn for key in found for urn in _with_ancestors(key, resources)}
    parts = [_reduced(resource, kept) for urn, resource in resources.items() if urn in kept]
    # The engine decrypts the keys with the secrets provider of the first stack when it imports them.
    deployment = {key: state["deployment"][key] for key in _KEPT_PARTS if key in state["deployment"]}
    deployment["resources"] = _renamed(parts, stack, new_stack)
    return {"version": state["version"], "deployment": deployment}


def _copied_name(resource: State, names: Collection[str]) -> str:
    """Return the name of the key or authority that a resource is; empty for other resources."""
    _, _, name = str(resource["urn"]).rpartition("::")
    suffix = {_KEY_TYPE: "-key", _CERTIFICATE_TYPE: ""}.get(resource["type"])
    if suffix is None or not name.endswith(suffix):
        return ""
    name = name.removesuffix(suffix)
    return next((each for each in names if name.endswith(f"pki-{each}")), "")


def _with_ancestors(urn: str, resources: State) -> Iterator[str]:
    """Yield a resource, its parents, and their providers."""
    while urn:
        yield urn
        resource = resources[urn]
        provider = str(resource.get("provider", "")).rpartition("::")[0]
        if provider:
            yield from _with_ancestors(provider, resources)
        urn = resource.get("parent", "")


def _reduced(resource: State, kept: Collection[str]) -> State:
    """Return a resource without outputs of components and without references to other resources."""
    result = without_references(resource, kept.__contains__)
    if not result.get("custom"):
        result.pop("outputs", None)
        result.pop("inputs", None)
    return result


def _renamed(value: Any, stack: str, new_stack: str) -> Any:  # noqa: ANN401 - any part of a state
    """Return a part of a state with the URNs of another stack."""
    if isinstance(value, dict):
        return {key: _renamed(item, stack, new_stack) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, stack, new_stack) for item in value]
    prefix = f"urn:pulumi:{stack}::"
    if not isinstance(value, str) or not value.startswith(prefix):
        return value
    rest = value.removeprefix(prefix)
    if rest == f"{PROJECT}::{_STACK_TYPE}::{PROJECT}-{stack}":
        rest = f"{PROJECT}::{_STACK_TYPE}::{PROJECT}-{new_stack}"
    return f"urn:pulumi:{new_stack}::{rest}"
