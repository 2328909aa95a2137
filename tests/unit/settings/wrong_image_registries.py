"""Invalid settings of image registries in clouds."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings, with_edits
from tests.unit.settings.wrong_clouds import AWS

_ECR = {"account": "123456789012", "region": "eu-central-1"}
_WITH_ECR = with_edits(AWS, {"aws.image_registries": [_ECR]})


def _wrong_ecr(field: str, phrase: str, value: object) -> InvalidSettings:
    """Return settings with a registry of ECR that has a wrong field."""
    return InvalidSettings(
        f"aws.image_registries[0].{field}", phrase, {"aws.image_registries": [{**_ECR, field: value}]}, AWS
    )


IMAGE_REGISTRIES = (
    _wrong_ecr("account", "not an account id; allowed: 12 digits in quotes", "12345678901"),
    _wrong_ecr("account", "not an account id; allowed: 12 digits in quotes", 123456789012),
    _wrong_ecr("region", "not a region; allowed: a name such as eu-central-1", "Frankfurt"),
    _wrong_ecr("region", "whose credentials are not valid there; copy the images", "cn-north-1"),
    _wrong_ecr("repositories", "unknown key", ["web"]),
    InvalidSettings(
        "aws.image_registries[0].pull_through[0]",
        '"docker-hub/*": not the prefix of a pull through cache rule',
        {"aws.image_registries": [{**_ECR, "pull_through": ["docker-hub/*"]}]},
        AWS,
    ),
    InvalidSettings(
        "aws.image_registries[0].pull_through[0]",
        "allowed: 2 to 30 characters",
        {"aws.image_registries": [{**_ECR, "pull_through": ["a" * 31]}]},
        AWS,
    ),
    InvalidSettings(
        "aws.image_registries[0].account",
        "missing; add it",
        {"aws.image_registries": [{"region": "eu-central-1"}]},
        AWS,
    ),
    InvalidSettings(
        "aws.image_registries[1]",
        "names 123456789012 in eu-central-1 again; remove one entry",
        {"aws.image_registries": [_ECR, {**_ECR, "pull_through": ["docker-hub"]}]},
        AWS,
    ),
    InvalidSettings(
        "aws.image_registries[0].region",
        "not aws.region, eu-central-1, to which aws.endpoints.ecr belongs",
        {
            "aws.image_registries": [{**_ECR, "region": "eu-west-1"}],
            "aws.endpoints.ecr": "https://ecr.example",
        },
        AWS,
    ),
    InvalidSettings(
        "aws.image_registries[0]",
        "nodes would pull images of 123456789012.dkr.ecr.eu-central-1.amazonaws.com from the mirror",
        {"aws.image_registries": [_ECR], "registries._default": {"endpoint": "https://mirror.example"}},
        AWS,
    ),
    InvalidSettings(
        "aws.endpoints.ecr", "not a URL; allowed: https://", {"aws.endpoints.ecr": "http://ecr.example"}, AWS
    ),
    InvalidSettings(
        "pools.general.kubelet.extra_args.image-credential-provider-config",
        "aws.image_registries sets this flag; remove one of them",
        {"pools.general.kubelet": {"extra_args": {"image-credential-provider-config": "/etc/x.json"}}},
        _WITH_ECR,
    ),
)
