"""Tests that AWS and Azure have the same files with the same public classes, and that each difference has a
reason.
"""

from __future__ import annotations

import ast
from pathlib import Path

PROVIDERS = Path(__file__).resolve().parents[3] / "providers"
CLOUDS = ("aws", "azure")

SINGLE_CLOUD_FILES = {
    "aws/addon_permissions.py": "IAM statements of add-ons fill a file; on Azure they are one custom role",
    "aws/balancer_permissions.py": "as addon_permissions.py, for the controller of load balancers",
    "aws/disk_key.py": "Auto Scaling needs a grant for a customer managed key",
    "aws/existing_network.py": "controllers find subnets by tags; on Azure they know the subnet",
    "aws/group_names.py": "a group is found by its name; the scale sets of Azure are objects",
    "aws/leftovers.py": "Azure deletes what controllers created with the resource group of the cluster",
    "aws/texts.py": "patterns of texts that AWS accepts, which the service models lack",
    "aws/policies.py": "IAM policies are documents that the program renders; Azure takes lists of actions",
    "aws/private_bucket.py": "a bucket has several resources; storage_account.py is one resource",
    "aws/pod_roles.py": "limits check the documents of roles; federated credentials of Azure are resources",
    "aws/host-network.sh": "the chart of the EBS CSI driver has no setting for the host network",
    "azure/boot_joins.py": "identities of AWS name the machine; on Azure a signed document does",
    "azure/credentials.py": "boto3 finds credentials itself; Azure's libraries read other variables",
    "azure/environments.py": "clouds of Azure have other domains; the region determines the partition of AWS",
    "azure/objects.py": "Azure's plugin writes objects only with the shared key, which many forbid",
    "azure/pool_size.py": "updates of a scale set contain its size; updates of an Auto Scaling group do not",
    "azure/private_dns.py": "the API and the store have private zones; on AWS only the API has one",
    "azure/private_endpoint.py": "a private store needs it; on AWS the network has a gateway endpoint",
    "azure/storage_account.py": "one resource has the settings of an account; a bucket has several resources",
    "azure/sizes.py": "GPUs and networking are only in the names of sizes; the table of EC2 has both",
}
"""Files of only one cloud, with the reason."""

SINGLE_CLOUD_CLASSES = {
    "aws/identity.py:Permissions": "roles have inline and managed policies; Azure assigns roles",
    "aws/image.py:Image": "an image has a root device; the SDK of Azure has its own image reference",
    "azure/snapshots.py:Snapshots": "a vault with instances; on AWS one resource (`create_snapshot_policy`)",
    "azure/wait_clients.py:RollingUpgrade": "upgrades have no id; on AWS the id of a refresh identifies it",
}
"""Public classes of only one cloud, with the reason. Classes in SINGLE_CLOUD_FILES are not listed."""

PROVIDER_CLASSES = {
    f"{cloud}{name}": name for cloud in ("Aws", "Azure") for name in ("Provider", "PodIdentities")
}
"""Classes whose names contain the name of the cloud."""


def file_names(cloud: str) -> set[str]:
    return {path.name for path in (PROVIDERS / cloud).iterdir() if path.is_file()}


def class_names(cloud: str, file: str) -> set[str]:
    tree = ast.parse((PROVIDERS / cloud / file).read_text())
    names = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    return {PROVIDER_CLASSES.get(name, name) for name in names if not name.startswith("_")}


def other_cloud(cloud: str) -> str:
    return next(each for each in CLOUDS if each != cloud)


def test_files_of_only_one_cloud_are_listed_with_a_reason() -> None:
    unmatched = {
        f"{cloud}/{name}" for cloud in CLOUDS for name in file_names(cloud) - file_names(other_cloud(cloud))
    }
    assert unmatched == set(SINGLE_CLOUD_FILES)


def test_classes_of_only_one_cloud_are_listed_with_a_reason() -> None:
    shared = {name for name in file_names("aws") & file_names("azure") if name.endswith(".py")}
    unmatched = {
        f"{cloud}/{file}:{name}"
        for file in shared
        for cloud in CLOUDS
        for name in class_names(cloud, file) - class_names(other_cloud(cloud), file)
    }
    assert unmatched == set(SINGLE_CLOUD_CLASSES)


def test_each_cloud_registers_a_descriptor_without_its_sdk() -> None:
    from providers.registry import CLOUDS as DESCRIPTORS

    assert {cloud.settings_section for cloud in DESCRIPTORS} == set(CLOUDS)
    for cloud in CLOUDS:
        imports = {
            node.module or ""
            for node in ast.parse((PROVIDERS / cloud / "descriptor.py").read_text()).body
            if isinstance(node, ast.ImportFrom)
        }
        assert not {name for name in imports if name.startswith(("pulumi", "settings"))}
