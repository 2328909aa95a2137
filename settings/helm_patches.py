"""Settings of the patches that Helm applies to the rendered objects of a release."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from settings.base import Section
from settings.types import NonEmpty


class PatchTargetSettings(Section):
    """The objects that a patch changes."""

    kind: NonEmpty
    """Kind of the objects, such as `Deployment`."""
    name: NonEmpty | None = None
    """Name of the object; default: all objects of this kind."""


class PatchOperationSettings(Section):
    """An operation of a JSON patch (RFC 6902)."""

    op: Literal["add", "remove", "replace"]
    """What to do with the value at `path`."""
    path: NonEmpty
    """JSON pointer to the value, such as `/spec/template/spec/containers/0/args/-`."""
    value: JsonValue = None
    """The new value; required for `add` and `replace`."""


class HelmPatchSettings(Section):
    """A patch of rendered objects: `merge` or `operations`."""

    target: PatchTargetSettings
    """The objects to change. A target without an object of the chart is an error."""
    merge: dict[str, JsonValue] | None = None
    """Fields to merge into the objects (RFC 7396): null removes a field, and a list replaces a list."""
    operations: tuple[PatchOperationSettings, ...] = Field(default=())
    """Operations in their order, for elements of lists."""

    def to_json(self) -> dict[str, Any]:
        """Return the patch for `formats.manifest_patches`."""
        target = self.target.model_dump(exclude_none=True)
        if self.merge is not None:
            return {"target": target, "merge": self.merge}
        operations = [operation.model_dump(exclude_unset=True) for operation in self.operations]
        return {"target": target, "operations": operations}
