"""Permissions of the add-ons that call AWS, as tables of IAM statements. Imports no SDK.

The add-ons run on the host network of control planes and use the IAM role of these machines. The tables are
the lists that each project publishes (cloud-provider-aws `docs/prerequisites.md`, aws-ebs-csi-driver
`docs/example-iam-policy.json`, cluster autoscaler `cloudprovider/aws/README.md`), limited to the region,
account and name of the cluster.
"""

from __future__ import annotations

from providers.aws.permissions import (
    CLUSTER_TAGGED,
    DESCRIBE_REASON,
    EC2_ARN,
    SCALING_GROUP_ARNS,
    SNAPSHOT_ARNS,
)
from providers.aws.policies import ANY_RESOURCE, Condition, Statement

SECURITY_GROUP_ARNS = f"{EC2_ARN}:security-group/*"
ELB_ARN = "arn:{partition}:elasticloadbalancing:{region}:{account}"
# Conditions: `_OF_…` requires a tag of the resource, `_FOR_…` requires that the request sets the tag.
OF_CLUSTER = Condition("StringEquals", "aws:ResourceTag/kubernetes.io/cluster/{cluster}", ("owned",))
_FOR_CLUSTER = Condition("StringEquals", "aws:RequestTag/kubernetes.io/cluster/{cluster}", ("owned",))
_OF_DRIVER = Condition("StringEquals", "aws:ResourceTag/ebs.csi.aws.com/cluster", ("true",))
_FOR_DRIVER = Condition("StringEquals", "aws:RequestTag/ebs.csi.aws.com/cluster", ("true",))

SERVICE_ROLE = Statement(
    "ServiceRole",
    ("iam:CreateServiceLinkedRole",),
    (
        "arn:{partition}:iam::{account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/"
        "AWSServiceRoleForElasticLoadBalancing",
    ),
    (Condition("StringEquals", "iam:AWSServiceName", ("elasticloadbalancing.amazonaws.com",)),),
)

