"""Resource types of security groups and their rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import Ec2Kind, arn, without
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

_DIRECTIONS = {"ingress": ("Ingress", "IpPermissions"), "egress": ("Egress", "IpPermissionsEgress")}


class SecurityGroup(Ec2Kind):
    """A security group with its rules. A group without the inputs of a direction keeps its own rules."""

    noun = "security-group"
    listing = ("DescribeSecurityGroups", "GroupIds", "SecurityGroups")
    in_place = ("tags", "ingress", "egress", "revokeRulesOnDelete")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the group, remove the rule that AWS creates, and create the rules of the inputs."""
        group = without(inputs, "ingress", "egress", "revokeRulesOnDelete")
        identity = str(
            self.create_tagged(account, "CreateSecurityGroup", group, {"name": "GroupName"})["GroupId"]
        )
        # As the official plugin: a new group has no rule that allows all outgoing traffic.
        self._replace_rules(account, identity, "egress", inputs.get("egress") or [])
        self._replace_rules(account, identity, "ingress", inputs.get("ingress") or [])
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Replace the rules of the changed directions."""
        for direction in sorted(changed & _DIRECTIONS.keys()):
            self._replace_rules(account, identity, direction, inputs.get(direction) or [])

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN."""
        group = description["GroupId"]
        return {"arn": arn(account, "ec2", f"security-group/{group}"), "ownerId": description["OwnerId"]}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the group."""
        account.call("ec2", "DeleteSecurityGroup", GroupId=identity)

    def _replace_rules(
        self, account: Account, identity: str, direction: str, rules: Sequence[Properties]
    ) -> None:
        operation, key = _DIRECTIONS[direction]
        (group,) = account.call("ec2", "DescribeSecurityGroups", GroupIds=[identity])["SecurityGroups"]
        if group.get(key):
            revoke = f"RevokeSecurityGroup{operation}"
            account.call("ec2", revoke, GroupId=identity, IpPermissions=group[key])
        if rules:
            permissions = [_permission(rule, identity) for rule in rules]
            authorize = f"AuthorizeSecurityGroup{operation}"
            account.call("ec2", authorize, GroupId=identity, IpPermissions=permissions)


class SecurityGroupRule(Ec2Kind):
    """One rule of a security group as a separate resource. `direction` is `Ingress` or `Egress`."""

    noun = "security-group-rule"
    listing = ("DescribeSecurityGroupRules", "SecurityGroupRuleIds", "SecurityGroupRules")

    def __init__(self, direction: str) -> None:
        self._direction = direction

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the rule."""
        permission: dict[str, Any] = {"IpProtocol": inputs["ipProtocol"]}
        permission |= {
            name: int(inputs[key])
            for key, name in (("fromPort", "FromPort"), ("toPort", "ToPort"))
            if key in inputs
        }
        source = {"Description": inputs["description"]} if inputs.get("description") else {}
        if inputs.get("cidrIpv4"):
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **source}]
        else:
            permission["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **source}]
        response = account.call(
            "ec2",
            f"AuthorizeSecurityGroup{self._direction}",
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            TagSpecifications=self.tag_specifications(inputs),
        )
        return str(response["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the id and the ARN."""
        rule = description["SecurityGroupRuleId"]
        return {"securityGroupRuleId": rule, "arn": arn(account, "ec2", f"security-group-rule/{rule}")}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the rule. Raise Missing if the rule was deleted with its group."""
        self.describe(account, identity, state)
        account.call(
            "ec2",
            f"RevokeSecurityGroup{self._direction}",
            GroupId=state["securityGroupId"],
            SecurityGroupRuleIds=[identity],
        )


def _permission(rule: Properties, group: str) -> dict[str, Any]:
    """Return a rule of a group's inputs as a permission of the API."""
    description = {"Description": rule["description"]} if rule.get("description") else {}
    permission: dict[str, Any] = {
        "IpProtocol": rule["protocol"],
        "FromPort": int(rule["fromPort"]),
        "ToPort": int(rule["toPort"]),
    }
    if ranges := rule.get("cidrBlocks"):
        permission["IpRanges"] = [{"CidrIp": item, **description} for item in ranges]
    groups = [*(rule.get("securityGroups") or []), *([group] if rule.get("self") else [])]
    if groups:
        permission["UserIdGroupPairs"] = [{"GroupId": item, **description} for item in groups]
    if not ranges and not groups:
        raise PluginError("a rule has neither cidrBlocks nor securityGroups")
    return permission
