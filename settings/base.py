"""The base class of all sections of the configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of the configuration: immutable, and unknown keys are errors.

    The docstring of each field is its description in docs/settings.md and in the JSON Schema. Error
    messages of pydantic do not repeat the input, because the input may contain secrets.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )
