"""Resource types of other services: KMS, Route 53, CloudWatch Logs and Data Lifecycle Manager."""

from __future__ import annotations

from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import ResourceKind, arn, without
from lab.plugins.aws.parameters import build_parameters, tag_list
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.values import Properties


class Key(ResourceKind):
    """A key of KMS. `delete` schedules its deletion."""

    in_place = ("tags", "description", "enableKeyRotation", "deletionWindowInDays")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the key and set its rotation."""
        rest = without(inputs, "enableKeyRotation", "deletionWindowInDays")
        identity = str(account.create("kms", "CreateKey", rest)["KeyMetadata"]["KeyId"])
        self._set_rotation(account, identity, inputs)
        return identity

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN. Raise Missing for a key whose deletion is scheduled."""
        key = account.call("kms", "DescribeKey", KeyId=identity)["KeyMetadata"]
        if key["KeyState"] == "PendingDeletion":
            raise Missing(f"{identity}: its deletion is scheduled")
        return {"arn": key["Arn"], "keyId": identity}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the rotation, the description or the tags."""
        self._set_rotation(account, identity, inputs)
        text = inputs.get("description", "")
        account.call("kms", "UpdateKeyDescription", KeyId=identity, Description=text)
        tags = [{"TagKey": key, "TagValue": value} for key, value in (inputs.get("tags") or {}).items()]
        account.call("kms", "TagResource", KeyId=identity, Tags=tags)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Schedule the deletion of the key."""
        days = int(state.get("deletionWindowInDays") or 30)
        account.call("kms", "ScheduleKeyDeletion", KeyId=identity, PendingWindowInDays=days)

    def _set_rotation(self, account: Account, identity: str, inputs: Properties) -> None:
        operation = "EnableKeyRotation" if inputs.get("enableKeyRotation") else "DisableKeyRotation"
        account.call("kms", operation, KeyId=identity)


