"""The provider of the generic stand-in, which previews changes and refuses operations that need a cloud."""

from __future__ import annotations

import json
from typing import NoReturn

from lab.plugins.generic import sdk
from lab.plugins.generic.inputs import (
    as_outputs,
    comparable_inputs,
    complete_inputs,
    has_explicit_name,
    without_defaults,
)
from lab.plugins.generic.packages import Package
from lab.plugins.runtime.diff import Diff, compare, top_level
from lab.plugins.runtime.errors import CheckError, CheckFailure, PluginError
from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.urns import resource_name, resource_type
from lab.plugins.runtime.values import UNKNOWN, Properties, Secret, Value, reveal


class GenericProvider(Provider):
    """Provider for every resource type of the SDK of a package, in previews only."""

    def __init__(self, package: Package) -> None:
        self.name = package.name
        self.version = package.version
        self._package = package
        self._settings: Properties = {}

    async def configure(self, args: Properties) -> None:
        """Store the provider settings without testing them, because no cloud is contacted."""
        self._settings = {key: _parse_setting(value) for key, value in args.items()}

    async def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """Compare the provider's settings of two deployments."""
        changes = compare(
            olds, news, lambda path: top_level(path) in self._package.replacing_settings, secrecy_counts=True
        )
        return Diff(changes)

    async def check(self, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Return the inputs with the defaults of the official plugin.

        Raise CheckError for texts that the cloud would refuse.
        """
        kind, name = self._resource_type(urn), resource_name(urn)
        inputs = complete_inputs(self._package, kind, name, olds, news, settings=self._settings, seed=seed)
        if refused := list(self._package.refused_texts(kind.token, reveal(inputs))):
            raise CheckError([CheckFailure(path, reason) for path, reason in refused])
        return inputs

    async def diff(
        self, urn: str, state: Properties, olds: Properties, news: Properties, ignore: list[str]
    ) -> Diff:
        """Compare old and new inputs. The state is not used, because the official plugin's state has other
        fields.

        A resource of AWS with a name that the program sets is deleted before it is replaced, as in plugins
        bridged from Terraform, because two resources cannot have the same name.
        """
        replacing = self._package.replacing_inputs(self._resource_type(urn))
        changes = compare(
            comparable_inputs(olds, news),
            without_defaults(news),
            lambda path: top_level(path) in replacing,
            secrecy_counts=True,
        )
        named = has_explicit_name(self._package, self._resource_type(urn), news)
        return Diff(changes, delete_first=named).without(map(top_level, ignore))

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Return the previewed state of a new resource: its inputs, and unknown values for generated outputs.

        Raise PluginError outside a preview.
        """
        kind = self._resource_type(urn)
        if not preview:
            self._refuse_operation(urn, "created")
        state = dict.fromkeys(kind.computed - {"id"}, UNKNOWN) | self._inputs_as_outputs(inputs)
        return "", state | self._derived_outputs(kind, state)

    async def update(
        self,
        urn: str,
        state: Properties,
        olds: Properties,
        news: Properties,
        *,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Return the previewed state: the new inputs, old outputs, and unknown values for changing outputs.

        Raise PluginError outside a preview.
        """
        if not preview:
            self._refuse_operation(urn, "updated")
        kind = self._resource_type(urn)
        outputs = {key: value for key, value in state.items() if key not in kind.inputs}
        renewed = dict.fromkeys(self._package.renewed.get(kind.token, ()), UNKNOWN)
        updated = outputs | renewed | self._inputs_as_outputs(news)
        return updated | self._derived_outputs(kind, updated)

    async def read(
        self, urn: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[Properties, Properties]:
        """Refuse to read a resource, because the stand-in contacts no cloud."""
        self._refuse_operation(urn, "read")

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Refuse to delete a resource, because the stand-in contacts no cloud."""
        self._refuse_operation(urn, "deleted")

    async def invoke(self, token: str, args: Properties, *, preview: bool) -> Properties:
        """Return an assumed result of a function.

        Raise `PluginError` outside previews and for functions whose result cannot be assumed.
        """
        functions = self._package.functions
        if not preview:
            raise PluginError(f"{token} cannot be answered: {self._refusal_reason()}")
        if token not in functions:
            names = ", ".join(sorted(functions))
            raise PluginError(
                f"{token} cannot be answered: {self._refusal_reason()}; in previews it answers only {names}"
            )
        return functions[token](reveal(args), reveal(self._settings))

    def _inputs_as_outputs(self, inputs: Properties) -> Properties:
        return as_outputs(inputs, self._package.unlike_inputs)

    def _derived_outputs(self, kind: sdk.ResourceType, state: Properties) -> Properties:
        """Return outputs that follow from inputs and from the provider's settings."""
        location = self._package.location
        derived = {}
        if location in kind.outputs and location not in state and location in self._settings:
            derived[location] = self._settings[location]
        if "tagsAll" in kind.outputs and "tags" in state:
            derived["tagsAll"] = state["tags"]
        return derived

    def _resource_type(self, urn: str) -> sdk.ResourceType:
        token = resource_type(urn)
        kind = sdk.resource_type(self._package.module, token)
        if kind is None:
            raise PluginError(f"pulumi-{self.name} {self.version} has no resource {token}")
        return kind

    def _refuse_operation(self, urn: str, verb: str) -> NoReturn:
        raise PluginError(
            f"{resource_type(urn)} {resource_name(urn)} cannot be {verb}: {self._refusal_reason()}"
        )

    def _refusal_reason(self) -> str:
        return (
            f"the stand-in for the plugin {self.name} {self.version} supports only previews; use the "
            "official plugin (commands without --offline install it)"
        )


def _parse_setting(value: Value) -> Value:
    """Parse a setting of the provider: the SDK sends structured settings as JSON."""
    text = reveal(value)
    if not isinstance(text, str) or text[:1] not in ("{", "["):
        return value
    try:
        parsed = json.loads(text)
    except ValueError:
        return value
    return Secret(parsed) if isinstance(value, Secret) else parsed
