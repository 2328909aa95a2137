"""The rules as policies of CrossGuard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pulumi
import pulumi_policy
from pulumi_policy import policy as _library
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE
from pulumi_policy.secret import Secret

from policy.facts import facts
from policy.rules.model import MASK, UNKNOWN, Resource, ResourceRule, Rule, SettingsRule, Stack, StackRule
from policy.rules.table import RULES
from settings import SettingsError
from settings.hosts_file import join_hosts

NAME = "kubewright"
DESERIALIZE = "deserialize_properties"
"""The library's own name for what turns the engine's messages into inputs."""
_ROOT = "pulumi:pulumi:Stack"
"""The resource that every stack begins with: settings are judged before anything is made."""
_KINDS_OF_UNKNOWN = (
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    UNKNOWN_STRING_VALUE,
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # mapping
)


def keep_secrets() -> None:
    """Makes the library tell rules which inputs are secret.

    Left alone it unwraps them for validations, and a secret looks like any other text: a rule about
    secrets in plain inputs would be impossible.
    """

    def deserialize(props: dict[str, Any], proxy_secrets: bool = True) -> dict[str, Any]:
        return deserialize_properties(props, True)

    setattr(_library, DESERIALIZE, deserialize)


def policies() -> list[pulumi_policy.Policy]:
    """Every rule of the table as a policy."""
    return [_policy(rule) for rule in RULES]


def _policy(rule: Rule) -> pulumi_policy.Policy:
    level = (
        pulumi_policy.EnforcementLevel.MANDATORY
        if rule.mandatory
        else pulumi_policy.EnforcementLevel.ADVISORY
    )
    if isinstance(rule, StackRule):
        return pulumi_policy.StackValidationPolicy(rule.name, rule.description, _of_all(rule), level)
    validate = _of_one(rule) if isinstance(rule, ResourceRule) else _of_settings(rule)
    return pulumi_policy.ResourceValidationPolicy(
        name=rule.name, description=rule.description, validate=validate, enforcement_level=level
    )


_Report = Callable[..., None]


def _of_one(rule: ResourceRule) -> Callable[[pulumi_policy.ResourceValidationArgs, _Report], None]:
    def validate(args: pulumi_policy.ResourceValidationArgs, report: _Report) -> None:
        stack = _stack()
        if stack is not None:
            for message in rule.check(_resource(args), stack):
                report(message, args.urn)

    return validate


def _of_settings(rule: SettingsRule) -> Callable[[pulumi_policy.ResourceValidationArgs, _Report], None]:
    def validate(args: pulumi_policy.ResourceValidationArgs, report: _Report) -> None:
        stack = _stack() if args.resource_type == _ROOT else None
        if stack is not None:
            for message in rule.check(stack):
                report(message, args.urn)

    return validate


def _of_all(rule: StackRule) -> Callable[[pulumi_policy.StackValidationArgs, _Report], None]:
    def validate(args: pulumi_policy.StackValidationArgs, report: _Report) -> None:
        stack = _stack()
        if stack is not None:
            for resource, message in rule.check([_resource(each) for each in args.resources], stack):
                report(message, resource.urn)

    return validate


@cache
def _stack() -> Stack | None:
    """The stack's facts; None for settings that describe no cluster: the program itself refuses these."""
    try:
        config = pulumi.Config("kubewright")
        return facts(join_hosts(config.get_object("cluster") or {}, config.get("hosts-file")))
    except (SettingsError, pulumi.ConfigTypeError):
        return None


def _resource(args: pulumi_policy.ResourceValidationArgs | pulumi_policy.PolicyResource) -> Resource:
    return Resource(
        type=args.resource_type, urn=args.urn, inputs=plain(args.props), protect=args.opts.protect
    )


def plain(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
    """The library's inputs as JSON, with our signs for secret and unknown."""
    # Its proxies raise when an unknown value is touched; this key, the library's own, gives what they hide.
    while type(value).__name__.endswith("Proxy"):
        value = value["__target"]
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return UNKNOWN if value in _KINDS_OF_UNKNOWN else value
