"""Types of resources, and names of inputs, that the rules about risks know."""

from __future__ import annotations

MACHINES = (
    "aws:ec2/instance:Instance",
    "aws:autoscaling/group:Group",
    "azure-native:compute:VirtualMachine",
)
VOLUMES = (
    "aws:ebs/volume:Volume",
    "aws:s3/bucket:Bucket",
    "azure-native:compute:Disk",
    "azure-native:storage:StorageAccount",
    "azure-native:storage:BlobContainer",
    "azure-native:dataprotection:BackupVault",
    # What is in or under these goes with them, or cannot be read any more.
    "azure-native:resources:ResourceGroup",
    "aws:kms/key:Key",
    "kubernetes:core/v1:PersistentVolume",
    "kubernetes:core/v1:PersistentVolumeClaim",
)
MACHINES_OF_A_GROUP = ("launchTemplate", "mixedInstancesPolicy", "virtualMachineProfile")
ROLL = "-roll"
"""The end of the name of the command that replaces a member's machine (`providers.cloud.gate.roll`)."""
ENTRANCES = (
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:lb/listener:Listener",
    "azure-native:network:LoadBalancer",
    "azure-native:network:PublicIPAddress",
)
