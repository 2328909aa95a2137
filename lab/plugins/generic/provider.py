"""The provider: what a preview would do to a resource. Whatever would touch a cloud is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn

from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.common.diff import diff_inputs
from lab.plugins.common.errors import ProviderError
from lab.plugins.common.urns import resource_type
from lab.plugins.common.values import UNKNOWN_VALUE, Plain, Properties, is_unknown, plain_map, wrap
from lab.plugins.generic import sdk
from lab.plugins.generic.inputs import as_outputs, comparable, completed, unmarked
from lab.plugins.generic.packages import Package


class GenericProvider(api.Provider):
    """Every resource type that a package's SDK has, in previews only."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._settings: Properties = {}

    async def get_schema(self, request: api.GetSchemaRequest) -> api.GetSchemaResponse:
        """Name and version only: programs use the official SDK, which brings its own types."""
        return api.GetSchemaResponse(
            json.dumps({"name": self._package.name, "version": self._package.version})
        )

    async def configure(self, request: api.ConfigureRequest) -> api.ConfigureResponse:
        """Keep the provider's settings; none of them is tried, since no cloud is asked."""
        self._settings = {key: _parsed(value) for key, value in request.args.items()}
        return api.ConfigureResponse(accept_secrets=True, supports_preview=True)

    def diff_settings(self, old: Properties, new: Properties) -> api.DiffResponse:
        """Compare the provider's own settings of two deployments."""
        return diff_inputs(old, new, replaces=lambda key: key in self._package.moves)

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Fill in what the official plugin would fill in."""
        inputs = completed(
            self._package,
            self._kind(request.urn),
            request.urn.split("::")[-1],
            request.old_inputs,
            request.new_inputs,
            settings=self._settings,
            seed=bytes(request.random_seed),
        )
        return api.CheckResponse(inputs)

    def compare(self, urn: str, old: Properties, new: Properties, ignore: list[str]) -> api.DiffResponse:
        """Compare a resource's inputs of the last deployment with the new ones."""
        replacing = self._package.replacing(self._kind(urn))
        found = diff_inputs(
            comparable(old, new), unmarked(new), replaces=lambda key: key in replacing, ignore=ignore
        )
        # The paths lead into the inputs: outputs of the official plugin may be of another form.
        detailed = {
            path: api.PropertyDiff(item.kind, input_diff=True) for path, item in found.detailed_diff.items()
        }
        return api.DiffResponse(
            changes=found.changes,
            replaces=found.replaces,
            diffs=found.diffs,
            detailed_diff=detailed,
        )

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """In a preview: the inputs, and as unknown whatever the cloud would make."""
        kind = self._kind(request.urn)
        if not request.preview:
            self._refuse(request.urn, "created")
        state = dict.fromkeys(kind.computed - {"id"}, UNKNOWN_VALUE) | self._outputs(request.properties)
        return api.CreateResponse("", state | self._derived(kind, state))

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """In a preview: the state with the new inputs, and as unknown what an update makes anew."""
        if not request.preview:
            self._refuse(request.urn, "updated")
        kind = self._kind(request.urn)
        kept = {key: value for key, value in request.olds.items() if key not in kind.inputs}
        renewed = dict.fromkeys(self._package.renewed.get(kind.token, ()), UNKNOWN_VALUE)
        state = kept | renewed | self._outputs(request.news)
        return api.UpdateResponse(state | self._derived(kind, state))

    async def read(self, request: api.ReadRequest) -> api.ReadResponse:
        """Refused: nobody is asked."""
        self._refuse(request.urn, "read")

    async def delete(self, request: api.DeleteRequest) -> None:
        """Refused."""
        self._refuse(request.urn, "deleted")

    def answer(self, function: str, arguments: Properties, *, preview: bool) -> Properties:
        """The answer to a question of the program.

        Raises `ProviderError` outside previews, and for questions whose answer nobody could guess.
        """
        package = self._package
        if not preview:
            raise ProviderError(f"{function} cannot be answered: {self._why()}")
        if function not in package.functions:
            known = ", ".join(sorted(package.functions))
            raise ProviderError(
                f"{function} cannot be answered: {self._why()}; in previews it answers only {known}"
            )
        return _wrapped(package.functions[function](plain_map(arguments), plain_map(self._settings)))

    def _outputs(self, inputs: Properties) -> Properties:
        return as_outputs(inputs, self._package.unlike_inputs)

    def _derived(self, kind: sdk.ResourceType, state: Properties) -> Properties:
        """Outputs that follow from inputs and from the provider's settings."""
        place = self._package.place
        derived = {}
        if place in kind.outputs and place not in state and place in self._settings:
            derived[place] = self._settings[place]
        if "tagsAll" in kind.outputs and "tags" in state:
            derived["tagsAll"] = state["tags"]
        return derived

    def _kind(self, urn: str) -> sdk.ResourceType:
        token = resource_type(urn)
        kind = sdk.resource_type(self._package.module, token)
        if kind is None:
            raise ProviderError(
                f"pulumi-{self._package.name} {self._package.version} has no resource {token}"
            )
        return kind

    def _refuse(self, urn: str, verb: str) -> NoReturn:
        name = urn.split("::")[-1]
        raise ProviderError(f"{resource_type(urn)} {name} cannot be {verb}: {self._why()}")

    def _why(self) -> str:
        wanted = f"{self._package.name} {self._package.version}"
        return (
            f"here is only the stand-in for the plugin {wanted}, which answers previews and makes nothing; "
            "where downloads are allowed, install the official one: "
            f"pulumi plugin install resource {wanted} --reinstall"
        )


def _parsed(value: PropertyValue) -> PropertyValue:
    """A provider's setting: those that are no text travel as JSON."""
    text = value.value
    if not isinstance(text, str) or is_unknown(value) or text[:1] not in ("{", "["):
        return value
    try:
        return wrap(json.loads(text), secret=value.is_secret)
    except ValueError:
        return value


def _wrapped(answer: Mapping[str, Plain]) -> Properties:
    return {key: wrap(value) for key, value in answer.items()}
