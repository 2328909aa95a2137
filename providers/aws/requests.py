"""The clients of operations on AWS: objects in the bucket, and machines of Auto Scaling groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from providers.aws.group_names import group_suffix
from providers.aws.names import Names
from providers.cloud.machine_config import POOLS
from providers.cloud.requests import CloudFailure, CloudMachines, CopyStore, Place, RequestStore
from topology.model import Member
from topology.subnets import MAX_ZONES

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_s3 import S3Client

    from settings.aws import AwsSettings
    from settings.cluster import Settings

_NOT_FOUND = {"NoSuchKey", "404"}
_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_CONNECTIONS = 32
_CHUNK_BYTES = 2**20


class ObjectStore(RequestStore):
    """The objects in the bucket of a cluster. The bucket encrypts each object with the key of the cluster."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def create(self, key: str, text: str) -> bool:
        """Create an object. Return false when the object exists."""
        with _unavailable():
            try:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), IfNoneMatch="*")
            except ClientError as error:
                if _code(error) in _EXISTS:
                    return False
                raise
            return True

    def write(self, key: str, source: BinaryIO) -> None:
        """Write an object."""
        with _unavailable():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=source)

    def read(self, key: str) -> str | None:
        """Return the text of an object; None for a missing object."""
        with _unavailable():
            body = self._body(key)
            return None if body is None else body.read().decode(errors="replace")

    def download(self, key: str, target: BinaryIO) -> int:
        """Write the content of an object to a file. Return its size in bytes; 0 for a missing object."""
        with _unavailable():
            body = self._body(key)
            return 0 if body is None else sum(map(target.write, body.iter_chunks(_CHUNK_BYTES)))

    def remove(self, *keys: str) -> None:
        """Delete objects with all of their versions."""
        with _unavailable():
            for key in keys:
                response = self._s3.list_object_versions(Bucket=self._bucket, Prefix=key)
                for version in [*response.get("Versions", ()), *response.get("DeleteMarkers", ())]:
                    found = version["Key"]
                    if found == key:  # the list has all keys with this prefix
                        self._s3.delete_object(Bucket=self._bucket, Key=found, VersionId=version["VersionId"])

    def _body(self, key: str) -> StreamingBody | None:
        """Return the content of an object; None for a missing object."""
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        except ClientError as error:
            if _code(error) in _NOT_FOUND:
                return None
            raise


class CopyObjects(ObjectStore, CopyStore):
    """The objects in the bucket for copies of snapshots."""

    def sizes(self) -> dict[str, int]:
        """Return the sizes of all objects by their keys."""
        with _unavailable():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
            return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


class GroupMachines(CloudMachines):
    """The machines in the Auto Scaling groups of a cluster."""

    def __init__(
        self, store: RequestStore, autoscaling: AutoScalingClient, ec2: EC2Client, names: Names
    ) -> None:
        self._store, self._autoscaling, self._ec2, self._names = store, autoscaling, ec2, names

    @property
    def store(self) -> RequestStore:
        """The store of the cluster."""
        return self._store

    def nodes(self, pool: str) -> tuple[Member, ...]:
        """Return the machines of a pool that its groups do not terminate, sorted by name."""
        groups = [self._names.name(group_suffix(pool, zone)) for zone in range(MAX_ZONES)]
        with _unavailable():
            identities = self._machines_of(groups)
            if not identities:
                return ()
            addresses = self._addresses(identities)
        return tuple(
            sorted((Member(name, addresses[name]) for name in addresses), key=lambda item: item.name)
        )

    def replace(self, place: Place) -> bool:
        """Terminate a machine. Its group launches a new one from the newest template.

        Only machines of members have the same name.
        """
        with _unavailable():
            for identity in self._identities(place):
                self._autoscaling.terminate_instance_in_auto_scaling_group(
                    InstanceId=identity, ShouldDecrementDesiredCapacity=False
                )
        return place.kind != POOLS

    def console(self, place: Place) -> str:
        """Return the newest output of the serial console of a machine; empty if EC2 has none."""
        with _unavailable():
            for identity in self._identities(place):
                return self._ec2.get_console_output(InstanceId=identity).get("Output", "")
        return ""

    def _identities(self, place: Place) -> list[str]:
        """Return the ids of the machine of a member, or of the machine of a pool."""
        return [place.node] if place.kind == POOLS else self._machines_of([self._names.name(place.name)])

    def _machines_of(self, groups: list[str]) -> list[str]:
        response = self._autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=groups)
        return [
            machine["InstanceId"]
            for group in response["AutoScalingGroups"]
            for machine in group["Instances"]
            if not machine["LifecycleState"].startswith("Terminat")
        ]

    def _addresses(self, identities: list[str]) -> dict[str, IPv4Address]:
        """Return the addresses of machines, without machines that EC2 does not know yet."""
        pages = self._ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-id", "Values": identities}]
        )
        found = [item for page in pages for group in page["Reservations"] for item in group["Instances"]]
        return {
            item["InstanceId"]: IPv4Address(item["PrivateIpAddress"])
            for item in found
            if "PrivateIpAddress" in item
        }


