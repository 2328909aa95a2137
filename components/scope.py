"""The scope of a cluster's resources: a prefix of their names, and their parent."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import Resource, ResourceOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A prefix and a parent for the resources of one cluster, so that a program can have several clusters.

    A URN contains the types of the parents but not their names. Two resources of the same type therefore need
    different names. The program of this repository has one cluster and uses the empty scope: no prefix and
    no parent.
    """

    prefix: str = ""
    parent: Resource | None = None

    def name(self, name: str) -> str:
        """Return the name of a resource or hook with the prefix of the scope."""
        return f"{self.prefix}-{name}" if self.prefix else name

    def options(self, options: ResourceOptions | None = None) -> ResourceOptions:
        """Return options for a top-level resource of the scope, merged with `options`."""
        if self.parent is None:
            return options or ResourceOptions()
        return ResourceOptions.merge(options, ResourceOptions(parent=self.parent))