class Alias(ResourceKind):
    """An alias of a key."""

    in_place = ("targetKeyId",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the alias."""
        account.create("kms", "CreateAlias", inputs, {"name": "AliasName"})
        return str(inputs["name"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        for page in account.client("kms").get_paginator("list_aliases").paginate():
            for alias in page["Aliases"]:
                if alias["AliasName"] == identity:
                    return {"arn": alias["AliasArn"]}
        raise Missing(f"{identity}: not found")

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the key."""
        account.create("kms", "UpdateAlias", inputs, {"name": "AliasName"})
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the alias."""
        account.call("kms", "DeleteAlias", AliasName=identity)


class Zone(ResourceKind):
    """A private hosted zone."""

    in_place = ("tags", "comment")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the zone for its VPC, with its tags."""
        (vpc,) = inputs["vpcs"]
        response = account.call(
            "route53",
            "CreateHostedZone",
            Name=inputs["name"],
            CallerReference=f"{inputs['name']}-{vpc['vpcId']}",
            VPC={"VPCId": vpc["vpcId"], "VPCRegion": vpc["vpcRegion"]},
            HostedZoneConfig={"Comment": inputs.get("comment", ""), "PrivateZone": True},
        )
        identity = str(response["HostedZone"]["Id"]).rpartition("/")[2]
        self._set_tags(account, identity, inputs)
        return identity

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the id and the ARN."""
        account.call("route53", "GetHostedZone", Id=identity)
        return {"zoneId": identity, "arn": f"arn:aws:route53:::hostedzone/{identity}"}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the tags or the comment."""
        if "comment" in changed:
            text = inputs.get("comment", "")
            account.call("route53", "UpdateHostedZoneComment", Id=identity, Comment=text)
        self._set_tags(account, identity, inputs)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the zone."""
        account.call("route53", "DeleteHostedZone", Id=identity)

    def _set_tags(self, account: Account, identity: str, inputs: Properties) -> None:
        of_zone = {"ResourceType": "hostedzone", "ResourceId": identity}
        tags = tag_list(inputs.get("tags"))
        if tags:
            account.call("route53", "ChangeTagsForResource", AddTags=tags, **of_zone)


class Record(ResourceKind):
    """A DNS record. Its id is `<zone>_<name>_<type>`."""

    in_place = ("aliases", "records", "ttl")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the record."""
        _change_record(account, "CREATE", inputs)
        return f"{inputs['zoneId']}_{inputs['name']}_{inputs['type']}"

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the full name of the record."""
        sets = account.call("route53", "ListResourceRecordSets", HostedZoneId=inputs["zoneId"])
        for item in sets["ResourceRecordSets"]:
            if item["Name"].rstrip(".") == inputs["name"] and item["Type"] == inputs["type"]:
                return {"fqdn": inputs["name"]}
        raise Missing(f"{identity}: not found")

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the values of the record."""
        _change_record(account, "UPSERT", inputs)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the record."""
        _change_record(account, "DELETE", state)


def _change_record(account: Account, action: str, inputs: Properties) -> None:
    record: dict[str, Any] = {"Name": inputs["name"], "Type": inputs["type"]}
    if aliases := inputs.get("aliases"):
        (alias,) = aliases
        record["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": alias["name"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    else:
        record["TTL"] = int(inputs["ttl"])
        record["ResourceRecords"] = [{"Value": value} for value in inputs["records"]]
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    account.call("route53", "ChangeResourceRecordSets", HostedZoneId=inputs["zoneId"], ChangeBatch=batch)


class LogGroup(ResourceKind):
    """A log group of CloudWatch Logs."""

    in_place = ("tags", "retentionInDays")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the group and set how long it keeps its logs."""
        rest = without(inputs, "retentionInDays")
        account.create("logs", "CreateLogGroup", rest, {"name": "logGroupName"})
        self._set_retention(account, inputs)
        return str(inputs["name"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        groups = account.call("logs", "DescribeLogGroups", logGroupNamePrefix=identity)["logGroups"]
        for group in groups:
            if group["logGroupName"] == identity:
                return {"arn": group["arn"].removesuffix(":*")}
        raise Missing(f"{identity}: not found")

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the tags or how long logs are kept."""
        self._set_retention(account, inputs)
        account.call("logs", "TagLogGroup", logGroupName=identity, tags=inputs.get("tags") or {})
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the group."""
        account.call("logs", "DeleteLogGroup", logGroupName=identity)

    def _set_retention(self, account: Account, inputs: Properties) -> None:
        if days := inputs.get("retentionInDays"):
            name = inputs["name"]
            account.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=int(days))


class LifecyclePolicy(ResourceKind):
    """A policy of Data Lifecycle Manager."""

    in_place = ("tags", "description", "executionRoleArn", "state", "policyDetails")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the policy."""
        rest = without(inputs, "policyDetails")
        details = self._details(account, inputs)
        return str(account.create("dlm", "CreateLifecyclePolicy", rest, PolicyDetails=details)["PolicyId"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        account.call("dlm", "GetLifecyclePolicy", PolicyId=identity)
        return {"arn": arn(account, "dlm", f"policy/{identity}")}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the policy."""
        rest = without(inputs, "policyDetails", "tags")
        details = self._details(account, inputs)
        account.create("dlm", "UpdateLifecyclePolicy", rest, PolicyId=identity, PolicyDetails=details)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the policy."""
        account.call("dlm", "DeleteLifecyclePolicy", PolicyId=identity)

    def _details(self, account: Account, inputs: Properties) -> dict[str, Any]:
        """Return the details. The input `times` of a schedule has one time, its parameter a list."""
        shape = account.parameters("dlm", "CreateLifecyclePolicy", "PolicyDetails")
        details = dict(inputs["policyDetails"])
        details["schedules"] = [_with_time_list(item) for item in details.get("schedules") or []]
        return build_parameters(shape, details, {})


def _with_time_list(schedule: Properties) -> Properties:
    rule = schedule.get("createRule") or {}
    times = {"times": [rule["times"]]} if isinstance(rule.get("times"), str) else {}
    return {**schedule, "createRule": {**rule, **times}}
