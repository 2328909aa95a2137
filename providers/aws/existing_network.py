"""An existing VPC, with the tags that its subnets need."""

from __future__ import annotations

from pulumi import ResourceOptions
from pulumi_aws import ec2

from providers.aws.names import Names
from providers.aws.network import SUBNET_ROLES, NetworkReference
from settings.aws import AwsSettings


def existing_network(
    settings: AwsSettings, names: Names, name: str, opts: ResourceOptions
) -> NetworkReference | None:
    """Return the network that the settings name by its id; None when they request a new one.

    Its subnets get the tags by which the controllers of the cluster find them. `name` is the start of the
    names of these tags as resources.
    """
    network = settings.network
    if not network.vpc:
        return None
    zones = tuple(network.private) if isinstance(settings.zones, int) else settings.zones
    public = [network.public[zone].id for zone in zones if zone in network.public]
    private = [network.private[zone].id for zone in zones]
    for kind, ids in (("public", public), ("private", private)):
        for number, subnet in enumerate(ids, start=1):
            _tag_existing_subnet(f"{name}-{kind}-{number}", subnet, kind, names, opts)
    return NetworkReference(vpc=network.vpc, public=public, private=private)


def _tag_existing_subnet(name: str, subnet: str, kind: str, names: Names, opts: ResourceOptions) -> None:
    """Tag a subnet for the load balancers of services. Other clusters may share the subnet.

    "Subnet Auto Discovery" in the documentation of the AWS Load Balancer Controller; the cloud controller
    reads the same tags.
    """
    ec2.Tag(f"{name}-cluster", resource_id=subnet, key=names.kubernetes_tag, value="shared", opts=opts)
    ec2.Tag(
        f"{name}-role",
        resource_id=subnet,
        key=f"kubernetes.io/role/{SUBNET_ROLES[kind]}",
        value="1",
        # The tag may belong to another cluster too.
        opts=ResourceOptions.merge(opts, ResourceOptions(retain_on_delete=True)),
    )
