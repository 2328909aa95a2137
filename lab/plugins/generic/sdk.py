"""Inputs and outputs of a resource type, from the installed SDK of a cloud.

The SDK is read as text and not imported: an import takes hundreds of megabytes and several seconds, and
the generated lines that define inputs and outputs are always written the same way.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

_GETTER = re.compile(
    r'@pulumi\.getter(?:\(name="(?P<wire>\w+)"\))?\n(?:.*\n)*?\s+def (?P<name>\w+)\(', re.MULTILINE
)
_PROPERTY = re.compile(r'__props__\.__dict__\["(\w+)"\] = (.+)')
_API_VERSION = re.compile(r"Uses Azure REST API version (\d{4}-\d\d-\d\d(?:-preview)?)")
_REQUIRED = re.compile(r"raise TypeError\(\"Missing required property '(\w+)'\"\)")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """Names of the properties of a resource type in the provider protocol (camelCase)."""

    token: str
    """The type token, such as `aws:ec2/vpc:Vpc`."""
    inputs: frozenset[str]
    required: frozenset[str]
    """The inputs that a program must set."""
    outputs: frozenset[str]
    """All properties in the state of a resource, including most inputs."""

    @property
    def computed(self) -> frozenset[str]:
        """The outputs that the cloud generates."""
        return self.outputs - self.inputs

    @property
    def path_inputs(self) -> frozenset[str]:
        """The inputs without an output; on Azure these are the parts of the path of the resource."""
        return self.inputs - self.outputs


@functools.cache
def resource_type(module: str, token: str) -> ResourceType | None:
    """Return the inputs and outputs of a resource type; None for an unknown type.

    `module` is the name of the SDK, such as `pulumi_aws`, and `token` the type token.
    """
    source = source_text(module, token)
    if source is None:
        return None
    text = source[source.index(_type_marker(token)) :]
    wire: dict[str, str] = {
        match["name"]: match["wire"] or match["name"] for match in _GETTER.finditer(source)
    }
    constructor, _, rest = text[text.index("def _internal_init(") :].partition("super(")
    constructor_properties: dict[str, str] = dict(_PROPERTY.findall(constructor))
    required: list[str] = _REQUIRED.findall(constructor)
    state = rest.partition("return ")[0] if "def get(" in rest else ""
    state_properties: dict[str, str] = dict(_PROPERTY.findall(state))
    return ResourceType(
        token=token,
        inputs=frozenset(
            wire.get(name, name) for name, value in constructor_properties.items() if value != "None"
        ),
        required=frozenset(wire.get(name, name) for name in required),
        outputs=frozenset(wire.get(name, name) for name in state_properties),
    )


@functools.cache
def api_version(module: str, token: str) -> str:
    """Return the version of Azure's API that the SDK uses for a resource type; empty without one."""
    match = _API_VERSION.search(source_text(module, token) or "")
    return match[1] if match else ""


def source_text(module: str, token: str) -> str | None:
    """Return the text of the SDK's source file that defines a resource type; None without such a file."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    _, path, name = token.split(":")
    directory = Path(spec.origin).parent / path.split("/")[0].removeprefix("index")
    usual_file = directory / f"{_to_snake_case(name)}.py"
    # Most file names follow the rule. For other files, search the directory.
    for file in (usual_file, *sorted(directory.glob("*.py"))):
        if file.exists() and _type_marker(token) in (text := file.read_text()):
            return text
    return None


def _type_marker(token: str) -> str:
    return f'@pulumi.type_token("{token}")'


def _to_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
