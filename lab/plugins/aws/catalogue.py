"""The resource types that the emulation supports, by type token."""

from __future__ import annotations

from collections.abc import Mapping

from lab.plugins.aws import (
    balancing,
    files,
    firewall,
    identity,
    machines,
    network,
    routes,
    scaling,
    services,
    storage,
)
from lab.plugins.aws.kinds import ResourceKind

KINDS: Mapping[str, ResourceKind] = {
    "aws:autoscaling/group:Group": scaling.Group(),
    "aws:autoscaling/lifecycleHook:LifecycleHook": scaling.LifecycleHook(),
    "aws:cloudwatch/logGroup:LogGroup": services.LogGroup(),
    "aws:dlm/lifecyclePolicy:LifecyclePolicy": services.LifecyclePolicy(),
    "aws:ebs/volume:Volume": machines.Volume(),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": network.DefaultSecurityGroup(),
    "aws:ec2/eip:Eip": network.Eip(),
    "aws:ec2/flowLog:FlowLog": network.FlowLog(),
    "aws:ec2/internetGateway:InternetGateway": network.InternetGateway(),
    "aws:ec2/launchTemplate:LaunchTemplate": machines.LaunchTemplate(),
    "aws:ec2/natGateway:NatGateway": network.NatGateway(),
    "aws:ec2/networkInterface:NetworkInterface": machines.NetworkInterface(),
    "aws:ec2/routeTable:RouteTable": routes.RouteTable(),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": routes.RouteTableAssociation(),
    "aws:ec2/securityGroup:SecurityGroup": firewall.SecurityGroup(),
    "aws:ec2/subnet:Subnet": network.Subnet(),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": network.SubnetCidrReservation(),
    "aws:ec2/vpc:Vpc": network.Vpc(),
    "aws:ec2/vpcEndpoint:VpcEndpoint": network.VpcEndpoint(),
    "aws:efs/fileSystem:FileSystem": files.FileSystem(),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": files.FileSystemPolicy(),
    "aws:efs/mountTarget:MountTarget": files.MountTarget(),
    "aws:iam/instanceProfile:InstanceProfile": identity.InstanceProfile(),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": identity.OpenIdConnectProvider(),
    "aws:iam/policy:Policy": identity.Policy(),
    "aws:iam/role:Role": identity.Role(),
    "aws:iam/rolePolicy:RolePolicy": identity.RolePolicy(),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": identity.RolePolicyAttachment(),
    "aws:kms/alias:Alias": services.Alias(),
    "aws:kms/key:Key": services.Key(),
    "aws:lb/listener:Listener": balancing.Listener(),
    "aws:lb/loadBalancer:LoadBalancer": balancing.LoadBalancer(),
    "aws:lb/targetGroup:TargetGroup": balancing.TargetGroup(),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": balancing.TargetGroupAttachment(),
    "aws:route53/record:Record": services.Record(),
    "aws:route53/zone:Zone": services.Zone(),
    "aws:s3/bucket:Bucket": storage.Bucket(),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": storage.BUCKET_SETTINGS[
        "BucketLifecycleConfiguration"
    ],
    "aws:s3/bucketObjectv2:BucketObjectv2": storage.BucketObject(),
    "aws:s3/bucketPolicy:BucketPolicy": storage.BUCKET_SETTINGS["BucketPolicy"],
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": storage.BUCKET_SETTINGS[
        "BucketPublicAccessBlock"
    ],
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        storage.BUCKET_SETTINGS["BucketServerSideEncryptionConfiguration"]
    ),
    "aws:s3/bucketVersioning:BucketVersioning": storage.BUCKET_SETTINGS["BucketVersioning"],
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": firewall.SecurityGroupRule("Egress"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": firewall.SecurityGroupRule("Ingress"),
}
"""The resource types by type token."""
