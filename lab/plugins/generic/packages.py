"""Descriptions of the packages that the generic stand-in plugin replaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from lab.plugins.generic import aws, azure
from lab.plugins.generic.sdk import ResourceType
from lab.plugins.runtime.values import Value

Function = Callable[[Mapping[str, Value], Mapping[str, Value]], dict[str, Value]]


@dataclass(frozen=True, kw_only=True)
class Package:
    """Description of a package: the differences between the official plugins that the stand-in replaces."""

    name: str
    module: str
    """The Python package of the SDK."""
    replaces: Mapping[str, tuple[str, ...]]
    """By type, the inputs whose change replaces the resource."""
    moves: tuple[str, ...] = ()
    """Settings of the provider whose change replaces the provider and all its resources."""
    renewed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By type, the outputs that an update renews."""
    functions: Mapping[str, Function]
    location: str
    """The setting of the provider that is the default of each resource's input of the same name."""
    unlike_inputs: frozenset[str] = frozenset()
    """Properties, at any depth, whose output has another form than the input."""
    path_replaces: bool = False
    """Whether inputs without an output are parts of the path of the resource."""
    separator: str
    digits: int
    """A generated name has the resource's name, the separator, and this number of hexadecimal digits."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By type, the input with the name of the resource, if it differs from `name`."""
    max_name_lengths: Mapping[str, int] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The version of the installed SDK, because the engine requests the plugin in this version."""
        return version(f"pulumi-{self.name}")

    def replacing(self, kind: ResourceType) -> frozenset[str]:
        """Return the inputs of a type whose change replaces the resource."""
        path = kind.address - azure.NOT_OF_THE_PATH if self.path_replaces else frozenset()
        return path | frozenset(self.replaces.get(kind.token, ()))

    def generated_name_input(self, kind: ResourceType) -> str | None:
        """Return the input that receives a generated name if the program does not set it, or None."""
        if self.path_replaces:
            # The last part of the path is the only optional part.
            optional = sorted(kind.address - azure.NOT_OF_THE_PATH - kind.required)
            return optional[0] if len(optional) == 1 and optional[0].endswith("Name") else None
        name = self.names.get(kind.token, "name")
        return name if name in kind.inputs - kind.required else None


PACKAGES: Mapping[str, Package] = {
    "aws": Package(
        name="aws",
        module="pulumi_aws",
        replaces=aws.REPLACES,
        moves=("region",),
        renewed=aws.RENEWED,
        functions=aws.FUNCTIONS,
        location="region",
        separator="-",
        digits=7,
        names=aws.NAMES,
        max_name_lengths=aws.MAX_NAME_LENGTHS,
    ),
    "azure-native": Package(
        name="azure-native",
        module="pulumi_azure_native",
        replaces=azure.REPLACES,
        functions=azure.FUNCTIONS,
        location="location",
        unlike_inputs=azure.UNLIKE_INPUTS,
        path_replaces=True,
        separator="",
        digits=8,
    ),
}
