"""`KubernetesCluster`: a cluster as one component, for Pulumi programs in any language."""

# Pulumi reads the annotations of the component at run time. `from __future__ import annotations` would turn
# them into text, so this module does not have it.
from collections.abc import Mapping, Sequence
from pathlib import Path

from pulumi import ComponentResource, Output, ResourceOptions, ResourceTransform, RunError

from artifacts.errors import ArtifactError
from components.api import Api
from components.scope import Scope
from nodeconfig import BundleError
from package.arguments import KubernetesClusterArgs
from package.build import BuildArgs, BuiltCluster, build_cluster
from package.values import absolute_paths, recorded_inputs, split_inputs
from settings import SettingsError, load
from settings.problem import CLUSTER_KEY, Problem


class KubernetesCluster(ComponentResource):
    """A production-grade Kubernetes cluster on AWS, Azure or bare metal.

    The name of the component is the prefix of the names of all resources, so that a program can have several
    clusters.
    """

    kubeconfig: Output[str]
    """Kubeconfig of the administrator; a secret."""
    endpoint_url: Output[str]
    """URL of the Kubernetes API."""
    ca: Output[str]
    """Certificates of the authority of the Kubernetes API, in PEM."""
    members: Output[Mapping[str, str]]
    """Addresses of the etcd members by name."""
    nodes: Output[Mapping[str, Sequence[str]]]
    """Names of the nodes by pool; empty for pools whose nodes a cloud creates."""
    network_id: Output[str | None]
    """Id of the virtual network in a cloud."""
    subnet_ids: Output[Sequence[str] | None]
    """Ids of the subnets with machines in a cloud."""
    role_names: Output[Mapping[str, str] | None]
    """Roles of machines in a cloud by kind of machine: names of roles, or ids of managed identities."""

    def __init__(
        self,
        name: str,
        args: KubernetesClusterArgs,
        opts: ResourceOptions | None = None,
        *,
        pool_transforms: Mapping[str, Sequence[ResourceTransform]] | None = None,
    ) -> None:
        """Create the cluster. Raise RunError with all problems of the arguments.

        `pool_transforms` are Pulumi transforms for all resources of a pool, by the name of the pool.
        """
        try:
            plain, inputs = split_inputs(args)
            super().__init__("kubewright:index:KubernetesCluster", name, recorded_inputs(plain, inputs), opts)
            directory = plain.pop("directory", None)
            if directory is not None:
                plain = absolute_paths(plain, Path(directory).resolve())
            self._built = build_cluster(
                BuildArgs(
                    settings=load(plain),
                    directory=Path.cwd(),
                    scope=Scope(prefix=name, parent=self),
                    inputs=inputs,
                    pool_transforms=_known_pools(plain, pool_transforms or {}),
                )
            )
        except (SettingsError, ArtifactError, BundleError) as error:
            raise RunError(str(error).replace(CLUSTER_KEY, name)) from None
        self._set_outputs(self._built)

    @property
    def connection(self) -> Api:
        """The connection to the Kubernetes API, for more resources in the cluster."""
        return self._built.cluster.api

    def _set_outputs(self, built: BuiltCluster) -> None:
        # An output must not have the name of an argument, and `endpoint` is an argument.
        names = {"endpoint": "endpoint_url"}
        outputs = {names.get(key, key): Output.from_input(value) for key, value in built.outputs.items()}
        for key, value in outputs.items():
            setattr(self, key, value)
        self.register_outputs(outputs)


def _known_pools(
    plain: Mapping[str, object], transforms: Mapping[str, Sequence[ResourceTransform]]
) -> Mapping[str, Sequence[ResourceTransform]]:
    """Return the transforms. Raise SettingsError for a pool that does not exist."""
    pools = plain.get("pools")
    known = {"control-plane", *(pools if isinstance(pools, Mapping) else ())}
    unknown = sorted(set(transforms) - known)
    if unknown:
        message = f"no such pool: {', '.join(unknown)}; the pools are {', '.join(sorted(known))}"
        raise SettingsError([Problem("pool_transforms", "", message)])
    return transforms
