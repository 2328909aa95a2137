"""Resource types of routing: route tables and their associations with subnets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import Ec2Kind, ResourceKind, arn, without
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.values import Properties

_RENAMES = {"cidrBlock": "DestinationCidrBlock"}


class RouteTable(Ec2Kind):
    """A route table with its routes."""

    noun = "route-table"
    listing = ("DescribeRouteTables", "RouteTableIds", "RouteTables")
    in_place = ("tags", "routes")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the table and its routes."""
        response = self.create_tagged(account, "CreateRouteTable", without(inputs, "routes"))
        identity = str(response["RouteTable"]["RouteTableId"])
        self._add_routes(account, identity, inputs)
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Replace the routes."""
        (table,) = account.call("ec2", "DescribeRouteTables", RouteTableIds=[identity])["RouteTables"]
        for route in table["Routes"]:
            if route.get("GatewayId") != "local":
                destination = route["DestinationCidrBlock"]
                account.call("ec2", "DeleteRoute", RouteTableId=identity, DestinationCidrBlock=destination)
        self._add_routes(account, identity, inputs)

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN."""
        return {"arn": arn(account, "ec2", f"route-table/{description['RouteTableId']}")}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the table."""
        account.call("ec2", "DeleteRouteTable", RouteTableId=identity)

    def _add_routes(self, account: Account, identity: str, inputs: Properties) -> None:
        for route in inputs.get("routes") or []:
            account.create("ec2", "CreateRoute", route, _RENAMES, RouteTableId=identity)


class RouteTableAssociation(ResourceKind):
    """The association of a subnet with a route table."""

    in_place = ("routeTableId",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Associate the subnet."""
        return str(account.create("ec2", "AssociateRouteTable", inputs)["AssociationId"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Check that the association exists."""
        filters = [{"Name": "association.route-table-association-id", "Values": [identity]}]
        if not account.call("ec2", "DescribeRouteTables", Filters=filters)["RouteTables"]:
            raise Missing(f"{identity}: not found")
        return {}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Associate the subnet with another table."""
        table = inputs["routeTableId"]
        response = account.call(
            "ec2", "ReplaceRouteTableAssociation", AssociationId=identity, RouteTableId=table
        )
        return str(response["NewAssociationId"])

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Remove the association."""
        account.call("ec2", "DisassociateRouteTable", AssociationId=identity)
