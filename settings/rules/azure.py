"""Rules about settings that only Azure has."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.architectures import required_images
from settings.rules.base import RuleInput, rule
from settings.rules.cloud_networks import check_subnets


@rule(needs_valid=("azure",))
def existing_network_has_subnets(rule_input: RuleInput) -> Iterator[Problem]:
    """Require two subnets in an existing virtual network, inside its range and without overlap."""
    azure = rule_input.settings.azure
    if azure is None:
        return
    network = azure.network
    if (network.id is None) != (network.subnets is None):
        missing = "id" if network.id is None else "subnets"
        yield Problem(
            f"azure.network.{missing}", "", "missing; id and subnets of an existing network go together"
        )
    if network.subnets:
        subnets = {"members": network.subnets.members, "pools": network.subnets.pools}
        yield from check_subnets(azure.range, "azure.network.subnets", subnets)


@rule(needs_valid=("azure",))
def disk_key_is_in_the_subscription(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a disk encryption set of the subscription, because disks cannot use another one."""
    azure = rule_input.settings.azure
    if azure and azure.disk_key and azure.disk_key.split("/")[2] != azure.subscription:
        yield Problem(
            "azure.disk_key",
            azure.disk_key,
            "not in azure.subscription; name a disk encryption set of that subscription",
        )


@rule(needs_valid=("azure",))
def snapshot_copies_are_in_another_location(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse copies of snapshots in the location of the cluster."""
    azure = rule_input.settings.azure
    if azure is None or azure.snapshot_copies is None:
        return
    if azure.snapshot_copies.location == azure.location:
        yield Problem(
            "azure.snapshot_copies.location",
            f'"{azure.location}"',
            "the location of the cluster, and the copies would be lost with it; name another location",
        )
    elif azure.endpoints.blob and not azure.endpoints.copies:
        yield Problem(
            "azure.endpoints.copies",
            "",
            "missing; with a private endpoint of Blob Storage, name the URL of the account for copies too",
        )


@rule(needs_valid=("azure",))
def new_network_has_outbound_access(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a NAT gateway in a new network, whose subnets have no other outbound access.

    The controllers in the cluster need the management endpoint of Azure, and nodes need registries.
    """
    azure = rule_input.settings.azure
    if azure and not azure.network.nat and azure.network.id is None:
        yield Problem(
            "azure.network.nat",
            "false",
            "machines of a new network would not reach the management endpoint of Azure and registries, and "
            "nodes would never become ready; remove it, or name an existing network that has outbound access",
        )


@rule(needs_valid=("azure", "pools"))
def pools_have_one_machine_type(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse several machine types in a pool, because a scale set has one."""
    settings = rule_input.settings
    for name, pool in settings.pools.items() if settings.azure else ():
        if pool.machine and len(pool.machine.types) > 1:
            yield Problem(
                f"pools.{name}.machine.types",
                "",
                "a scale set of Azure has one machine type; name one type, or create a pool for each",
            )


@rule(needs_valid=("azure",), needs=("control_planes", "etcd", "pools"))
def azure_image_is_identified(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either the id of an image, or its publisher, offer and SKU, for each architecture of the
    machines.
    """
    azure = rule_input.settings.azure
    if azure is None:
        return
    for _, path, image in required_images(rule_input.settings, azure.image, azure.image_arm64):
        filters = [image.publisher, image.offer, image.sku]
        if bool(image.id) == any(filters) or (not image.id and not all(filters)):
            yield Problem(path, "", "needs either id, or publisher, offer and sku")


@rule(needs_valid=("azure",))
def azure_has_no_load_balancer_addon(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse an add-on for load balancers, because the cloud controller manager creates them."""
    azure = rule_input.settings.azure
    if azure and azure.addons.load_balancers:
        yield Problem(
            "azure.addons.load_balancers",
            "true",
            "not available: Azure's cloud controller manager creates load balancers; remove it",
        )


@rule(needs_valid=("azure",))
def azure_ssh_key_is_a_public_key(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the text of a public key."""
    azure = rule_input.settings.azure
    if azure and azure.ssh_key and not azure.ssh_key.startswith("ssh-"):
        yield Problem("azure.ssh_key", "", "not a public key; paste the text of one, such as ssh-rsa AAAA…")
