"""The connection to AWS: the Pulumi plugin for one region, with the credentials of the deployer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import InvokeOptions, ResourceOptions
from pulumi_aws import Provider, ProviderEndpointArgs

from components.scope import Scope
from settings.aws import AwsSettings


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The Pulumi plugin of AWS (`plugin`), and the options for every resource on AWS."""

    plugin: Provider
    options: ResourceOptions

    @property
    def invoke(self) -> InvokeOptions:
        """The options for lookups of existing resources."""
        return InvokeOptions(provider=self.plugin)


def connect(settings: AwsSettings, scope: Scope) -> Connection:
    """Return the connection for the account, the region and the private endpoints of the settings.

    With `account` in the settings, the plugin refuses credentials of another account before it reads or
    creates a resource.
    """
    endpoints = {
        "s3": settings.endpoints.s3,
        "ec2": settings.endpoints.ec2,
        "autoscaling": settings.endpoints.autoscaling,
    }
    return _connection(settings, scope, "aws", settings.region, endpoints)


def connect_copies(settings: AwsSettings, region: str, scope: Scope) -> Connection:
    """Return the connection for the bucket in another region that gets copies of snapshots."""
    return _connection(settings, scope, "aws-copies", region, {"s3": settings.endpoints.copies})


def _connection(
    settings: AwsSettings, scope: Scope, name: str, region: str, endpoints: Mapping[str, str]
) -> Connection:
    private = {service: url for service, url in endpoints.items() if url}
    plugin = Provider(
        scope.name(name),
        region=region,
        allowed_account_ids=[settings.account] if settings.account else None,
        endpoints=[ProviderEndpointArgs(**private)] if private else None,
        custom_ca_bundle=settings.endpoints.ca_file,
        opts=scope.options(),
    )
    return Connection(plugin=plugin, options=ResourceOptions(providers=[plugin]))
