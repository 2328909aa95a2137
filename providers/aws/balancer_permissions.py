"""Permissions of the AWS Load Balancer Controller, as tables of IAM statements. Imports no SDK.

The table is the list that the project publishes (`docs/install/iam_policy.json`), limited to the region,
account and name of the cluster.
"""

from __future__ import annotations

from providers.aws.addon_permissions import ELB_ARN, OF_CLUSTER, SECURITY_GROUP_ARNS, SERVICE_ROLE
from providers.aws.permissions import DESCRIBE_REASON, EC2_ARN
from providers.aws.policies import ANY_RESOURCE, Condition, Statement

_OF_CONTROLLER = Condition("StringEquals", "aws:ResourceTag/elbv2.k8s.aws/cluster", ("{cluster}",))
_FOR_CONTROLLER = Condition("StringEquals", "aws:RequestTag/elbv2.k8s.aws/cluster", ("{cluster}",))

LOAD_BALANCERS = (
    Statement(
        "SeeNetwork",
        (
            "acm:DescribeCertificate",
            "acm:ListCertificates",
            "ec2:DescribeAccountAttributes",
            "ec2:DescribeAddresses",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstances",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeTags",
            "ec2:DescribeVpcs",
            "ec2:GetSecurityGroupsForVpc",
            "elasticloadbalancing:DescribeListenerAttributes",
            "elasticloadbalancing:DescribeListenerCertificates",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeSSLPolicies",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
            "elasticloadbalancing:DescribeTrustStores",
        ),
        (ANY_RESOURCE,),
        wildcard_reason=DESCRIBE_REASON,
    ),
    Statement("NewGroups", ("ec2:CreateSecurityGroup",), (SECURITY_GROUP_ARNS, f"{EC2_ARN}:vpc/*")),
    Statement(
        "TagNewGroups",
        ("ec2:CreateTags",),
        (SECURITY_GROUP_ARNS,),
        (_FOR_CONTROLLER, Condition("StringEquals", "ec2:CreateAction", ("CreateSecurityGroup",))),
    ),
    Statement(
        "OwnGroups",
        (
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:CreateTags",
            "ec2:DeleteSecurityGroup",
            "ec2:DeleteTags",
            "ec2:RevokeSecurityGroupIngress",
        ),
        (SECURITY_GROUP_ARNS,),
        (_OF_CONTROLLER,),
    ),
    # The security group of workers allows the groups of load balancers.
    Statement(
        "WorkersGroup",
        ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"),
        (SECURITY_GROUP_ARNS,),
        (OF_CLUSTER,),
    ),
    Statement(
        "NewBalancers",
        ("elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"),
        (f"{ELB_ARN}:loadbalancer/*", f"{ELB_ARN}:targetgroup/*"),
        (_FOR_CONTROLLER,),
    ),
    Statement(
        "TagNewBalancers",
        ("elasticloadbalancing:AddTags",),
        (
            f"{ELB_ARN}:loadbalancer/*",
            f"{ELB_ARN}:targetgroup/*",
            f"{ELB_ARN}:listener/*",
            f"{ELB_ARN}:listener-rule/*",
        ),
        (_FOR_CONTROLLER,),
    ),
    Statement(
        "OwnBalancers",
        (
            "elasticloadbalancing:AddListenerCertificates",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:CreateRule",
            "elasticloadbalancing:DeleteListener",
            "elasticloadbalancing:DeleteLoadBalancer",
            "elasticloadbalancing:DeleteRule",
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:ModifyListener",
            "elasticloadbalancing:ModifyListenerAttributes",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:ModifyRule",
            "elasticloadbalancing:ModifyTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:RemoveListenerCertificates",
            "elasticloadbalancing:RemoveTags",
            "elasticloadbalancing:SetIpAddressType",
            "elasticloadbalancing:SetRulePriorities",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ),
        (
            f"{ELB_ARN}:loadbalancer/*",
            f"{ELB_ARN}:targetgroup/*",
            f"{ELB_ARN}:listener/*",
            f"{ELB_ARN}:listener-rule/*",
        ),
        (_OF_CONTROLLER,),
    ),
    SERVICE_ROLE,
)
"""The AWS Load Balancer Controller, without WAF, Shield and Cognito, which its values disable."""
