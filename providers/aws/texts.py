"""Texts that AWS accepts as names, descriptions and tags of resources. Imports no SDK.

A text that AWS refuses would end `up` in the middle. Most patterns of EC2 and Elastic Load Balancing are only
in the API references and not in the service models of botocore. The functions read the inputs of resources,
as `providers.aws.resources` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from providers.resources import Inputs, is_known, mapping, mappings


@dataclass(frozen=True, slots=True)
class TextRule:
    """The texts that AWS accepts at `path`: they match `pattern` and have at most `max_characters`.

    `path` is the name of an input. `a[].b` is the field `b` of each item of the list `a`, `a.b` a field of
    the object `a`. `allowed` is the pattern in words.
    """

    path: str
    max_characters: int
    pattern: re.Pattern[str]
    allowed: str


_ANY = re.compile(r"[\s\S]*")
# CreateSecurityGroup and IpRange in the EC2 API reference.
_GROUP_TEXT = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*")
_GROUP_ALLOWED = "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"
# CreateRole in the IAM API reference.
_ROLE_TEXT = re.compile("[\t\n\r -~\u00a1-\u00ff]*")
# CreateLifecyclePolicy in the API reference of Data Lifecycle Manager.
_LIFECYCLE_TEXT = re.compile(r"[0-9A-Za-z _-]+")
# CreateLoadBalancer and CreateTargetGroup in the API reference of Elastic Load Balancing.
_BALANCER_NAME = re.compile(r"(?!internal-)[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?")
_TARGETS_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?")
_BALANCER_ALLOWED = "letters, digits and hyphens, not at the start or end, and not `internal-` at the start"
# CreateLaunchTemplate in the EC2 API reference.
_TEMPLATE_NAME = re.compile(r"[a-zA-Z0-9().\-/_]{3,}")
# PutLifecycleHook in the API reference of EC2 Auto Scaling.
_HOOK_NAME = re.compile(r"[A-Za-z0-9\-_/]+")
# "Tag your Amazon EC2 resources" in the EC2 user guide: these characters are valid in every service.
_TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
_TAG_ALLOWED = "letters, digits, spaces and _.:/=+-@"
_MAX_TAG_KEY, _MAX_TAG_VALUE = 128, 256


def _group_texts(*paths: str) -> tuple[TextRule, ...]:
    return tuple(TextRule(path, 255, _GROUP_TEXT, _GROUP_ALLOWED) for path in paths)


TEXT_RULES: Mapping[str, tuple[TextRule, ...]] = {
    "aws:autoscaling/lifecycleHook:LifecycleHook": (
        TextRule("name", 255, _HOOK_NAME, "letters, digits and -_/"),
    ),
    "aws:dlm/lifecyclePolicy:LifecyclePolicy": (
        TextRule("description", 500, _LIFECYCLE_TEXT, "letters, digits, spaces, _ and -"),
        TextRule("policyDetails.schedules[].name", 120, _LIFECYCLE_TEXT, "letters, digits, spaces, _ and -"),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        TextRule("name", 128, _TEMPLATE_NAME, "letters, digits and ().-/_"),
        TextRule("description", 255, _ANY, "any characters"),
    ),
    "aws:ec2/networkInterface:NetworkInterface": (TextRule("description", 255, _ANY, "any characters"),),
    "aws:ec2/securityGroup:SecurityGroup": _group_texts(
        "name", "description", "ingress[].description", "egress[].description"
    ),
    "aws:iam/role:Role": (TextRule("description", 1000, _ROLE_TEXT, "characters of Latin-1"),),
    "aws:iam/policy:Policy": (TextRule("description", 1000, _ROLE_TEXT, "characters of Latin-1"),),
    "aws:lb/loadBalancer:LoadBalancer": (TextRule("name", 32, _BALANCER_NAME, _BALANCER_ALLOWED),),
    "aws:lb/targetGroup:TargetGroup": (TextRule("name", 32, _TARGETS_NAME, _BALANCER_ALLOWED),),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _group_texts("description"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _group_texts("description"),
}
"""Rules for texts by resource type."""


def refused_texts(resource_type: str, inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Yield the path and the reason for each text that AWS would refuse.

    Texts that are secret or not known yet are skipped.
    """
    for rule in TEXT_RULES.get(resource_type, ()):
        for text in _find_texts(inputs, rule.path):
            if len(text) > rule.max_characters or not rule.pattern.fullmatch(text):
                yield (
                    rule.path,
                    f"AWS refuses {text!r}; allowed: at most {rule.max_characters} characters, "
                    f"{rule.allowed}",
                )
    for key, value in mapping(inputs.get("tags")).items():
        if reason := tag_problem(key, value if isinstance(value, str) and is_known(value) else ""):
            yield f"tags.{key}", reason


def tag_problem(key: str, value: str) -> str:
    """Return why AWS refuses a tag; empty if AWS accepts the tag."""
    for text, limit in ((key, _MAX_TAG_KEY), (value, _MAX_TAG_VALUE)):
        if len(text) > limit or not _TAG_TEXT.fullmatch(text):
            return f"AWS refuses {text!r} in a tag; allowed: at most {limit} characters, {_TAG_ALLOWED}"
    return ""


def _find_texts(inputs: Inputs, path: str) -> Iterator[str]:
    first, _, rest = path.partition(".")
    name = first.removesuffix("[]")
    values = mappings(inputs.get(name)) if first.endswith("[]") else [inputs.get(name)]
    for value in values:
        if rest:
            yield from _find_texts(mapping(value), rest)
        elif isinstance(value, str) and is_known(value):
            yield value
