"""Resource types of the virtual network: VPC, subnets, routes, gateways, endpoints and flow logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import Ec2Kind, ResourceKind, arn, replace_ec2_tags, without
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

_VPC_SWITCHES = {"enableDnsSupport": "EnableDnsSupport", "enableDnsHostnames": "EnableDnsHostnames"}
_FLOW_LOG_RENAMES = {"iamRoleArn": "DeliverLogsPermissionArn"}
_SUBNET_SWITCHES = {
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "privateDnsHostnameTypeOnLaunch": "PrivateDnsHostnameTypeOnLaunch",
}


class Vpc(Ec2Kind):
    """A virtual network."""

    noun = "vpc"
    listing = ("DescribeVpcs", "VpcIds", "Vpcs")
    in_place = ("tags", *_VPC_SWITCHES)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the VPC and set its attributes."""
        response = self.create_tagged(account, "CreateVpc", without(inputs, *_VPC_SWITCHES))
        identity = str(response["Vpc"]["VpcId"])
        self.change(account, identity, inputs, frozenset(_VPC_SWITCHES))
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Set attributes."""
        for key in sorted(changed & inputs.keys()):
            value = {_VPC_SWITCHES[key]: {"Value": inputs[key]}}
            account.call("ec2", "ModifyVpcAttribute", VpcId=identity, **value)

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN."""
        return {"arn": arn(account, "ec2", f"vpc/{description['VpcId']}"), "ownerId": description["OwnerId"]}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the VPC."""
        account.call("ec2", "DeleteVpc", VpcId=identity)


class DefaultSecurityGroup(ResourceKind):
    """The default security group of a VPC, without rules. AWS deletes the group with its VPC."""

    in_place = ("tags",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Remove the rules of the group and set its tags. Raise PluginError for inputs with rules."""
        if unexpected := inputs.keys() - {"vpcId", "tags", "__defaults"}:
            raise PluginError(f"default security group: the emulation has no {', '.join(sorted(unexpected))}")
        filters = [
            {"Name": "vpc-id", "Values": [inputs["vpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
        (group,) = account.call("ec2", "DescribeSecurityGroups", Filters=filters)["SecurityGroups"]
        for direction in ("Ingress", "Egress"):
            key = "IpPermissions" if direction == "Ingress" else "IpPermissionsEgress"
            if group.get(key):
                operation = f"RevokeSecurityGroup{direction}"
                account.call("ec2", operation, GroupId=group["GroupId"], IpPermissions=group[key])
        replace_ec2_tags(account, group["GroupId"], inputs)
        return str(group["GroupId"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        (group,) = account.call("ec2", "DescribeSecurityGroups", GroupIds=[identity])["SecurityGroups"]
        return {"arn": arn(account, "ec2", f"security-group/{identity}"), "name": group["GroupName"]}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the tags."""
        replace_ec2_tags(account, identity, inputs)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete nothing, as the official plugin."""


class Subnet(Ec2Kind):
    """A subnet."""

    noun = "subnet"
    listing = ("DescribeSubnets", "SubnetIds", "Subnets")
    in_place = ("tags", *_SUBNET_SWITCHES)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the subnet and set its attributes."""
        response = self.create_tagged(account, "CreateSubnet", without(inputs, *_SUBNET_SWITCHES))
        identity = str(response["Subnet"]["SubnetId"])
        self.change(account, identity, inputs, frozenset(_SUBNET_SWITCHES))
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Set attributes."""
        for key in sorted(changed & inputs.keys()):
            value = {"Value": inputs[key]} if isinstance(inputs[key], bool) else inputs[key]
            account.call("ec2", "ModifySubnetAttribute", SubnetId=identity, **{_SUBNET_SWITCHES[key]: value})

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN and the id of the zone."""
        return {
            "arn": arn(account, "ec2", f"subnet/{description['SubnetId']}"),
            "availabilityZoneId": description["AvailabilityZoneId"],
            "ownerId": description["OwnerId"],
        }

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the subnet."""
        account.call("ec2", "DeleteSubnet", SubnetId=identity)


class SubnetCidrReservation(ResourceKind):
    """A reserved range of addresses of a subnet."""

    def create(self, account: Account, inputs: Properties) -> str:
        """Reserve the range."""
        response = account.create("ec2", "CreateSubnetCidrReservation", inputs, {"cidrBlock": "Cidr"})
        return str(response["SubnetCidrReservation"]["SubnetCidrReservationId"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the owner of the reservation."""
        response = account.call("ec2", "GetSubnetCidrReservations", SubnetId=inputs["subnetId"])
        for item in response["SubnetIpv4CidrReservations"]:
            if item["SubnetCidrReservationId"] == identity:
                return {"ownerId": item.get("OwnerId", "")}
        raise Missing(f"{identity}: not found")

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the reservation."""
        account.call("ec2", "DeleteSubnetCidrReservation", SubnetCidrReservationId=identity)


class InternetGateway(Ec2Kind):
    """An internet gateway, attached to a VPC."""

    noun = "internet-gateway"
    listing = ("DescribeInternetGateways", "InternetGatewayIds", "InternetGateways")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the gateway and attach it to its VPC."""
        response = self.create_tagged(account, "CreateInternetGateway", without(inputs, "vpcId"))
        identity = str(response["InternetGateway"]["InternetGatewayId"])
        account.call("ec2", "AttachInternetGateway", InternetGatewayId=identity, VpcId=inputs["vpcId"])
        return identity

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN."""
        return {"arn": arn(account, "ec2", f"internet-gateway/{description['InternetGatewayId']}")}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Detach and delete the gateway."""
        account.call("ec2", "DetachInternetGateway", InternetGatewayId=identity, VpcId=state["vpcId"])
        account.call("ec2", "DeleteInternetGateway", InternetGatewayId=identity)


class Eip(Ec2Kind):
    """An Elastic IP address."""

    noun = "elastic-ip"
    listing = ("DescribeAddresses", "AllocationIds", "Addresses")

    def create(self, account: Account, inputs: Properties) -> str:
        """Allocate the address."""
        return str(self.create_tagged(account, "AllocateAddress", inputs)["AllocationId"])

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the address."""
        return {"publicIp": description["PublicIp"], "allocationId": description["AllocationId"]}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Release the address."""
        account.call("ec2", "ReleaseAddress", AllocationId=identity)


class NatGateway(Ec2Kind):
    """A NAT gateway."""

    noun = "natgateway"
    listing = ("DescribeNatGateways", "NatGatewayIds", "NatGateways")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the gateway."""
        return str(self.create_tagged(account, "CreateNatGateway", inputs)["NatGateway"]["NatGatewayId"])

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the addresses. Raise Missing for a deleted gateway, which AWS lists for an hour."""
        if description.get("State") == "deleted":
            raise Missing(f"{description['NatGatewayId']}: deleted")
        addresses = description.get("NatGatewayAddresses") or [{}]
        return {"publicIp": addresses[0].get("PublicIp", "")}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the gateway."""
        account.call("ec2", "DeleteNatGateway", NatGatewayId=identity)


class VpcEndpoint(Ec2Kind):
    """A private endpoint of a service of AWS in a VPC."""

    noun = "vpc-endpoint"
    listing = ("DescribeVpcEndpoints", "VpcEndpointIds", "VpcEndpoints")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the endpoint."""
        response = self.create_tagged(account, "CreateVpcEndpoint", inputs)
        return str(response["VpcEndpoint"]["VpcEndpointId"])

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the state. Raise Missing for a deleted endpoint."""
        if str(description.get("State", "")).lower() == "deleted":
            raise Missing(f"{description['VpcEndpointId']}: deleted")
        return {"state": description.get("State", "available")}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the endpoint."""
        account.call("ec2", "DeleteVpcEndpoints", VpcEndpointIds=[identity])


class FlowLog(Ec2Kind):
    """A flow log of a VPC."""

    noun = "vpc-flow-log"
    listing = ("DescribeFlowLogs", "FlowLogIds", "FlowLogs")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the flow log. Raise PluginError if AWS reports that it was not created."""
        target = {"ResourceIds": [inputs["vpcId"]], "ResourceType": "VPC"}
        rest = without(inputs, "vpcId")
        response = self.create_tagged(account, "CreateFlowLogs", rest, _FLOW_LOG_RENAMES, **target)
        for problem in response.get("Unsuccessful") or []:
            raise PluginError(f"flow log: {problem['Error']['Message']}")
        return str(response["FlowLogIds"][0])

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN."""
        return {"arn": arn(account, "ec2", f"vpc-flow-log/{description['FlowLogId']}")}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the flow log."""
        account.call("ec2", "DeleteFlowLogs", FlowLogIds=[identity])
