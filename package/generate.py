"""Generates package/arguments.py and package/schema.json from the models in `settings/`.

`python -m package.generate` writes both files. The arguments are plain types that Pulumi can describe to
other languages; `settings.load` checks their values.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

from pulumi.provider.experimental.component import ComponentProvider
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from package.version import NAME, VERSION
from settings.cluster import Settings
from settings.helm_releases import HelmReleaseSettings

ARGUMENTS, SCHEMA = (Path(__file__).with_name(name) for name in ("arguments.py", "schema.json"))

_WIDTH = 110
_HEAD = '''\
"""Typed arguments of `KubernetesCluster`: the settings of a cluster as plain values.

This file is generated from the models in `settings/` by `python -m package.generate`. docs/settings.md has
the types, units and defaults of all values.
"""

# Pulumi reads these annotations at run time. `from __future__ import annotations` would turn them into text.
from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

from pulumi import Input
'''
_INPUTS: dict[tuple[type[BaseModel], str], str] = {
    (HelmReleaseSettings, "values"): "Mapping[str, Any]",
    # A URL, or `HelmRepositoryArgs`: schemas of components have no unions.
    (HelmReleaseSettings, "repository"): "Any",
}
"""Fields whose type is not derived from their annotation. Helm values can contain inputs at any depth."""
_PLAIN_TYPES = {bool: "bool", int: "int", float: "float"}
_ADDED_FIELDS = '''\
    directory: str
    """Directory in which relative file names start; default: the directory of the Pulumi program."""
'''


def arguments_text() -> str:
    """Return the text of package/arguments.py."""
    models = list(dict.fromkeys(_models(Settings)))
    return _HEAD + "".join(f"\n\n{_class_text(model)}" for model in models)


def schema_text() -> str:
    """Return the text of package/schema.json, the Pulumi package schema of the component."""
    from package.component import KubernetesCluster

    schema = json.loads(ComponentProvider([KubernetesCluster], NAME, None, VERSION).schema or "{}")
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def class_name(model: type[BaseModel]) -> str:
    """Return the name of the arguments for a section: `PoolArgs` for `PoolSettings`."""
    if model is Settings:
        return "KubernetesClusterArgs"
    return model.__name__.removesuffix("Settings") + "Args"


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models that a section contains, innermost first, then the section itself."""
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _models(part)
    yield model


def _parts(annotation: object) -> Iterator[object]:
    """Yield an annotation and all annotations inside it."""
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _class_text(model: type[BaseModel]) -> str:
    head = f"class {class_name(model)}(TypedDict, total=False):\n{_docstring(model.__doc__)}"
    fields = [_field_text(model, name, field) for name, field in model.model_fields.items()]
    return f"{head}\n" + "".join(fields) + (_ADDED_FIELDS if model is Settings else "")


def _field_text(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    kind = _INPUTS.get((model, name)) or _type_text(field.annotation)
    kind = f"Required[{kind}]" if field.is_required() else kind
    return f"    {name}: {kind}\n{_docstring(field.description)}"


def _docstring(text: str | None) -> str:
    line = " ".join((text or "").split())
    if len('    """' + line + '"""') <= _WIDTH:
        return f'    """{line}"""\n'
    lines = textwrap.wrap(line, _WIDTH - len('    """"""'), break_on_hyphens=False)
    return "\n".join(['    """' + lines[0], *("    " + line for line in lines[1:]), '    """']) + "\n"


def _type_text(annotation: object) -> str:
    """Return the plain type for a type of the settings; `Any` for a union of several types."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_text(arguments[0])
    if origin is Literal:
        return _type_text(type(arguments[0]))
    if origin is dict:
        return f"Mapping[str, {_type_text(arguments[1])}]"
    if origin is tuple:
        return f"Sequence[{_type_text(arguments[0])}]" if Ellipsis in arguments else "str"
    if arguments:
        choices = {_type_text(part) for part in arguments if part is not type(None)}
        return choices.pop() if len(choices) == 1 else "Any"
    if annotation is SecretStr:
        return "Input[str]"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return class_name(annotation)
    return "str" if isinstance(annotation, type) and issubclass(annotation, Enum) else _plain_text(annotation)


def _plain_text(annotation: object) -> str:
    # Addresses, networks and taints are written as text.
    return _PLAIN_TYPES.get(annotation, "str") if isinstance(annotation, type) else "Any"


def main() -> None:
    """Write both files."""
    ARGUMENTS.write_text(arguments_text())
    SCHEMA.write_text(schema_text())


if __name__ == "__main__":
    main()