def open_machines(settings: Settings, variables: Mapping[str, str]) -> CloudMachines:
    """Return the machines of the cluster with these settings. `variables` are those of an emulated account.

    The bucket has a name with the account of the credentials, so that no state of the engine is needed. Raise
    CloudFailure without credentials, and for credentials of another account.
    """
    aws = settings.aws
    assert aws is not None
    assert settings.name is not None
    names = Names(cluster=settings.name, region=aws.region)
    clients = _Clients(aws, variables, aws.region)
    account = clients.account()
    store = ObjectStore(clients.client("s3", aws.endpoints.s3), names.bucket(account))
    autoscaling = clients.client("autoscaling", aws.endpoints.autoscaling)
    return GroupMachines(store, autoscaling, clients.client("ec2", aws.endpoints.ec2), names)


def open_copies(settings: Settings, variables: Mapping[str, str]) -> CopyStore:
    """Return the copies of snapshots of the cluster with these settings, which must configure copies.

    The region of the cluster is not needed. Raise CloudFailure without credentials, and for credentials of
    another account.
    """
    aws = settings.aws
    assert aws is not None
    assert aws.snapshot_copies is not None
    assert settings.name is not None
    region = aws.snapshot_copies.region
    clients = _Clients(aws, variables, region)
    bucket = Names(cluster=settings.name, region=aws.region).copies_bucket(clients.account(), region)
    return CopyObjects(clients.client("s3", aws.endpoints.copies), bucket)


class _Clients:
    """Clients of services of a region, with the credentials of the environment or of an emulated account."""

    def __init__(self, aws: AwsSettings, variables: Mapping[str, str], region: str) -> None:
        self._aws = aws
        self._session = boto3.Session(
            variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY"), region_name=region
        )
        self._endpoint, self._verify = variables.get("AWS_ENDPOINT_URL"), aws.endpoints.ca_file
        self._config = Config(
            retries={"max_attempts": 5, "mode": "standard"},
            connect_timeout=10,
            max_pool_connections=_CONNECTIONS,
        )

    def account(self) -> str:
        """Return the account of the credentials. Raise CloudFailure if the settings name another account."""
        with _unavailable():
            account = str(self.client("sts").get_caller_identity()["Account"])
        if self._aws.account and account != self._aws.account:
            raise CloudFailure(
                f"the credentials are of account {account}, not of aws.account {self._aws.account}"
            )
        return account

    def client(self, service: str, endpoint: str = "") -> Any:  # noqa: ANN401 — boto3 has a class for each service
        """Return the client of a service. `endpoint` is the URL of a private endpoint, or empty."""
        url = endpoint or self._endpoint
        return self._session.client(  # type: ignore[call-overload]
            service, endpoint_url=url or None, verify=self._verify if url else None, config=self._config
        )


@contextmanager
def _unavailable() -> Iterator[None]:
    """Raise CloudFailure for the errors of boto3."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise CloudFailure(" ".join(str(error).split())) from None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
