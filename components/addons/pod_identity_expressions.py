"""CEL expressions of the admission policies for identities of pods.

The mutations are JSON patches: an apply configuration must not change atomic lists, such as the sources of a
projected volume. https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy
"""

from __future__ import annotations

import json
from collections.abc import Sequence


def cel(value: object) -> str:
    """Return a text, a number, or a list or mapping of them as a CEL literal. JSON is a subset of CEL."""
    return json.dumps(value)


def has_service_account(accounts: Sequence[str]) -> str:
    """Return the condition that a pod has one of the service accounts, each written as `NAMESPACE/NAME`."""
    account = 'request.namespace + "/" + object.spec.?serviceAccountName.orValue("default")'
    return f"({account}) in {cel(sorted(accounts))}"


def is_no_mirror_pod() -> str:
    """Return the condition that a pod is not the mirror of a static pod, which can have no token."""
    return '!("kubernetes.io/config.mirror" in object.metadata.?annotations.orValue({}))'


def add_volume(name: str, audience: str, file: str, seconds: int) -> str:
    """Return the patches that add a projected volume with a token, unless the pod has a volume of this name.

    `seconds` is the lifetime of the token.
    """
    token_type = "Object.spec.volumes.projected.sources.serviceAccountToken"
    token = f"{token_type}{{audience: {cel(audience)}, expirationSeconds: {cel(seconds)}, path: {cel(file)}}}"
    source = f"Object.spec.volumes.projected.sources{{serviceAccountToken: {token}}}"
    projected = f"Object.spec.volumes.projected{{sources: [{source}]}}"
    volume = f"Object.spec.volumes{{name: {cel(name)}, projected: {projected}}}"
    return (
        f"{_has_item('object.spec', 'volumes', name)} ? [] :\n"
        f"{_create_list('object.spec', 'volumes', cel('/spec'))} +\n"
        f'[JSONPatch{{op: "add", path: "/spec/volumes/-", value: {volume}}}]'
    )


def add_to_containers(containers: str, volume: str, mount_path: str) -> str:
    """Return the patches that add the variables and the mount to each container that lacks them.

    `containers` is the field of the pod with the containers. The variable `environment` of the policy has a
    list of names and values.
    """
    path = f'"/spec/{containers}/" + string(number)'
    variable = f"Object.spec.{containers}.env{{name: item.name, value: item.value}}"
    mount = (
        f"Object.spec.{containers}.volumeMounts"
        f"{{name: {cel(volume)}, mountPath: {cel(mount_path)}, readOnly: true}}"
    )
    return (
        f"object.spec.?{containers}.orValue([]).transformList(number, container,\n"
        f"  {_create_list('container', 'env', path)} +\n"
        "  variables.environment"
        ".filter(item, !container.?env.orValue([]).exists(own, own.name == item.name))"
        f'.map(item, JSONPatch{{op: "add", path: {path} + "/env/-", value: {variable}}}) +\n'
        f"  {_create_list('container', 'volumeMounts', path)} +\n"
        f"  ({_has_item('container', 'volumeMounts', volume)} ? [] :\n"
        f'  [JSONPatch{{op: "add", path: {path} + "/volumeMounts/-", value: {mount}}}])\n'
        ").flatten()"
    )


def _create_list(owner: str, field: str, path: str) -> str:
    """Return the patch that creates a list if its owner has none. `path` is an expression."""
    return f'(has({owner}.{field}) ? [] : [JSONPatch{{op: "add", path: {path} + "/{field}", value: []}}])'


def _has_item(owner: str, field: str, name: str) -> str:
    return f"{owner}.?{field}.orValue([]).exists(item, item.name == {cel(name)})"
