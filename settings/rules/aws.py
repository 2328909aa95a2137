"""Rules about settings that only AWS has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from settings.aws import AwsSettings, partition_and_domain
from settings.clouds import SubnetSettings
from settings.problem import Problem
from settings.rules.architectures import required_images
from settings.rules.base import RuleInput, rule
from settings.rules.cloud_networks import check_subnets


@rule(needs_valid=("aws",))
def zones_belong_to_region(rule_input: RuleInput) -> Iterator[Problem]:
    """Require zones of `aws.region`."""
    aws = rule_input.settings.aws
    for position, name in enumerate(aws.zone_names if aws else ()):
        if aws and name[:-1] != aws.region:
            yield Problem(
                f"aws.zones[{position}]",
                f'"{name}"',
                f"not a zone of aws.region, {aws.region}; correct one of them",
            )


@rule(needs_valid=("aws",))
def disk_key_is_in_region(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a KMS key of the region, because disks cannot use a key of another region."""
    aws = rule_input.settings.aws
    if aws and aws.disk_key and aws.disk_key.split(":")[3] != aws.region:
        yield Problem(
            "aws.disk_key", aws.disk_key, f"not a key of aws.region, {aws.region}; name a key of that region"
        )


@rule(needs_valid=("aws",))
def permissions_boundary_is_in_the_account(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a policy of the account and of its partition, because IAM accepts no other as a boundary."""
    aws = rule_input.settings.aws
    if aws is None or not aws.permissions_boundary:
        return
    _, partition, _, _, account, _ = aws.permissions_boundary.split(":", 5)
    if partition != partition_and_domain(aws.region)[0]:
        yield Problem(
            "aws.permissions_boundary",
            aws.permissions_boundary,
            f"not in the partition of aws.region, {aws.region}; name a policy of that partition",
        )
    elif aws.account and account not in (aws.account, "aws"):
        yield Problem(
            "aws.permissions_boundary",
            aws.permissions_boundary,
            f"a policy of another account than aws.account, {aws.account}; name a policy of that account",
        )


@rule(needs_valid=("aws",))
def snapshot_copies_are_elsewhere(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse copies of snapshots in the region of the cluster, and in another partition."""
    aws = rule_input.settings.aws
    if aws is None or aws.snapshot_copies is None:
        return
    region = aws.snapshot_copies.region
    if region == aws.region:
        yield Problem(
            "aws.snapshot_copies.region",
            f'"{region}"',
            "the region of the cluster, and the copies would be lost with it; name another region",
        )
    elif partition_and_domain(region) != partition_and_domain(aws.region):
        yield Problem(
            "aws.snapshot_copies.region",
            f'"{region}"',
            f"in another partition of AWS than aws.region, {aws.region}, whose credentials are not valid "
            "there; name a region of the same partition",
        )
    elif aws.endpoints.s3 and not aws.endpoints.copies:
        yield Problem(
            "aws.endpoints.copies",
            "",
            "missing; with a private endpoint of S3, name the URL of S3 in the region of the copies too",
        )


@rule(needs_valid=("aws",))
def existing_vpc_has_subnets(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a private subnet for each zone of an existing VPC, and public subnets for a public endpoint."""
    aws = rule_input.settings.aws
    if aws is None:
        return
    network = aws.network
    if not network.vpc:
        for key in ("private", "public"):
            if getattr(network, key):
                yield Problem(
                    f"aws.network.{key}",
                    "",
                    "allowed only for an existing VPC; add its id as vpc, or remove it",
                )
        return
    if isinstance(aws.zones, int):
        yield Problem(
            "aws.zones", str(aws.zones), "not names; with an existing VPC name the zones of its subnets"
        )
        return
    yield from _check_zones(aws, aws.zones, "private", network.private)
    if aws.endpoint.public or network.public:
        yield from _check_zones(aws, aws.zones, "public", network.public)


@rule(needs_valid=("aws",), needs=("control_planes", "etcd", "pools"))
def aws_image_is_identified(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either the id of an image, or its owner and name, for each architecture of the machines."""
    aws = rule_input.settings.aws
    if aws is None:
        return
    for architecture, path, image in required_images(rule_input.settings, aws.image, aws.image_arm64):
        filters = [image.owner, image.name]
        if bool(image.id) == any(filters) or (not image.id and not all(filters)):
            yield Problem(
                path, "", f"needs either id, or owner and name (a pattern such as debian-13-{architecture}-*)"
            )


@rule(needs_valid=("aws",))
def aws_ssh_key_is_a_name(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the text of a key where the name of a key pair is required."""
    aws = rule_input.settings.aws
    if aws and " " in aws.ssh_key.strip():
        yield Problem("aws.ssh_key", "", "not a key pair's name; import the key in EC2 and give its name")


@rule(needs_valid=("aws",))
def ecr_registries_are_in_reach(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a registry that is named twice, or that the role of a machine cannot use.

    Credentials of AWS are valid in one partition. The private endpoint of ECR belongs to one region.
    """
    aws = rule_input.settings.aws
    seen: set[tuple[str, str]] = set()
    for position, registry in enumerate(aws.image_registries if aws else ()):
        path = f"aws.image_registries[{position}]"
        if (registry.account, registry.region) in seen:
            yield Problem(path, "", f"names {registry.account} in {registry.region} again; remove one entry")
        seen.add((registry.account, registry.region))
        if aws and partition_and_domain(registry.region) != partition_and_domain(aws.region):
            yield Problem(
                f"{path}.region",
                f'"{registry.region}"',
                f"in another partition of AWS than aws.region, {aws.region}, whose credentials are not valid "
                "there; copy the images to a registry of that partition",
            )
        elif aws and aws.endpoints.ecr and registry.region != aws.region:
            yield Problem(
                f"{path}.region",
                f'"{registry.region}"',
                f"not aws.region, {aws.region}, to which aws.endpoints.ecr belongs; correct the region, or "
                "remove that endpoint",
            )


@rule(needs_valid=("aws", "registries"))
def default_mirror_does_not_hide_ecr(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the mirror `registries._default` for a registry of ECR, whose place the mirror would take."""
    settings = rule_input.settings
    if settings.aws is None or "_default" not in settings.registries:
        return
    for position, registry in enumerate(settings.aws.image_registries):
        name = registry.host
        if name not in settings.registries:
            yield Problem(
                f"aws.image_registries[{position}]",
                "",
                f"nodes would pull images of {name} from the mirror registries._default; add "
                f'registries."{name}" with the endpoint https://{name}',
            )


def _check_zones(
    aws: AwsSettings, zones: tuple[str, ...], key: str, subnets: Mapping[str, SubnetSettings]
) -> Iterator[Problem]:
    path = f"aws.network.{key}"
    for zone in zones:
        if zone not in subnets:
            yield Problem(
                path, "", f"has no subnet for zone {zone}; add it, or remove the zone from aws.zones"
            )
    for zone in subnets:
        if zone not in zones:
            yield Problem(path, "", f"zone {zone} is not in aws.zones; add it there, or remove its subnet")
    yield from check_subnets(aws.range, path, subnets)
