"""The package that other Pulumi programs import: `KubernetesCluster` and its arguments.

Both are imported on first use, because the `wait` programs of the clouds import modules of this package and
must not import Pulumi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from package.arguments import KubernetesClusterArgs
    from package.component import KubernetesCluster

__all__ = ["KubernetesCluster", "KubernetesClusterArgs"]


def __getattr__(name: str) -> object:
    """Return a name of `__all__`. Raise AttributeError for other names."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from package import arguments, component

    return getattr(component if name == "KubernetesCluster" else arguments, name)
