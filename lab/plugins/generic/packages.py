"""The packages this stand-in can be, each as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from lab.plugins.common.values import Plain
from lab.plugins.generic import aws, azure
from lab.plugins.generic.sdk import ResourceType

Function = Callable[[Mapping[str, Plain], Mapping[str, Plain]], dict[str, Plain]]


@dataclass(frozen=True, kw_only=True)
class Package:
    """What is different between the official plugins that this one stands in for."""

    name: str
    module: str
    """The SDK's Python package."""
    replaces: Mapping[str, tuple[str, ...]]
    """By type, the inputs whose change replaces the resource."""
    moves: tuple[str, ...] = ()
    """The provider's settings whose change replaces the provider and all that it made."""
    renewed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By type, the outputs that an update makes anew."""
    functions: Mapping[str, Function]
    place: str
    """The provider's setting that is every resource's default for the input of the same name."""
    unlike_inputs: frozenset[str] = frozenset()
    """Properties, at any depth, whose output has another form than their input."""
    path_replaces: bool = False
    """Whether inputs that no state holds are parts of the resource's path."""
    separator: str
    digits: int
    """A made-up name: the resource's, the separator, so many random hexadecimal digits."""
    names: Mapping[str, str] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The installed SDK's, since that is the plugin's version the engine asks for."""
        return version(f"pulumi-{self.name}")

    def replacing(self, kind: ResourceType) -> frozenset[str]:
        """The inputs of a type whose change replaces the resource."""
        path = kind.address - azure.NOT_OF_THE_PATH if self.path_replaces else frozenset()
        return path | frozenset(self.replaces.get(kind.token, ()))

    def named(self, kind: ResourceType) -> str | None:
        """The input of a type that gets a made-up name where it is left out; None without."""
        if self.path_replaces:
            # The last part of the path: the one that may be left out.
            own = sorted(kind.address - azure.NOT_OF_THE_PATH - kind.required)
            return own[0] if len(own) == 1 and own[0].endswith("Name") else None
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
        place="region",
        separator="-",
        digits=7,
        names=aws.NAMES,
        longest=aws.LONGEST_NAMES,
    ),
    "azure-native": Package(
        name="azure-native",
        module="pulumi_azure_native",
        replaces=azure.REPLACES,
        functions=azure.FUNCTIONS,
        place="location",
        unlike_inputs=azure.UNLIKE_INPUTS,
        path_replaces=True,
        separator="",
        digits=8,
    ),
}
