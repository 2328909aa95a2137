"""Resource types of Azure: their ids, the bodies of their requests, and their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.plugins.azure_native.bodies import build_body, flat_properties
from lab.plugins.azure_native.checks import find_problems
from lab.plugins.azure_native.shapes import PACKAGE
from lab.plugins.azure_native.subscription import Subscription
from lab.plugins.generic import sdk
from lab.plugins.generic.emulated import EmulatedKind
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

_DEFAULT_SERVICE = "default"


class ArmKind(EmulatedKind[Subscription]):
    """A resource type that the API creates and changes by the same call, with the whole resource.

    `token` is its type token, `type` its type in the API. `names` are the inputs with the names in its id, in
    order; empty: the name is `default`. `wrapped` are paths of lists whose items have a part `properties` in
    the API and not in the package.
    """

    def __init__(self, token: str, type: str, names: tuple[str, ...], wrapped: tuple[str, ...] = ()) -> None:
        self.token, self.type, self.names, self.wrapped = token, type, names, wrapped

    def create(self, account: Subscription, inputs: Properties) -> str:
        """Create the resource."""
        return self._put(account, self.id(account, inputs), inputs)

    def describe(self, account: Subscription, identity: str, inputs: Properties) -> Properties:
        """Return the outputs in the response of the API that are no inputs."""
        return self.outputs(account.get(identity, self.version), inputs)

    def outputs(self, body: Mapping[str, Any], inputs: Properties) -> Properties:
        """Return the outputs of a resource of the API."""
        found = flat_properties(body)
        names = self._sdk.outputs - inputs.keys()
        outputs = {name: found[name] for name in names if found.get(name) is not None}
        if isinstance(body.get("identity"), Mapping):
            outputs["identity"] = _identity_output(body["identity"])
        return outputs

    def update(
        self, account: Subscription, identity: str, inputs: Properties, changed: frozenset[str]
    ) -> str:
        """Change the resource to its new inputs."""
        return self._put(account, identity, inputs)

    def delete(self, account: Subscription, identity: str, state: Properties) -> None:
        """Delete the resource."""
        account.delete(identity, self.version)

    def id(self, account: Subscription, inputs: Properties) -> str:
        """Return the id of a resource with these inputs."""
        provider, *kinds = self.type.split("/")
        group = f"/subscriptions/{account.id}/resourceGroups/{inputs['resourceGroupName']}"
        return f"{group}/providers/{provider}/{self.path(kinds, inputs)}"

    def path(self, kinds: list[str], inputs: Properties) -> str:
        """Return the part of the id with types and names."""
        names = [str(inputs[name]) if name else _DEFAULT_SERVICE for name in self.names]
        return "/".join(f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True))

    def body(self, inputs: Properties) -> dict[str, Any]:
        """Return the body of the request for a resource with these inputs."""
        rest = {key: value for key, value in inputs.items() if key not in self.path_inputs}
        return build_body(rest, self.wrapped)

    @property
    def path_inputs(self) -> frozenset[str]:
        """The inputs that are parts of the id."""
        return frozenset({*self.names, "resourceGroupName"})

    @property
    def version(self) -> str:
        """The version of the API that the package uses for this type."""
        return sdk.api_version(PACKAGE, self.token)

    @property
    def _sdk(self) -> sdk.ResourceType:
        kind = sdk.resource_type(PACKAGE, self.token)
        if kind is None:
            raise PluginError(f"{PACKAGE} has no resource {self.token}")
        return kind

    def _put(self, account: Subscription, id: str, inputs: Properties) -> str:
        body = self.body(inputs)
        if problems := list(find_problems(self, id.rpartition("/")[2], inputs, body)):
            raise PluginError(f"{id}: {'; '.join(problems)}")
        account.put(id, self.version, body)
        return id


class ExtensionKind(ArmKind):
    """A resource type whose resources belong to another resource, its input `scope`."""

    def id(self, account: Subscription, inputs: Properties) -> str:
        """Return the id below the scope."""
        provider, *kinds = self.type.split("/")
        return f"{inputs['scope']}/providers/{provider}/{self.path(kinds, inputs)}"

    @property
    def path_inputs(self) -> frozenset[str]:
        """The inputs that are parts of the id."""
        return frozenset({*self.names, "scope"})


class GroupKind(ArmKind):
    """A resource group."""

    def id(self, account: Subscription, inputs: Properties) -> str:
        """Return the id of the group."""
        return f"/subscriptions/{account.id}/resourceGroups/{inputs['resourceGroupName']}"


class RecordSetKind(ArmKind):
    """A record set of a private DNS zone, whose type is a part of its id."""

    def path(self, kinds: list[str], inputs: Properties) -> str:
        """Return zone, type and name of the records."""
        zone, kind, name = (inputs[key] for key in self.names)
        return f"privateDnsZones/{zone}/{kind}/{name}"


class ScaleSetKind(ArmKind):
    """A scale set, whose capacity the autoscaler changes."""

    def current_inputs(self, account: Subscription, identity: str, inputs: Properties) -> Properties:
        """Return the inputs with the current capacity."""
        capacity = account.get(identity, self.version)["sku"]["capacity"]
        return {**inputs, "sku": {**inputs["sku"], "capacity": capacity}}


def _identity_output(identity: Mapping[str, Any]) -> dict[str, Any]:
    assigned = identity.get("userAssignedIdentities") or {}
    return {
        **identity,
        "userAssignedIdentities": {id: {"clientId": "", "principalId": ""} for id in assigned},
    }