CLOUD_CONTROLLER = (
    Statement(
        "See",
        (
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstances",
            "ec2:DescribeInstanceTopology",
            "ec2:DescribeRegions",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancerPolicies",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        ),
        (ANY_RESOURCE,),
        wildcard_reason=DESCRIBE_REASON,
    ),
    Statement("MakeGroups", ("ec2:CreateSecurityGroup",), (SECURITY_GROUP_ARNS, f"{EC2_ARN}:vpc/*")),
    Statement("TagGroups", ("ec2:CreateTags",), (SECURITY_GROUP_ARNS,), (_FOR_CLUSTER,)),
    Statement(
        "ChangeGroups",
        (
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:DeleteSecurityGroup",
            "ec2:RevokeSecurityGroupIngress",
        ),
        (SECURITY_GROUP_ARNS,),
        (OF_CLUSTER,),
    ),
    Statement(
        "MakeBalancers",
        (
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:DeleteListener",
            "elasticloadbalancing:ModifyListener",
        ),
        # Listeners do not get all tags of their load balancer (`createListenerV2` of the controller).
        (f"{ELB_ARN}:loadbalancer/*", f"{ELB_ARN}:targetgroup/*", f"{ELB_ARN}:listener/net/*"),
    ),
    # Without this condition the controller could tag any load balancer of the region, and then change it.
    Statement(
        "TagNewBalancers",
        ("elasticloadbalancing:AddTags",),
        (f"{ELB_ARN}:loadbalancer/*", f"{ELB_ARN}:targetgroup/*", f"{ELB_ARN}:listener/net/*"),
        (
            Condition(
                "StringEquals",
                "elasticloadbalancing:CreateAction",
                ("CreateLoadBalancer", "CreateTargetGroup", "CreateListener"),
            ),
        ),
    ),
    Statement(
        "ChangeBalancers",
        (
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",
            "elasticloadbalancing:AttachLoadBalancerToSubnets",
            "elasticloadbalancing:ConfigureHealthCheck",
            "elasticloadbalancing:CreateLoadBalancerListeners",
            "elasticloadbalancing:CreateLoadBalancerPolicy",
            "elasticloadbalancing:DeleteLoadBalancer",
            "elasticloadbalancing:DeleteLoadBalancerListeners",
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:DetachLoadBalancerFromSubnets",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:SetLoadBalancerPoliciesForBackendServer",
            "elasticloadbalancing:SetLoadBalancerPoliciesOfListener",
            "elasticloadbalancing:SetSecurityGroups",
        ),
        (f"{ELB_ARN}:loadbalancer/*", f"{ELB_ARN}:targetgroup/*"),
        (OF_CLUSTER,),
    ),
    SERVICE_ROLE,
)

STORAGE = (
    Statement(
        "SeeVolumes",
        (
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstances",
            "ec2:DescribeSnapshots",
            "ec2:DescribeTags",
            "ec2:DescribeVolumes",
            "ec2:DescribeVolumesModifications",
            "ec2:DescribeVolumeStatus",
        ),
        (ANY_RESOURCE,),
        wildcard_reason=DESCRIBE_REASON,
    ),
    Statement(
        "MakeVolumes", ("ec2:CopyVolumes", "ec2:CreateVolume"), (f"{EC2_ARN}:volume/*",), (_FOR_DRIVER,)
    ),
    Statement("FromVolumes", ("ec2:CopyVolumes",), (f"{EC2_ARN}:volume/vol-*",), (_OF_DRIVER,)),
    Statement("FromSnapshots", ("ec2:CreateVolume",), (SNAPSHOT_ARNS,)),
    Statement(
        "TagVolumes",
        ("ec2:CreateTags",),
        (f"{EC2_ARN}:volume/*", SNAPSHOT_ARNS),
        (Condition("StringEquals", "ec2:CreateAction", ("CopyVolumes", "CreateVolume", "CreateSnapshot")),),
    ),
    Statement(
        "ChangeVolumes",
        (
            "ec2:AttachVolume",
            "ec2:CreateSnapshot",
            "ec2:CreateTags",
            "ec2:DeleteTags",
            "ec2:DeleteVolume",
            "ec2:DetachVolume",
            "ec2:ModifyVolume",
        ),
        (f"{EC2_ARN}:volume/*",),
        (_OF_DRIVER,),
    ),
    Statement(
        "ToMachines", ("ec2:AttachVolume", "ec2:DetachVolume"), (f"{EC2_ARN}:instance/*",), (CLUSTER_TAGGED,)
    ),
    Statement("MakeSnapshots", ("ec2:CreateSnapshot",), (SNAPSHOT_ARNS,), (_FOR_DRIVER,)),
    Statement("DropSnapshots", ("ec2:DeleteSnapshot",), (SNAPSHOT_ARNS,), (_OF_DRIVER,)),
)
"""The EBS CSI driver. Volumes created by other tools need its tag `ebs.csi.aws.com/cluster: true`."""

_ACCESS_POINT_ARNS = "arn:{partition}:elasticfilesystem:{region}:{account}:access-point/*"
FILE_STORAGE = (
    Statement(
        "SeeFiles",
        (
            "elasticfilesystem:DescribeAccessPoints",
            "elasticfilesystem:DescribeFileSystems",
            "elasticfilesystem:DescribeMountTargets",
        ),
        ("{file_system}", _ACCESS_POINT_ARNS),
    ),
    Statement(
        "SeeZones", ("ec2:DescribeAvailabilityZones",), (ANY_RESOURCE,), wildcard_reason=DESCRIBE_REASON
    ),
    Statement(
        "MakeAccessPoints", ("elasticfilesystem:CreateAccessPoint",), ("{file_system}",), (_FOR_CLUSTER,)
    ),
    Statement(
        "TagAccessPoints",
        ("elasticfilesystem:TagResource",),
        ("{file_system}", _ACCESS_POINT_ARNS),
        (
            Condition("StringEquals", "elasticfilesystem:CreateAction", ("CreateAccessPoint",)),
            _FOR_CLUSTER,
        ),
    ),
    Statement(
        "DropAccessPoints", ("elasticfilesystem:DeleteAccessPoint",), (_ACCESS_POINT_ARNS,), (OF_CLUSTER,)
    ),
    # The controller deletes the directory of a deleted claim. The directory belongs to the user of the claim.
    Statement(
        "DropDirectories",
        (
            "elasticfilesystem:ClientMount",
            "elasticfilesystem:ClientRootAccess",
            "elasticfilesystem:ClientWrite",
        ),
        ("{file_system}",),
    ),
)
"""The controller of the EFS CSI driver (aws-efs-csi-driver `docs/iam-policy-example.json`), limited to one
file system and to access points with the tag of the cluster.
"""

FILE_CLIENT = (
    Statement(
        "Mount",
        ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"),
        ("{file_system}",),
        (Condition("StringLike", "elasticfilesystem:AccessPointArn", (_ACCESS_POINT_ARNS,)),),
    ),
)
"""Nodes mount access points, and never the whole file system."""

AUTOSCALER = (
    Statement(
        "SeeGroups",
        (
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeAutoScalingInstances",
            "autoscaling:DescribeLaunchConfigurations",
            "autoscaling:DescribeScalingActivities",
            "autoscaling:DescribeTags",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:GetInstanceTypesFromInstanceRequirements",
        ),
        (ANY_RESOURCE,),
        wildcard_reason=DESCRIBE_REASON,
    ),
    Statement(
        "Scale",
        ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"),
        (SCALING_GROUP_ARNS,),
        (Condition("StringEquals", "aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}", ("owned",)),),
    ),
)
