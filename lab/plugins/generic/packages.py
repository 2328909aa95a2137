"""Descriptions of the packages that the generic stand-in plugin replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from lab.plugins.generic import aws, azure
from lab.plugins.generic.sdk import ResourceType
from lab.plugins.runtime.values import Value
from providers.aws.texts import refused_texts

Function = Callable[[Mapping[str, Value], Mapping[str, Value]], dict[str, Value]]
"""A function of a package: returns its result from the arguments and the provider settings."""
RefusedTexts = Callable[[str, Mapping[str, Value]], Iterable[tuple[str, str]]]
"""Function that returns path and reason of each text that a cloud refuses, by resource type and inputs."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A Pulumi package (aws, azure-native) that the stand-in can preview, and how its official plugin
    behaves.
    """

    name: str
    module: str
    """The Python package of the SDK."""
    replaces: Mapping[str, tuple[str, ...]]
    """By type, the inputs whose change replaces the resource."""
    replacing_settings: tuple[str, ...] = ()
    """Settings of the provider whose change replaces the provider and all its resources."""
    renewed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By type, the outputs that change with every update."""
    functions: Mapping[str, Function]
    location: str
    """The provider setting with the location, which is the default of the input of the same name."""
    unlike_inputs: frozenset[str] = frozenset()
    """Properties, at any depth, whose output differs from the input, for example a map instead of a list."""
    path_replaces: bool = False
    """Whether inputs without an output are parts of the path of a resource, so that a change replaces it."""
    separator: str
    """The text between the resource's name and the digits of a generated name."""
    digits: int
    """The number of hexadecimal digits at the end of a generated name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """By type, the input that receives a generated name, if that input is not `name`."""
    max_name_lengths: Mapping[str, int] = field(default_factory=dict)
    """By type, the maximum length of a generated name, if it is not 64."""
    refused_texts: RefusedTexts = lambda kind, inputs: ()
    """Function that finds names, descriptions and tags that the cloud refuses."""

    @property
    def version(self) -> str:
        """The version of the installed SDK, because the engine requests the plugin in this version."""
        return version(f"pulumi-{self.name}")

    def replacing_inputs(self, kind: ResourceType) -> frozenset[str]:
        """Return the names of the inputs of a resource type whose change replaces the resource."""
        path = kind.path_inputs - azure.NOT_OF_THE_PATH if self.path_replaces else frozenset()
        return path | frozenset(self.replaces.get(kind.token, ()))

    def generated_name_input(self, kind: ResourceType) -> str | None:
        """Return the input of a resource type that receives a generated name by default; None without such an
        input.
        """
        if self.path_replaces:
            # The last part of the path is the only optional part.
            optional = sorted(kind.path_inputs - azure.NOT_OF_THE_PATH - kind.required)
            return optional[0] if len(optional) == 1 and optional[0].endswith("Name") else None
        name = self.names.get(kind.token, "name")
        return name if name in kind.inputs - kind.required else None


PACKAGES: Mapping[str, Package] = {
    "aws": Package(
        name="aws",
        module="pulumi_aws",
        replaces=aws.REPLACES,
        replacing_settings=("region",),
        renewed=aws.RENEWED,
        functions=aws.FUNCTIONS,
        location="region",
        separator="-",
        digits=7,
        names=aws.NAMES,
        max_name_lengths=aws.MAX_NAME_LENGTHS,
        refused_texts=refused_texts,
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
