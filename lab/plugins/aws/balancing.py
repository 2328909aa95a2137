"""Resource types of Elastic Load Balancing: network load balancers, listeners and target groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import ResourceKind, without
from lab.plugins.aws.parameters import tag_list
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

_BALANCER_ATTRIBUTES = {
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
}
_TARGET_ATTRIBUTES = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "preserveClientIp": "preserve_client_ip.enabled",
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
}
_HEALTH_STATE_ATTRIBUTES = {
    "enableUnhealthyConnectionTermination": "target_health_state.unhealthy.connection_termination.enabled",
    "unhealthyDrainingInterval": "target_health_state.unhealthy.draining_interval_seconds",
}
_CHECK_PARAMETERS = {
    "enabled": "HealthCheckEnabled",
    "protocol": "HealthCheckProtocol",
    "port": "HealthCheckPort",
    "path": "HealthCheckPath",
    "interval": "HealthCheckIntervalSeconds",
    "timeout": "HealthCheckTimeoutSeconds",
    "healthyThreshold": "HealthyThresholdCount",
    "unhealthyThreshold": "UnhealthyThresholdCount",
}


class ElbKind(ResourceKind):
    """A resource type of Elastic Load Balancing with tags. Its id is its ARN."""

    in_place: tuple[str, ...] = ("tags",)

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the tags, and the inputs that `change` supports."""
        if "tags" in changed:
            (item,) = account.call("elbv2", "DescribeTags", ResourceArns=[identity])["TagDescriptions"]
            tags = inputs.get("tags") or {}
            if obsolete := [tag["Key"] for tag in item["Tags"] if tag["Key"] not in tags]:
                account.call("elbv2", "RemoveTags", ResourceArns=[identity], TagKeys=obsolete)
            account.call("elbv2", "AddTags", ResourceArns=[identity], Tags=tag_list(tags))
        if rest := changed - {"tags"}:
            self.change(account, identity, inputs, rest)
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Change other inputs than the tags."""
        super().update(account, identity, inputs, changed)


class LoadBalancer(ElbKind):
    """A network load balancer."""

    in_place = ("tags", "securityGroups", *_BALANCER_ATTRIBUTES)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the load balancer and set its attributes."""
        response = account.create(
            "elbv2",
            "CreateLoadBalancer",
            without(inputs, *_BALANCER_ATTRIBUTES, "internal"),
            {"loadBalancerType": "Type"},
            Scheme="internal" if inputs.get("internal") else "internet-facing",
        )
        identity = str(response["LoadBalancers"][0]["LoadBalancerArn"])
        self.change(account, identity, inputs, frozenset(_BALANCER_ATTRIBUTES))
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Set attributes or security groups."""
        if "securityGroups" in changed:
            groups = inputs["securityGroups"]
            account.call("elbv2", "SetSecurityGroups", LoadBalancerArn=identity, SecurityGroups=groups)
        if attributes := list(_attributes(_BALANCER_ATTRIBUTES, inputs, changed)):
            operation = "ModifyLoadBalancerAttributes"
            account.call("elbv2", operation, LoadBalancerArn=identity, Attributes=attributes)

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN and the DNS name."""
        response = account.call("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[identity])
        balancer = response["LoadBalancers"][0]
        return {
            "arn": identity,
            "dnsName": balancer["DNSName"],
            "zoneId": balancer["CanonicalHostedZoneId"],
            "vpcId": balancer["VpcId"],
        }

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the load balancer."""
        account.call("elbv2", "DeleteLoadBalancer", LoadBalancerArn=identity)


class Listener(ElbKind):
    """A listener that forwards connections to target groups."""

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the listener."""
        response = account.create("elbv2", "CreateListener", inputs)
        return str(response["Listeners"][0]["ListenerArn"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        account.call("elbv2", "DescribeListeners", ListenerArns=[identity])
        return {"arn": identity}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the listener."""
        account.call("elbv2", "DeleteListener", ListenerArn=identity)


class TargetGroup(ElbKind):
    """A target group with a health check."""

    in_place = ("tags", "healthCheck", "targetHealthStates", *_TARGET_ATTRIBUTES)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the target group and set its attributes."""
        rest = without(inputs, "healthCheck", "targetHealthStates", *_TARGET_ATTRIBUTES)
        response = account.create("elbv2", "CreateTargetGroup", rest | _health_check(inputs), _CHECK_RENAMES)
        identity = str(response["TargetGroups"][0]["TargetGroupArn"])
        self._set_attributes(account, identity, inputs)
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Change the health check or attributes."""
        if "healthCheck" in changed:
            check = _health_check(inputs)
            account.create("elbv2", "ModifyTargetGroup", check, _CHECK_RENAMES, TargetGroupArn=identity)
        self._set_attributes(account, identity, inputs)

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        account.call("elbv2", "DescribeTargetGroups", TargetGroupArns=[identity])
        return {"arn": identity, "arnSuffix": identity.rpartition(":")[2]}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the target group."""
        account.call("elbv2", "DeleteTargetGroup", TargetGroupArn=identity)

    def _set_attributes(self, account: Account, identity: str, inputs: Properties) -> None:
        attributes = list(_attributes(_TARGET_ATTRIBUTES, inputs, frozenset(_TARGET_ATTRIBUTES)))
        for state in inputs.get("targetHealthStates") or []:
            attributes += _attributes(_HEALTH_STATE_ATTRIBUTES, state, frozenset(_HEALTH_STATE_ATTRIBUTES))
        if attributes:
            operation = "ModifyTargetGroupAttributes"
            account.call("elbv2", operation, TargetGroupArn=identity, Attributes=attributes)


class TargetGroupAttachment(ResourceKind):
    """A target of a target group."""

    def create(self, account: Account, inputs: Properties) -> str:
        """Register the target."""
        group, target = inputs["targetGroupArn"], _target(inputs)
        account.call("elbv2", "RegisterTargets", TargetGroupArn=group, Targets=[target])
        return f"{group}-{target['Id']}"

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Check that the target is registered."""
        response = account.call("elbv2", "DescribeTargetHealth", TargetGroupArn=inputs["targetGroupArn"])
        targets = [item["Target"]["Id"] for item in response["TargetHealthDescriptions"]]
        if inputs["targetId"] not in targets:
            raise Missing(f"{identity}: not registered")
        return {}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Deregister the target."""
        group = state["targetGroupArn"]
        account.call("elbv2", "DeregisterTargets", TargetGroupArn=group, Targets=[_target(state)])


_CHECK_RENAMES = {"matcher": "Matcher", "httpCode": "HttpCode"}


def _health_check(inputs: Properties) -> Properties:
    """Return the health check as inputs with the names of parameters.

    Raise PluginError for unknown inputs.
    """
    check = dict(inputs.get("healthCheck") or {})
    matcher = check.pop("matcher", None)
    if unknown := check.keys() - _CHECK_PARAMETERS.keys():
        raise PluginError(f"healthCheck: the emulation has no {', '.join(sorted(unknown))}")
    parameters: Properties = {_CHECK_PARAMETERS[key]: value for key, value in check.items()}
    return parameters | ({"matcher": {"httpCode": str(matcher)}} if matcher is not None else {})


def _target(inputs: Properties) -> dict[str, Any]:
    port = {"Port": int(inputs["port"])} if inputs.get("port") else {}
    return {"Id": inputs["targetId"], **port}


def _attributes(
    names: dict[str, str], inputs: Properties, changed: frozenset[str]
) -> Iterator[dict[str, str]]:
    """Yield the attributes that inputs set, as parameters of the API."""
    for key, name in names.items():
        if key in changed and inputs.get(key) is not None:
            value = inputs[key]
            yield {"Key": name, "Value": f"{value:g}" if isinstance(value, float) else str(value).lower()}
