"""Typed arguments of `KubernetesCluster`: the settings of a cluster as plain values.

This file is generated from the models in `settings/` by `python -m package.generate`. docs/settings.md has
the types, units and defaults of all values.
"""

# Pulumi reads these annotations at run time. `from __future__ import annotations` would turn them into text.
from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

from pulumi import Input


class VersionArgs(TypedDict, total=False):
    """Versions of components. The defaults come from the artifact catalogue and are tested together."""

    version: str
    """Version of Kubernetes; upgrade by one minor version at a time."""
    etcd: str
    """Version of etcd."""
    containerd: str
    """Version of containerd."""
    runc: str
    """Version of runc."""
    cni_plugins: str
    """Version of the CNI plugins."""
    flannel: str
    """Version of flannel."""
    coredns: str
    """Version of CoreDNS."""
    metrics_server: str
    """Version of metrics-server."""


class EndpointArgs(TypedDict, total=False):
    """The address of the API, for users and nodes."""

    host: Required[str]
    """Address or DNS name: the virtual address of the load balancers, or the address of an external load
    balancer.
    """
    port: int
    """TCP port of the API."""


class CiliumArgs(TypedDict, total=False):
    """Cilium, by its official Helm chart. It is allowed only with `network.cni: cilium`."""

    routing_mode: str
    """`tunnel`: VXLAN between nodes; `native`: routes between nodes, which must share one layer 2 network."""
    kube_proxy_replacement: bool
    """Let Cilium implement services. Nodes then have no kube-proxy."""
    hubble: bool
    """Record the flows of pods, for the command `hubble observe` in the pods of the agent."""
    version: str
    """Version of Cilium, also in a chart by its path; another patch version of the same minor version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path (`./charts/cilium-1.20.2.tgz`,
    relative to the checkout).
    """


class PortArgs(TypedDict, total=False):
    """Ports of machines that the packet filter and the security groups open."""

    port: Required[str]
    """A port such as 9100, or a range as `FIRST-LAST`."""
    protocol: str
    """`tcp` or `udp`."""
    sources: Required[Sequence[str]]
    """Networks that may connect; `network.pods` for pods."""
    roles: Sequence[str]
    """Roles of the machines: `node`, `control-plane`, `etcd`, `load-balancer`. Every machine with one of
    these roles opens the port.
    """
    pools: Sequence[str]
    """Pools whose nodes open the port, instead of `roles`."""
    because: Required[str]
    """The reason, which rules and tables show."""


class NetworkArgs(TypedDict, total=False):
    """The address ranges and the network options of the cluster."""

    machines: Sequence[str]
    """Networks that contain the hosts' addresses; required on bare metal, not allowed in a cloud."""
    pods: str
    """Address range of pods; each node gets a part of it."""
    node_prefix: int
    """Prefix length of a node's part of `pods`; a /24 has 254 addresses, more than the tested 110 pods."""
    services: str
    """Address range of services, a /12 to a /26."""
    node_ports: str
    """Port range of services of type NodePort, as `FIRST-LAST`."""
    cni: str
    """Software that connects pods; `none`: nodes are not Ready until you install your own CNI."""
    cilium: CiliumArgs
    """Options of Cilium; allowed only with `cni: cilium`."""
    backend: str
    """Backend of flannel; `host-gw` is faster, but requires all nodes in the same layer 2 network."""
    proxy_mode: str
    """Mode of kube-proxy; `iptables` is for hosts with a kernel that is too old for `nftables`."""
    policies: str
    """Whether nodes enforce NetworkPolicy objects, by kube-router; `none`: these objects have no effect.
    Only with flannel; Cilium always enforces them.
    """
    mtu: int
    """MTU of the hosts' links in bytes; 0: detected on each host."""
    domain: str
    """DNS domain of services; most charts expect the default."""
    api_allowed: Sequence[str]
    """Networks that may reach the API, for users and the deployer; required, except in the environments
    `poc` and `lab`, where the default is all networks.
    """
    ssh_allowed: Sequence[str]
    """Networks that may connect to SSH on hosts, for the deployer; default: `api_allowed`."""
    ports: Mapping[str, PortArgs]
    """Further ports that machines open, by name, in addition to the table of `kubewright plan ports`."""


class KubeletArgs(TypedDict, total=False):
    """Overrides of the cluster's kubelet settings, or of Kubewright's defaults [F2]. Mappings are merged
    key by key.
    """

    max_pods: int
    """Maximum number of pods on a node; default: 110, the limit that Kubernetes is tested with."""
    system_reserved: Mapping[str, str]
    """Resources reserved for system processes; default: 200m of CPU and 250Mi of memory."""
    kube_reserved: Mapping[str, str]
    """Resources reserved for kubelet and containerd; default: 200m of CPU and 250Mi of memory."""
    eviction_hard: Mapping[str, str]
    """Eviction thresholds; default: 1Gi of memory, and 1Gi and 5% of inodes on each file system."""
    eviction_minimum_reclaim: Mapping[str, str]
    """Minimum amount that an eviction frees; default: 100Mi of memory, 500Mi on each file system."""
    container_log_max_size: str
    """Size after which a container's log starts a new file; default: 10Mi."""
    container_log_max_files: int
    """Number of log files that are kept for a container; default: 5."""
    pod_pids_limit: int
    """Maximum number of processes in a pod; default: 4096."""
    extra_args: Mapping[str, str]
    """Additional flags of the kubelet without checks, as a last resort, such as `event-qps: 100`."""


class MemberMachineArgs(TypedDict, total=False):
    """The machine of a member."""

    type: Required[str]
    """Type of the machine, such as `m5.large`."""
    disk: str
    """Size of the system disk, in whole GiB; the disk is deleted when the machine is replaced."""
    data_disk: str
    """Size of the volume for etcd's data, in whole GiB; the volume survives a replacement of the machine."""


class ControlPlaneArgs(TypedDict, total=False):
    """The control planes."""

    hosts: Sequence[str]
    """Names of the control planes, 1, 3 or 5: hosts of the inventory, or machines to create in a cloud."""
    schedulable: bool
    """Run workloads also on control planes; required for a cluster without workers."""
    labels: Mapping[str, str]
    """Labels of the control planes' nodes."""
    taints: Sequence[str]
    """Taints of the control planes' nodes, as `key=value:Effect`."""
    kubelet: KubeletArgs
    """Kubelet settings that differ from the cluster's."""
    machine: MemberMachineArgs
    """Machines of the control planes; required in a cloud."""


class S3TargetArgs(TypedDict, total=False):
    """A bucket of AWS S3, or of another service with the API of S3."""

    bucket: Required[str]
    """Name of an existing bucket."""
    endpoint: str
    """URL of a service other than AWS, such as `https://s3.corp.example:9000`. Requests have the bucket in
    their path.
    """
    region: str
    """Region of the bucket; required without `endpoint`."""
    ca_file: str
    """PEM file of the certificate authority of the service; default: the system's authorities."""
    access_key_id: Required[str]
    """ID of an access key that can list, read, write and delete objects below `prefix`."""
    secret_access_key: Required[Input[str]]
    """Secret of the access key, as an encrypted value (`secure: …`)."""


class AzureBlobTargetArgs(TypedDict, total=False):
    """A container of Azure Blob Storage. It has either `sas_token` or `account_key`."""

    account: Required[str]
    """Name of the storage account."""
    container: Required[str]
    """Name of an existing container."""
    endpoint: str
    """URL of the blob service; default: `https://ACCOUNT.blob.core.windows.net`."""
    ca_file: str
    """PEM file of the certificate authority of the service; default: the system's authorities."""
    sas_token: Input[str]
    """SAS token of the container with the permissions read, create, write, delete and list, as an
    encrypted value (`secure: …`).
    """
    account_key: Input[str]
    """Key of the storage account, as an encrypted value (`secure: …`). A SAS token permits less."""


class SnapshotTargetArgs(TypedDict, total=False):
    """A place that receives an encrypted copy of each snapshot. Each target has one of `s3`, `azure_blob`
    and `path`.
    """

    s3: S3TargetArgs
    """A bucket of AWS S3, or of another service with the API of S3."""
    azure_blob: AzureBlobTargetArgs
    """A container of Azure Blob Storage."""
    path: str
    """Existing directory on each member in a mounted file system, such as NFS; not in the file system of
    the snapshots.
    """
    prefix: str
    """Directory of the copies in the bucket, container or file system; default: the name of the cluster."""
    keep: int
    """Number of copies of each member that the target keeps."""


class SnapshotArgs(TypedDict, total=False):
    """Snapshots of etcd's data, taken on every member."""

    every: str
    """Time between two snapshots, such as `6h`; at least a minute. A restore loses at most the changes of
    this time.
    """
    keep: int
    """Number of snapshots that a member keeps on its disk and in `copy_to`."""
    copy_to: str
    """Directory on the host for a copy of each snapshot, such as a mounted network file system; default:
    no copy. These copies are not encrypted.
    """
    recipients: Sequence[str]
    """Public keys of age (`age1…`) with which copies for `to` are encrypted; each private key can decrypt
    all copies. Required with `to`.
    """
    to: Mapping[str, SnapshotTargetArgs]
    """Targets of encrypted copies by name, on bare metal: buckets, containers and mounted directories.
    Each member copies each of its snapshots to all targets.
    """
    verify: str
    """How often each member restores its newest snapshot into a temporary etcd, and compares its newest
    copy in each target with what it sent: `daily` or `weekly`; default: never.
    """


class DefragmentationArgs(TypedDict, total=False):
    """Defragmentation of the data of etcd, which returns free space in database files to the file system.
    It changes one member after another, the leader last, and does not begin while a member is
    unhealthy.
    """

    every: str
    """Time between two runs, such as `24h`; at least an hour."""
    free_percent: int
    """A member is defragmented when at least this share of its database file is free, in percent."""


class EtcdArgs(TypedDict, total=False):
    """The etcd members."""

    hosts: Sequence[str]
    """Host names of the members, 1, 3 or 5; empty: the control planes."""
    snapshots: SnapshotArgs
    """Snapshots of etcd's data."""
    defragmentation: DefragmentationArgs
    """Scheduled defragmentation; default: none."""
    extra_args: Mapping[str, str]
    """Additional flags of etcd without checks, as a last resort, such as `heartbeat-interval: 200`."""
    machine: MemberMachineArgs
    """Machines of members that are not control planes; required for such members in a cloud."""


class LoadBalancerArgs(TypedDict, total=False):
    """Hosts that balance the load of the API and share its virtual address; not allowed in a cloud."""

    hosts: Sequence[str]
    """Names of two hosts of the inventory, an active host and a standby; empty: no load balancers."""


class SizeArgs(TypedDict, total=False):
    """Number of nodes of a pool. The autoscaler chooses a number between minimum and maximum."""

    min: Required[int]
    """Minimum number of nodes; without the autoscaler, the pool has exactly this number of nodes."""
    max: Required[int]
    """Maximum number of nodes."""


class PoolMachineArgs(TypedDict, total=False):
    """The machines of a pool."""

    types: Required[Sequence[str]]
    """Machine types, such as `m5.large`; the cloud chooses an available type from the list."""
    disk: str
    """Size of the system disk, in whole GiB; the disk holds images, logs and local data of pods."""
    spot: bool
    """Use spot machines: cheaper, but the cloud may reclaim them at any time."""


class DiskArgs(TypedDict, total=False):
    """A disk that each host of the pool has. Kubewright creates a file system on a blank disk, and never
    erases a disk.
    """

    device: str
    """Path of the disk on hosts that `devices` does not name: `/dev/disk/by-id/…` or
    `/dev/disk/by-path/…`.
    """
    devices: Mapping[str, str]
    """Paths of the disk by the name of the host."""
    capacity: Required[str]
    """Capacity of the PersistentVolume; a smaller disk is refused."""
    filesystem: str
    """File system of the disk. Hosts need its program: `mkfs.ext4` or `mkfs.xfs`."""
    mount_options: Sequence[str]
    """Options of the mount, such as `noatime`."""


class PoolArgs(TypedDict, total=False):
    """A pool of workers that share settings."""

    hosts: Sequence[str]
    """Names of hosts of the inventory; not allowed in a cloud."""
    size: SizeArgs
    """Number of nodes; required in a cloud, not allowed on bare metal."""
    machine: PoolMachineArgs
    """Machines of the nodes; required in a cloud, not allowed on bare metal."""
    labels: Mapping[str, str]
    """Labels of the pool's nodes."""
    taints: Sequence[str]
    """Taints of the pool's nodes, as `key=value:Effect`."""
    gpu: str
    """Vendor of the nodes' GPUs; default: no GPUs. containerd gets a runtime for GPUs, and the nodes get a
    label and a taint. The hosts must already have the driver and the container toolkit of the vendor.
    """
    disks: Mapping[str, DiskArgs]
    """Disks of the hosts for volumes of pods, by name; only on bare metal."""
    max_unavailable: int
    """Maximum number of nodes that change at the same time; 1 keeps the most capacity."""
    kubernetes_version: str
    """Version of kubelet and kube-proxy, at most three minor versions older than the API servers."""
    kubelet: KubeletArgs
    """Kubelet settings that differ from the cluster's."""


class ApplicationArgs(TypedDict, total=False):
    """An application: the number of its pods and what each pod requests."""

    cpu: Required[str]
    """CPU that a pod requests, such as `250m`: the sum of its containers."""
    memory: Required[str]
    """Memory that a pod requests, such as `512Mi`: the sum of its containers."""
    containers: int
    """Number of containers of a pod."""
    replicas: Required[int]
    """Number of pods; with an autoscaler, the maximum number."""
    pool: str
    """Pool that runs the application, or `control-plane`; required if the cluster has several pools."""


class PodRequestArgs(TypedDict, total=False):
    """The requests of a pod."""

    cpu: Required[str]
    """CPU that a pod requests, such as `250m`: the sum of its containers."""
    memory: Required[str]
    """Memory that a pod requests, such as `512Mi`: the sum of its containers."""
    containers: int
    """Number of containers of a pod."""


class CandidateArgs(TypedDict, total=False):
    """A machine that nodes could have."""

    cpu: str
    """CPUs; default: those of the machine type in Kubewright's table of the cloud."""
    memory: str
    """Memory, such as `64Gi`; default: that of the machine type in Kubewright's table of the cloud."""
    price: float
    """Price of a machine for the time in `per`; default: unknown."""


class CandidateTableArgs(TypedDict, total=False):
    """The machines that `kubewright capacity` compares."""

    date: Required[str]
    """Day on which the prices were true, such as `"2026-11-01"`."""
    currency: str
    """Currency of the prices."""
    per: str
    """Time that a price is for."""
    machines: Mapping[str, CandidateArgs]
    """Machines by name: machine types of the cloud, or names of your own."""


class CapacityArgs(TypedDict, total=False):
    """What applications need. Pools that are too small for it are errors, before anything is created."""

    applications: Mapping[str, ApplicationArgs]
    """Applications by name; at least one."""
    per_node: Mapping[str, PodRequestArgs]
    """Pods that run on every node, such as those of DaemonSets, by name."""
    reserve_percent: int
    """Reserve for growth and for the loss of a node, in percent of all requests of a pool."""
    overhead_percent: int
    """Share of a machine's memory in percent that the hypervisor and the kernel use: the kubelet of a
    cloud's machine sees up to 8 % less than the memory of its type.
    """
    candidates: CandidateTableArgs
    """Machines with prices, for `kubewright capacity`; default: the machine types of the pools."""


class EventRateLimitArgs(TypedDict, total=False):
    """A limit for events, which the plugin EventRateLimit enforces."""

    type: Required[str]
    """What has the limit: the API server, each namespace, each user, or each source and object of events."""
    qps: Required[int]
    """Number of events per second that the API server accepts after a burst."""
    burst: Required[int]
    """Number of events that the API server accepts at once."""
    cache_size: int
    """Number of namespaces, users or objects that the API server remembers, not for `Server`; default:
    4096.
    """


class AuditArgs(TypedDict, total=False):
    """Rotation of the audit log."""

    max_age_days: int
    """Days after which audit log files are deleted."""
    max_backups: int
    """Number of old audit log files that are kept."""
    max_size_mb: int
    """Megabytes after which the audit log starts a new file."""


class PrefixedClaimArgs(TypedDict, total=False):
    """The source of a user's name or groups; either `claim` with `prefix`, or `expression` is required."""

    claim: str
    """Name of the claim, such as `sub`."""
    expression: str
    """CEL expression over `claims`, such as `claims.sub`."""
    prefix: str
    """Text before the value of the claim, such as `corp:`; required with `claim`, and may be empty."""


class ClaimArgs(TypedDict, total=False):
    """The source of a user's attribute; either `claim` or `expression` is required."""

    claim: str
    """Name of the claim, such as `sub`."""
    expression: str
    """CEL expression over `claims`, such as `claims.sub`."""


class ClaimRuleArgs(TypedDict, total=False):
    """A condition for tokens; either `claim` or `expression` is required."""

    claim: str
    """Name of a claim that tokens must have."""
    required_value: str
    """Required value of `claim`; default: the empty text."""
    expression: str
    """CEL expression over `claims` that must be true."""
    message: str
    """Message of the API server when `expression` is false."""


class UserRuleArgs(TypedDict, total=False):
    """A condition for users."""

    expression: Required[str]
    """CEL expression over `user` that must be true, such as `user.groups.exists(g, g == 'corp:staff')`."""
    message: str
    """Message of the API server when the expression is false."""


class OidcIssuerArgs(TypedDict, total=False):
    """An OpenID Connect issuer whose tokens the API server accepts. Users and groups whose names begin
    with `system:` or `kubewright:` are always refused.
    """

    url: Required[str]
    """URL of the issuer, equal to the claim `iss` of its tokens."""
    discovery_url: str
    """URL of the discovery document, if it is not below `url`."""
    ca_file: str
    """PEM file of the issuer's certificate authority; default: the authorities of the control planes."""
    audiences: Required[Sequence[str]]
    """Audiences of accepted tokens, such as the client ID."""
    audience_match_policy: str
    """`MatchAny` accepts tokens for one of several audiences; required for several audiences."""
    username: Required[PrefixedClaimArgs]
    """Source of the user's name."""
    groups: PrefixedClaimArgs
    """Source of the user's groups; default: no groups."""
    uid: ClaimArgs
    """Source of the user's UID; default: no UID."""
    extra: Mapping[str, str]
    """Extra attributes: CEL expressions by key, such as `example.com/tenant: claims.tenant`."""
    claim_validation_rules: Sequence[ClaimRuleArgs]
    """Conditions for tokens."""
    user_validation_rules: Sequence[UserRuleArgs]
    """Conditions for users."""


class AuthorizationWebhookArgs(TypedDict, total=False):
    """A webhook that API servers query to authorize requests. Requests of the group `system:masters` are
    always allowed.
    """

    kubeconfig: Required[Input[str]]
    """Text of a kubeconfig with the address and credentials of the webhook, as an encrypted value
    (`secure: …`).
    """
    failure_policy: Required[str]
    """What an API server does when the webhook fails: ask the next authorizer, or deny the request."""
    can_deny: bool
    """Ask the webhook before Node and RBAC, so that it can deny what these allow; default: ask it last."""
    match_conditions: Sequence[str]
    """CEL expressions over `request`; the webhook is asked when all are true."""
    timeout: str
    """Maximum time of a request to the webhook; at most 30s."""
    authorized_ttl: str
    """Time for which API servers remember that a request is allowed."""
    unauthorized_ttl: str
    """Time for which API servers remember that a request is not allowed."""


class ServiceAccountIssuerArgs(TypedDict, total=False):
    """The issuer of service account tokens, for programs outside the cluster that verify tokens."""

    url: Required[str]
    """URL of the issuer in new tokens; publish `/.well-known/openid-configuration` below it."""
    accepted: Sequence[str]
    """Issuers whose tokens API servers also accept, while the issuer changes."""
    jwks_uri: str
    """URL of the published keys in the discovery document; default: the address of the API server."""


class KmsArgs(TypedDict, total=False):
    """A KMS v2 plugin that runs on every control plane. You install and start the plugin."""

    name: Required[str]
    """Name of the plugin, which etcd stores with each object; it must not change while objects use it."""
    endpoint: Required[str]
    """Unix socket of the plugin on the control planes, such as `unix:///run/kms/plugin.sock`; the user
    `kube-apiserver` must be able to connect.
    """
    api_version: str
    """Version of the KMS API that the plugin implements."""
    timeout: str
    """Time limit for each call of the plugin."""
    stage: str
    """`trust`: the secretbox key encrypts and API servers can read both; `sign`: the plugin encrypts and
    API servers can read both; `done`: API servers can read only objects of the plugin.
    """
    after: str
    """systemd unit on the control planes that API servers start after, such as `vault-kms.service`."""


class EncryptionArgs(TypedDict, total=False):
    """Encryption of objects in etcd."""

    resources: Mapping[str, str]
    """Resources by name, such as `configmaps` or `*.example.com`; `trust`: API servers can read encrypted
    objects and write unencrypted objects; `done`: API servers write encrypted objects.
    """
    kms: KmsArgs
    """KMS v2 plugin that encrypts objects in place of the secretbox key; changes have stages."""


class ApiArgs(TypedDict, total=False):
    """The API server."""

    names: Sequence[str]
    """Additional DNS names and addresses in the API servers' certificates."""
    admission_plugins: Sequence[str]
    """Admission plugins that are enabled in addition to the defaults of Kubernetes. NodeRestriction,
    PodSecurity and DenyServiceExternalIPs are always enabled.
    """
    disabled_admission_plugins: Sequence[str]
    """Default admission plugins of Kubernetes to disable; not plugins that security depends on."""
    event_rate_limits: Sequence[EventRateLimitArgs]
    """Limits for events; limits enable the plugin EventRateLimit."""
    audit: AuditArgs
    """Rotation of the audit log."""
    event_ttl: str
    """Time for which events are kept, such as `1h`; a longer time needs more space in etcd. Not 0."""
    max_requests_inflight: int
    """Maximum number of reading requests handled at the same time; more requests are rejected."""
    max_mutating_requests_inflight: int
    """Maximum number of writing requests handled at the same time; more requests are rejected."""
    pod_security_default: str
    """Pod Security level of namespaces without a label; `baseline` blocks known privilege escalations."""
    pod_security_exempt_namespaces: Sequence[str]
    """Namespaces without Pod Security checks, such as the namespace of a storage driver; kube-system is
    always exempt.
    """
    oidc: Mapping[str, OidcIssuerArgs]
    """OpenID Connect issuers by name, whose tokens the API server accepts."""
    authorization_webhooks: Mapping[str, AuthorizationWebhookArgs]
    """Webhooks by name that decide about requests, in addition to Node and RBAC."""
    service_account_issuer: ServiceAccountIssuerArgs
    """The issuer of service account tokens; default: that of `pod_identities` of a cloud, or
    `https://kubernetes.default.svc.<network.domain>`.
    """
    encryption: EncryptionArgs
    """Encryption of objects in etcd."""
    extra_args: Mapping[str, str]
    """Additional flags of kube-apiserver without checks, as a last resort, such as `feature-gates:
    MutatingAdmissionPolicy=true`.
    """


class ControllerManagerArgs(TypedDict, total=False):
    """The controller manager."""

    downscale_stabilization: str
    """Time for which a HorizontalPodAutoscaler keeps the highest recommended number of replicas before it
    removes pods.
    """
    extra_args: Mapping[str, str]
    """Additional flags of kube-controller-manager without checks, as a last resort."""


class SchedulerArgs(TypedDict, total=False):
    """The scheduler."""

    extra_args: Mapping[str, str]
    """Additional flags of kube-scheduler without checks, as a last resort."""


class ProxyArgs(TypedDict, total=False):
    """kube-proxy."""

    extra_args: Mapping[str, str]
    """Additional flags of kube-proxy about its log, such as `v: 4`; kube-proxy ignores all other flags."""


class LeaderElectionArgs(TypedDict, total=False):
    """Leases of the controller manager and the scheduler; defaults are those of Kubernetes."""

    lease: int
    """Seconds during which a lease is valid; must be longer than `renew`."""
    renew: int
    """Seconds in which the leader must renew its lease; must be longer than 1.2 times `retry`."""
    retry: int
    """Seconds between two attempts to get or renew the lease."""


class RotationArgs(TypedDict, total=False):
    """The generation of an authority or key. Each stage needs a separate `up`."""

    generation: int
    """Number of the generation; increase it by 1 to start a rotation."""
    stage: str
    """`trust`: hosts trust both, the old key signs; `sign`: the new key signs; `done`: the old key is
    removed.
    """


class ServiceAccountKeyArgs(TypedDict, total=False):
    """The generation of the key pair that signs service account tokens. Each stage needs a separate `up`."""

    generation: int
    """Number of the generation; increase it by 1 to start a rotation."""
    stage: str
    """`trust`: hosts trust both, the old key signs; `sign`: the new key signs; `done`: the old key is
    removed.
    """
    rsa_from: int
    """First generation with an RSA key, which Azure needs; default: all keys are ECDSA keys. Existing keys
    do not change.
    """


class EncryptionKeyArgs(TypedDict, total=False):
    """The generation of the secretbox key that encrypts objects in etcd. Each stage needs a separate `up`."""

    generation: int
    """Number of the generation; increase it by 1 to start a rotation."""
    stage: str
    """`trust`: API servers can read objects of both keys, the old key encrypts; `sign`: the new key
    encrypts; `done`: the old key is removed.
    """


class CertificateArgs(TypedDict, total=False):
    """Rotation of certificates and keys."""

    leaves: int
    """Generation of all signed certificates; a higher number replaces every certificate and its key."""
    authorities: Mapping[str, RotationArgs]
    """Rotation of certificate authorities; authorities that are not listed stay in their first generation.
    The first generation of `kubelet-serving` replaces `kubernetes` and has stages too.
    """
    service_account: ServiceAccountKeyArgs
    """Rotation of the key pair that signs service account tokens."""
    encryption: EncryptionKeyArgs
    """Rotation of the secretbox key that encrypts objects in etcd; run `kubewright encryption rewrite`
    before the stage `done`.
    """


class ArtifactArgs(TypedDict, total=False):
    """The source of the binaries that hosts fetch: a mirror, or in a cloud the cluster's own store."""

    mirror: str
    """URL of the mirror that `kubewright mirror` created; required unless `store` is set, because some
    files have no official URL.
    """
    store: str
    """`own`: in a cloud, the deployer fills the bucket or storage account of the cluster with files of its
    own mirror, and machines fetch the files there. Not together with `mirror`.
    """
    index: str
    """Copy of the mirror's index in the checkout (`make mirror INDEX=FILE`). It pins the checksums of
    files and the digests of images, so that previews do not need the mirror.
    """
    ca_file: str
    """PEM file of the certificate authority of the mirror; default: the system's authorities."""
    charts: str
    """`mirror`: `helm_releases` install the charts of repositories and registries from the mirror, to
    which `kubewright mirror --charts STACK` added them; `source`: from their repositories and
    registries.
    """


class RegistryArgs(TypedDict, total=False):
    """A mirror of an image registry."""

    endpoint: Required[str]
    """URL of the registry mirror."""
    ca_file: str
    """PEM file of the certificate authority of the mirror; default: the system's authorities."""
    username: str
    """User name; required with `password`."""
    password: Input[str]
    """Password, as an encrypted value (`secure: …`); required with `username`."""


class PullSecretArgs(TypedDict, total=False):
    """Credentials of an image registry for the pods of chosen namespaces: a Secret of the type
    `kubernetes.io/dockerconfigjson` in each namespace, with the name of the entry.
    """

    registry: Required[str]
    """Registry as in names of images, such as `registry.corp.example` or `docker.io`."""
    username: Required[str]
    """User of the registry."""
    password: Required[Input[str]]
    """Password or token of the user, as an encrypted value (`secure: …`)."""
    namespaces: Required[Sequence[str]]
    """Namespaces that get the Secret: those of `access.namespaces`, or `default`."""
    service_accounts: Sequence[str]
    """Service accounts whose pods use the Secret, in each of the namespaces: `default`, or those of
    `access.service_accounts`. Without any, pods name the Secret themselves.
    """


class DnsArgs(TypedDict, total=False):
    """The DNS of the cluster. Names of services and pods always resolve as Kubernetes specifies."""

    replicas: int
    """Number of CoreDNS pods; default: one for each 16 nodes or 256 cores, at least 2, and 1 in a cluster
    with one node. A pool in a cloud counts with its maximum size.
    """
    upstreams: Sequence[str]
    """Servers for names outside the cluster, such as `10.0.0.53` or `10.0.0.53:5353`; default: the servers
    in /etc/resolv.conf of the nodes.
    """
    stub_domains: Mapping[str, Sequence[str]]
    """Domains with their own servers, such as `corp.example: [10.0.0.53]`."""
    hosts: Mapping[str, Sequence[str]]
    """Names of addresses, such as `10.0.0.9: [db.corp.example]`, as in /etc/hosts."""
    rewrites: Mapping[str, str]
    """Names that resolve like another name, such as `registry.example: registry.tools.svc.cluster.local`."""
    node_cache: str
    """DNS cache of each node at 169.254.20.10. `used`: new pods query the cache first; `idle`: the cache
    runs, but new pods do not query it, as a step before its removal; `none`: nodes have no cache.
    """


class Http01Args(TypedDict, total=False):
    """HTTP challenges: the server of the issuer opens a page at port 80 of each name."""

    ingress_class: str
    """Class of the Ingress objects for challenges; default: the class of `addons.ingress`."""


class Rfc2136Args(TypedDict, total=False):
    """A DNS server that accepts dynamic updates (RFC 2136) with a TSIG key."""

    nameserver: Required[str]
    """Server that accepts updates, such as `10.0.0.53` or `10.0.0.53:5353`."""
    zones: Required[Sequence[str]]
    """Zones in which records are changed."""
    key_name: Required[str]
    """Name of the TSIG key."""
    algorithm: str
    """Algorithm of the TSIG key."""
    secret: Required[Input[str]]
    """Secret of the TSIG key in Base64, as an encrypted value (`secure: …`)."""


class AcmeArgs(TypedDict, total=False):
    """An ACME issuer (RFC 8555), such as Let's Encrypt. It needs `http01`, `rfc2136` or both."""

    server: Required[str]
    """URL of the directory, such as `https://acme-v02.api.letsencrypt.org/directory`."""
    email: Required[str]
    """Address to which the issuer sends warnings."""
    server_ca: str
    """Certificates of the CA that signed the certificate of a private server; default: public CAs."""
    http01: Http01Args
    """HTTP challenges."""
    rfc2136: Rfc2136Args
    """DNS challenges for names in these zones, also with wildcards: cert-manager adds records there."""


class GivenAuthorityArgs(TypedDict, total=False):
    """Your own certificate authority."""

    certificate: Required[str]
    """Text of a PEM file with the certificate of the CA and its chain."""
    private_key: Required[Input[str]]
    """Text of the PEM file of its private key, as an encrypted value (`secure: …`)."""


class GeneratedAuthorityArgs(TypedDict, total=False):
    """A certificate authority that Kubewright creates. Its key is in the state, as an encrypted value."""

    common_name: str
    """Common name of the CA; default: the names of the cluster and of the issuer."""
    years: int
    """Years for which the certificate of the CA is valid."""


class IssuerArgs(TypedDict, total=False):
    """A ClusterIssuer. Each issuer has one of these keys."""

    acme: AcmeArgs
    """An ACME issuer, such as Let's Encrypt."""
    ca: GivenAuthorityArgs
    """Your own certificate authority."""
    generated_ca: GeneratedAuthorityArgs
    """A certificate authority that Kubewright creates, for tests and internal names."""


class CertManagerArgs(TypedDict, total=False):
    """cert-manager, which issues and renews certificates of workloads. It runs in the namespace
    `cert-manager`.
    """

    issuers: Mapping[str, IssuerArgs]
    """ClusterIssuers by name. You can create others with kubectl."""


class WebAccessArgs(TypedDict, total=False):
    """A name at which `addons.ingress` serves the pages of an add-on, over HTTPS only."""

    host: Required[str]
    """DNS name of the pages, such as `pages.example.com`."""
    issuer: str
    """Issuer of `addons.cert_manager` that signs the certificate; default: the default certificate of
    `addons.ingress`.
    """


class DashboardArgs(TypedDict, total=False):
    """Headlamp, a web interface for the cluster, by its official Helm chart. Each person logs in at an
    issuer of `api.oidc` and has the permissions of this login. It runs in the namespace `headlamp`.
    """

    oidc: str
    """Issuer in `api.oidc` at which people log in; default: the only one."""
    client_id: str
    """Client of the dashboard at the issuer, which is one of its `audiences`; default: the only one."""
    client_secret: Required[Input[str]]
    """Secret of the client, as an encrypted value (`secure: …`)."""
    scopes: Sequence[str]
    """Scopes that the login requests beside `openid`. Some issuers need `groups` for the claim of groups."""
    ingress: WebAccessArgs
    """Name at which `addons.ingress` serves the dashboard; default: `kubectl port-forward` reaches it."""
    version: str
    """Version of the chart; another version of the same major version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    values: Mapping[str, Any]
    """Further values of the chart, such as `resources`. They are not secret, and cannot replace values
    that other settings determine.
    """


class ExternalDnsArgs(TypedDict, total=False):
    """external-dns, which publishes names of services and Ingress objects in DNS zones. It runs in the
    namespace `external-dns`.
    """

    rfc2136: Required[Rfc2136Args]
    """The DNS server. The TSIG key must allow updates and transfers of the zones."""
    domains: Sequence[str]
    """Domains whose names are published, each in one of the zones; default: the zones."""
    sources: Sequence[str]
    """Objects whose names are published: `service` (of type LoadBalancer) and `ingress`."""
    policy: str
    """`upsert-only`: create and change records; `sync`: also remove the records of removed objects;
    `create-only`: never change a record.
    """
    interval: str
    """Time between two comparisons of all records; 10s to 1h. Changes of objects are published within
    seconds.
    """


class IngressCertificateArgs(TypedDict, total=False):
    """The certificate for names without a certificate in an Ingress: a given certificate with its key, or
    an issuer of `addons.cert_manager` with names.
    """

    certificate: str
    """Text of a PEM file with the certificate and its chain."""
    private_key: Input[str]
    """Text of the PEM file of its private key, as an encrypted value (`secure: …`)."""
    issuer: str
    """Issuer of `addons.cert_manager` that signs and renews the certificate."""
    names: Sequence[str]
    """Names in the certificate of the issuer, such as `*.example.com`."""


class IngressArgs(TypedDict, total=False):
    """Traefik, which serves Ingress objects over HTTP and HTTPS. It runs in the namespace `traefik`."""

    pool: str
    """Pool whose nodes accept connections to their ports 80 and 443. The pool needs a taint. Either `pool`
    or `load_balancer` is required.
    """
    load_balancer: bool
    """Serve behind a service of type LoadBalancer instead of on ports of a pool."""
    sources: Required[Sequence[str]]
    """Networks of clients, such as `0.0.0.0/0`; machines and pods of the cluster can always connect."""
    default_class: bool
    """Serve Ingress objects without a class too."""
    default_certificate: IngressCertificateArgs
    """The certificate for names without a certificate in an Ingress; default: Traefik signs its own."""
    gateway_api: bool
    """Serve the Gateway API too, such as HTTPRoute objects. Installs the definitions of its standard
    channel, a GatewayClass and a Gateway.
    """
    gateway_namespaces: Mapping[str, str]
    """Labels of the namespaces whose routes the Gateway accepts; default: the routes of all namespaces."""
    replicas: int
    """Number of pods with `load_balancer`; default: 2. With `pool`, each node has one."""
    annotations: Mapping[str, str]
    """Annotations of the service with `load_balancer`, which the controller of the cloud reads."""


class KedaArgs(TypedDict, total=False):
    """KEDA, which scales workloads by metrics and events, to zero and back. It runs in the namespace
    `keda` and serves the API group external.metrics.k8s.io for the HorizontalPodAutoscaler.
    """

    scaled_kinds: Sequence[str]
    """Custom resources with a scale subresource that KEDA may scale, as `<plural>.<group>`, such as
    `rollouts.argoproj.io`. KEDA always scales Deployments, StatefulSets and ReplicaSets.
    """
    jobs: bool
    """Let KEDA create and delete Jobs in all namespaces, as ScaledJobs need. A program with the account of
    KEDA could then run pods in all namespaces.
    """
    all_secrets: bool
    """Let KEDA read the Secrets of all namespaces, as objects of the kind TriggerAuthentication need.
    Without it, only a ClusterTriggerAuthentication can name Secrets, and they are in the namespace
    `keda`.
    """
    request_timeout: str
    """Time limit of a request to a source of metrics, such as Prometheus; 1s to 60s."""


class AddressPoolArgs(TypedDict, total=False):
    """A pool of addresses for services of type LoadBalancer."""

    addresses: Required[Sequence[str]]
    """Ranges of free addresses, as `FIRST-LAST` or `ADDRESS/LENGTH`."""
    announce: str
    """`l2`: one node answers ARP requests for an address, so the pool is inside one of `network.machines`;
    `bgp`: all nodes announce the address to the routers in `peers`.
    """
    automatic: bool
    """Give addresses of this pool to services that name no pool. Other services name it in the annotation
    `metallb.io/address-pool`.
    """


class BgpPeerArgs(TypedDict, total=False):
    """A router to which every node opens a BGP session."""

    address: Required[str]
    """Address of the router."""
    asn: Required[int]
    """Autonomous system number of the router; with the number of the nodes, the session is internal."""
    port: int
    """TCP port of the router."""
    hold_time: str
    """Time after which the router removes the routes of a node that does not respond; 3s to 180s."""
    password: Input[str]
    """Password of the session (TCP MD5, RFC 2385), as an encrypted value (`secure: …`)."""


class MetalLbArgs(TypedDict, total=False):
    """MetalLB, which gives addresses to services of type LoadBalancer and announces them; bare metal only."""

    pools: Mapping[str, AddressPoolArgs]
    """Address pools by name; at least one is required."""
    asn: int
    """Autonomous system number of the nodes; required with `peers`."""
    peers: Mapping[str, BgpPeerArgs]
    """BGP peers by name; required for pools with `announce: bgp`."""


class LokiStoreArgs(TypedDict, total=False):
    """Loki in the cluster: one pod with a volume. Its clients have certificates of its own authority."""

    storage: Required[str]
    """Size of the volume, at least 1Gi."""
    storage_class: str
    """Storage class of the volume; default: the default class of the cluster."""
    retention: str
    """Time after which entries are deleted; 24h to ten years."""
    memory: str
    """Memory limit of Loki, at least 256Mi."""
    readers: Sequence[str]
    """Namespaces whose pods can connect to Loki, such as that of Grafana. They also need a client
    certificate.
    """


class LokiServerArgs(TypedDict, total=False):
    """Your own Loki, of version 3.0 or later."""

    url: Required[str]
    """URL of Loki, without `/loki/api` or `/otlp`."""
    tenant: str
    """Tenant, which is sent as the header `X-Scope-OrgID`; default: no header."""
    ca_file: str
    """PEM file of the certificate authority of Loki; default: the authorities of the shipper's image."""
    username: str
    """User of HTTP basic authentication; default: no login."""
    password: Input[str]
    """Password of the user, as an encrypted value (`secure: …`)."""


class KafkaServersArgs(TypedDict, total=False):
    """Your own Kafka. Messages are in the JSON encoding of OTLP."""

    brokers: Required[Sequence[str]]
    """Brokers as `HOST:PORT`, which use TLS."""
    topic: Required[str]
    """Topic, which exists."""
    ca_file: str
    """PEM file of the certificate authority of Kafka; default: the authorities of the shipper's image."""
    username: str
    """User of SASL; default: no login."""
    password: Input[str]
    """Password of the user, as an encrypted value (`secure: …`)."""
    mechanism: str
    """Mechanism of SASL: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`."""


class ElasticsearchServerArgs(TypedDict, total=False):
    """Your own Elasticsearch. Images of the shipper that a mirror built cannot send to Elasticsearch."""

    url: Required[str]
    """URL of Elasticsearch."""
    index: Required[str]
    """Index or data stream of the entries."""
    ca_file: str
    """PEM file of the certificate authority; default: the authorities of the shipper's image."""
    username: str
    """User of HTTP basic authentication; default: no login."""
    password: Input[str]
    """Password of the user, as an encrypted value (`secure: …`)."""


class LogDestinationArgs(TypedDict, total=False):
    """A receiver of logs. Each destination has one of `loki`, `kafka` and `elasticsearch`."""

    loki: LokiServerArgs
    """Your own Loki."""
    kafka: KafkaServersArgs
    """Your own Kafka."""
    elasticsearch: ElasticsearchServerArgs
    """Your own Elasticsearch."""


class LogArgs(TypedDict, total=False):
    """Logs of all nodes, which the OpenTelemetry Collector sends to Loki in the cluster or to your own
    receivers. It runs in the namespace `logs`.
    """

    loki: LokiStoreArgs
    """Loki in the cluster; default: none."""
    to: Mapping[str, LogDestinationArgs]
    """Your own receivers by name. Each receiver gets all entries."""
    sources: Sequence[str]
    """Logs of each node: `containers`, `journal` (of systemd) and `audit` (of API servers)."""
    exclude_namespaces: Sequence[str]
    """Namespaces whose containers are not collected."""
    buffer: str
    """Disk space on each node for entries that wait for a receiver, for each receiver; at least 256Mi."""
    memory: str
    """Memory limit of the pod on each node, at least 128Mi."""


class EventAlertArgs(TypedDict, total=False):
    """An alert on events. It fires for each namespace and reason."""

    reasons: Required[Sequence[str]]
    """Reasons of events, such as `FailedScheduling` or `OOMKilling`."""
    namespaces: Sequence[str]
    """Namespaces of the events; default: all. Events of nodes are in the namespace `default`."""
    count: int
    """Number of events in `window` that raise the alert."""
    window: str
    """Time in which events count; 1m to 24h."""
    severity: str
    """Label `severity` of the alert."""


class AlertmanagerArgs(TypedDict, total=False):
    """The Alertmanager that receives alerts on events."""

    url: Required[str]
    """URL of Alertmanager, such as `https://alertmanager.monitoring.svc:9093`."""
    ca_file: str
    """PEM file of the certificate authority of Alertmanager; default: the authorities of Loki's image."""
    username: str
    """User of HTTP basic authentication; default: no login."""
    password: Input[str]
    """Password of the user, as an encrypted value (`secure: …`)."""


class EventArgs(TypedDict, total=False):
    """Events of the cluster, which are archived with the logs. It needs `addons.logs`."""

    alerts: Mapping[str, EventAlertArgs]
    """Alerts by name. They need `addons.logs.loki` and `alertmanager`."""
    alertmanager: AlertmanagerArgs
    """The Alertmanager that receives the alerts."""


class MetricsStorageArgs(TypedDict, total=False):
    """The volumes of Prometheus and Alertmanager."""

    size: str
    """Size of the volume of each Prometheus. Each Alertmanager has a volume of 1Gi."""
    storage_class: str
    """StorageClass of the volumes; default: the default class of the cluster."""


class GrafanaLoginArgs(TypedDict, total=False):
    """Login of people at an OpenID Connect issuer. Grafana does not read its discovery document."""

    auth_url: Required[str]
    """`authorization_endpoint` in the discovery document of the issuer."""
    token_url: Required[str]
    """`token_endpoint` in the discovery document."""
    userinfo_url: str
    """`userinfo_endpoint` in the discovery document; default: only the claims of ID tokens are used."""
    ca_file: str
    """PEM file of the issuer's certificate authority; default: the authorities of the image."""
    client_id: Required[str]
    """Client of Grafana at the issuer."""
    client_secret: Required[Input[str]]
    """Secret of the client, as an encrypted value (`secure: …`)."""
    scopes: Sequence[str]
    """Scopes that the login requests beside `openid`."""
    groups_claim: str
    """Claim with the groups of a person."""
    admins: Sequence[str]
    """Groups of administrators of Grafana."""
    editors: Sequence[str]
    """Groups of people who can change dashboards and silence alerts."""
    viewers: Sequence[str]
    """Groups of people who can see dashboards and logs; `*` is each person of the issuer. Others cannot
    log in.
    """


class GrafanaStorageArgs(TypedDict, total=False):
    """The volume of Grafana, for users, their settings and dashboards that they create."""

    size: str
    """Size of the volume."""
    storage_class: str
    """StorageClass of the volume; default: the default class of the cluster. It cannot be changed."""


class GrafanaArgs(TypedDict, total=False):
    """Grafana with dashboards about the cluster, by its community's Helm chart."""

    admin_password: Input[str]
    """Password of the user `admin`, as an encrypted value (`secure: …`); default: no such user. With
    `storage`, only the first start of Grafana uses it.
    """
    oidc: GrafanaLoginArgs
    """Login of people at an OpenID Connect issuer. Either `oidc` or `admin_password` is required."""
    ingress: WebAccessArgs
    """Name at which `addons.ingress` serves Grafana; default: `kubectl port-forward` reaches it."""
    storage: GrafanaStorageArgs
    """Volume of Grafana; default: none, so that changes in Grafana end with its pod."""
    logs: bool
    """Show the logs in `addons.logs.loki`; default: if the cluster has this store. Each person who can log
    in can then read all logs, also the audit log.
    """
    version: str
    """Version of the chart; another version of the same major version."""
    repository: str
    """URL of the chart repository, such as a mirror of the community's."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    values: Mapping[str, Any]
    """Further values of the chart, such as `resources`. They are not secret, and cannot replace values
    that other settings determine.
    """


class RemoteWriteArgs(TypedDict, total=False):
    """A store that receives all metrics by the remote write protocol of Prometheus."""

    url: Required[str]
    """URL of the store, such as `https://mimir.example/api/v1/push`."""
    username: str
    """User of basic authentication; it needs `password`."""
    password: Input[str]
    """Password of `username`, as an encrypted value (`secure: …`)."""
    bearer_token: Input[str]
    """Token instead of `username` and `password`, as an encrypted value (`secure: …`)."""
    ca_file: str
    """File with the certificate authority of the store, in PEM; default: the authorities of the image."""


class WebhookReceiverArgs(TypedDict, total=False):
    """A receiver that gets alerts as JSON by HTTP."""

    url: Required[Input[str]]
    """URL of the receiver, as an encrypted value (`secure: …`), because it can contain a token."""
    bearer_token: Input[str]
    """Token of the requests, as an encrypted value (`secure: …`); default: none."""


class SlackReceiverArgs(TypedDict, total=False):
    """A channel of Slack, or of another service with the API of Slack."""

    api_url: Required[Input[str]]
    """URL of the incoming webhook, as an encrypted value (`secure: …`)."""
    channel: Required[str]
    """Channel or user, such as `#alerts`."""


class PagerDutyReceiverArgs(TypedDict, total=False):
    """A service of PagerDuty."""

    routing_key: Required[Input[str]]
    """Integration key of the Events API v2, as an encrypted value (`secure: …`)."""


class EmailReceiverArgs(TypedDict, total=False):
    """A receiver of mail. Connections to the mail server use STARTTLS."""

    to: Required[str]
    """Address of the receiver."""
    sender: Required[str]
    """Address of the sender."""
    smarthost: Required[str]
    """Mail server and its port, such as `smtp.corp.example:587`."""
    username: str
    """User of the mail server; it needs `password`."""
    password: Input[str]
    """Password of `username`, as an encrypted value (`secure: …`)."""


class ReceiverArgs(TypedDict, total=False):
    """A receiver of alerts, with one of the kinds."""

    webhook: WebhookReceiverArgs
    """A receiver that gets alerts as JSON by HTTP."""
    slack: SlackReceiverArgs
    """A channel of Slack."""
    pagerduty: PagerDutyReceiverArgs
    """A service of PagerDuty."""
    email: EmailReceiverArgs
    """A mail address."""


class RouteArgs(TypedDict, total=False):
    """Alerts that go to another receiver than the default one."""

    matchers: Required[Sequence[str]]
    """Conditions on labels of an alert, such as `severity="critical"`. All of them must match."""
    receiver: Required[str]
    """Name of the receiver."""


class MonitoringArgs(TypedDict, total=False):
    """Prometheus and Alertmanager in the namespace `monitoring`, and metrics of all hosts over TLS."""

    retention: str
    """Time for which Prometheus keeps metrics."""
    retention_size: str
    """Size of the metrics that Prometheus keeps at most; default: 80 % of `storage.size`, or 2Gi without
    `storage`.
    """
    interval: str
    """Time between two scrapes of a target; 5s to 5m."""
    replicas: int
    """Number of Prometheus pods. Each of them scrapes all targets."""
    alertmanager_replicas: int
    """Number of Alertmanager pods. They notify each receiver once."""
    storage: MetricsStorageArgs
    """Volumes of the pods; default: none, so that metrics and silences end with their pod."""
    cpu: str
    """CPU that each Prometheus requests."""
    memory: str
    """Memory that each Prometheus requests, and its limit."""
    pool: str
    """Pool of nodes that run the pods; default: any node. On bare metal only these nodes can then connect
    to the metrics of other hosts.
    """
    pods: bool
    """Also scrape pods with the annotation `prometheus.io/scrape: "true"`, at the port, path and scheme of
    the annotations `prometheus.io/port`, `prometheus.io/path` and `prometheus.io/scheme`.
    """
    kube_state_metrics: bool
    """Run kube-state-metrics, for alerts about Deployments, pods and Jobs. Its image cannot be built from
    the catalogue.
    """
    grafana: GrafanaArgs
    """Dashboards about the cluster, by Grafana; default: none."""
    remote_write: Mapping[str, RemoteWriteArgs]
    """Stores that receive all metrics, by name."""
    receivers: Mapping[str, ReceiverArgs]
    """Receivers of alerts by name. Without receivers, alerts are only visible in Prometheus and
    Alertmanager.
    """
    default_receiver: str
    """Receiver of alerts that no route matches; required with several receivers."""
    routes: Sequence[RouteArgs]
    """Receivers of some alerts. The first route that matches decides."""
    repeat_interval: str
    """Time after which a receiver is notified again about an alert that still fires."""


class RegistryVolumeArgs(TypedDict, total=False):
    """A volume for images."""

    size: Required[str]
    """Size of the volume, such as `100Gi`. Some storage classes allow a larger size later."""
    storage_class: str
    """StorageClass of the volume; default: the default class of the cluster. It cannot be changed."""
    shared: bool
    """Several nodes can mount the volume at the same time (ReadWriteMany), as with NFS and CephFS."""


class RegistryBlobArgs(TypedDict, total=False):
    """A container of Azure Blob Storage for images."""

    account: Required[str]
    """Name of the storage account."""
    container: Required[str]
    """Name of the container, which exists."""
    endpoint: str
    """URL of the blob service; default: `https://ACCOUNT.blob.core.windows.net`."""
    ca_file: str
    """PEM file of the certificate authority of the service; default: public authorities."""
    account_key: Required[Input[str]]
    """Key of the storage account, as an encrypted value (`secure: …`)."""


class RegistryStorageArgs(TypedDict, total=False):
    """The place of images. It is one of `volume`, `s3` and `azure_blob`."""

    volume: RegistryVolumeArgs
    """A volume of the cluster."""
    s3: S3TargetArgs
    """A bucket of AWS S3, or of another service with the API of S3."""
    azure_blob: RegistryBlobArgs
    """A container of Azure Blob Storage."""
    prefix: str
    """Directory in the bucket or container; default: `registry/` and the name of the cluster."""


class RegistryUserArgs(TypedDict, total=False):
    """A user of the registry, who can pull, push and delete all images. Each has one of these keys."""

    password: Input[str]
    """Password of the user, as an encrypted value (`secure: …`). The registry gets a bcrypt hash of it."""
    password_hash: Input[str]
    """bcrypt hash of the password, as an encrypted value (`secure: …`)."""


class RegistryTokenArgs(TypedDict, total=False):
    """A token service, which decides who can pull, push and delete which images."""

    url: Required[str]
    """URL at which clients get tokens, such as `https://auth.corp.example/token`."""
    service: Required[str]
    """Name of the registry in requests for tokens, which is the audience of tokens."""
    issuer: Required[str]
    """Issuer of tokens."""
    certificate: Required[str]
    """Text of a PEM file with the certificates that verify tokens."""


class RegistryServiceArgs(TypedDict, total=False):
    """The service of the registry. Nodes and pods use its fixed address; others what its type adds."""

    address: str
    """Fixed address in `network.services`; default: the twentieth address of this range."""
    type: str
    """`ClusterIP`: only nodes and pods; `NodePort`: a port of all nodes, which `name` has; `LoadBalancer`."""
    sources: Sequence[str]
    """Networks of clients of the load balancer, such as `10.0.0.0/8`; required with `LoadBalancer`."""
    annotations: Mapping[str, str]
    """Annotations of the service with `LoadBalancer`, which the controller of the cloud reads."""


class RegistryCollectionArgs(TypedDict, total=False):
    """Garbage collection, which removes the layers of deleted images from the storage. The registry is
    read-only meanwhile.
    """

    schedule: str
    """Times in UTC: minute, hour, day of month, month and day of week, such as `0 3 * * 0`, or `@weekly`."""
    delete_untagged: bool
    """Delete images without a tag too, also those that something refers to by digest."""


class RegistryResourcesArgs(TypedDict, total=False):
    """Resources of each pod of the registry."""

    cpu: str
    """Requested processor time."""
    memory: str
    """Requested memory."""
    memory_limit: str
    """Limit of memory."""


class DistributionArgs(TypedDict, total=False):
    """A registry for images and charts, by distribution. It runs in the namespace `registry`, and all
    nodes trust it.
    """

    name: Required[str]
    """Name of the registry in names of images: a DNS name with an optional port."""
    storage: Required[RegistryStorageArgs]
    """The place of images."""
    users: Mapping[str, RegistryUserArgs]
    """Users by name. Either `users` or `token` is required."""
    token: RegistryTokenArgs
    """A token service in place of `users`."""
    node_user: str
    """User with whose password all nodes pull images for all pods; default: pods need `pull_secrets`."""
    issuer: str
    """Issuer of `addons.cert_manager` that signs the certificate; default: the CA of the cluster."""
    replicas: int
    """Number of pods. Several need a shared volume or an object store."""
    service: RegistryServiceArgs
    """The service of the registry."""
    garbage_collection: RegistryCollectionArgs
    """Garbage collection; default: never."""
    resources: RegistryResourcesArgs
    """Resources of each pod."""


class VeleroBlobArgs(TypedDict, total=False):
    """A container of Azure Blob Storage for backups."""

    account: Required[str]
    """Name of the storage account."""
    container: Required[str]
    """Name of an existing container."""
    endpoint: str
    """URL of the blob service; default: `https://ACCOUNT.blob.core.windows.net`."""
    account_key: Required[Input[str]]
    """Key of the storage account, as an encrypted value (`secure: …`). Velero supports no SAS tokens."""


class VeleroLocationArgs(TypedDict, total=False):
    """A place for backups. Each location has either `s3` or `azure_blob`."""

    s3: S3TargetArgs
    """A bucket of AWS S3, or of another service with the API of S3."""
    azure_blob: VeleroBlobArgs
    """A container of Azure Blob Storage."""
    prefix: str
    """Directory of the backups in the bucket or container; default: `velero/` and the name of the cluster.
    The directory must contain nothing else.
    """
    read_only: bool
    """Only restore from this location, such as from the backups of another cluster."""


class VeleroScheduleArgs(TypedDict, total=False):
    """Backups at regular times."""

    cron: Required[str]
    """Times in UTC: minute, hour, day of month, month and day of week, such as `0 3 * * *`, or `@daily`."""
    ttl: str
    """Time after which a backup is deleted, at least 1h."""
    namespaces: Sequence[str]
    """Namespaces whose objects and volumes are backed up; default: all, and objects without a namespace."""
    location: str
    """Location of the backups; default: the default location."""


class VeleroArgs(TypedDict, total=False):
    """Velero, which backs up objects and volumes of applications, by its official Helm chart. It runs in
    the namespace `velero`.
    """

    locations: Required[Mapping[str, VeleroLocationArgs]]
    """Places for backups by name."""
    default_location: str
    """Location of backups that name no location; required with several locations."""
    schedules: Mapping[str, VeleroScheduleArgs]
    """Schedules of backups by name. You can create others with `velero schedule`."""
    node_agent: bool
    """Run a pod on each node that copies files of volumes into a location. The pod is privileged, and can
    read the volumes of all pods.
    """
    all_volumes: bool
    """Copy the files of all volumes of pods; default: of those that the annotation
    `backup.velero.io/backup-volumes` of a pod names. Requires `node_agent`.
    """
    move_snapshots: bool
    """Copy snapshots of volumes into the location; default: they remain in their storage system. Requires
    `node_agent` and `storage.snapshots`.
    """
    repository_password: Input[str]
    """Password that encrypts the copied files of volumes, as an encrypted value (`secure: …`); required
    with `node_agent`. The password of existing copies cannot change.
    """
    version: str
    """Version of the chart; another version of the same major version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    aws_plugin: str
    """Image of velero-plugin-for-aws, for locations with `s3`."""
    azure_plugin: str
    """Image of velero-plugin-for-microsoft-azure, for locations with `azure_blob`."""
    values: Mapping[str, Any]
    """Further values of the chart, such as `resources`. They are not secret, and cannot replace values
    that other settings determine.
    """


class AddonArgs(TypedDict, total=False):
    """Add-ons that a cluster has only if its stack selects them."""

    cert_manager: CertManagerArgs
    """Certificates of workloads, by cert-manager; default: none."""
    dashboard: DashboardArgs
    """A web interface for the cluster with the login of each person, by Headlamp; default: none."""
    external_dns: ExternalDnsArgs
    """Names of services and Ingress objects in DNS zones, by external-dns; default: none."""
    ingress: IngressArgs
    """Ingress objects, served by Traefik; default: none."""
    keda: KedaArgs
    """Scaling of workloads by metrics and events, by KEDA; default: none."""
    load_balancer: MetalLbArgs
    """Addresses for services of type LoadBalancer, by MetalLB; bare metal only, because in a cloud its
    controller creates load balancers.
    """
    logs: LogArgs
    """Logs of all nodes, in Loki in the cluster or sent to your own receivers; default: none."""
    events: EventArgs
    """Archive of the events of the cluster, beside the logs, with alerts on them; default: none."""
    monitoring: MonitoringArgs
    """Metrics and alerts about the cluster, by Prometheus and Alertmanager; default: none."""
    registry: DistributionArgs
    """A registry for images and charts, by distribution; default: none."""
    velero: VeleroArgs
    """Backups of objects and volumes of applications, by Velero; default: none."""


class LocalStorageArgs(TypedDict, total=False):
    """Volumes that are directories on the disks of nodes, provisioned dynamically by
    local-path-provisioner. A pod with such a volume runs only on the node that has the data.
    """

    class_name: str
    """Name of the StorageClass."""
    default_class: bool
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: str
    """What happens to a volume when its claim is deleted: `Delete` removes the volume with its data,
    `Retain` keeps both.
    """
    binding_mode: str
    """When a claim gets its volume: `WaitForFirstConsumer`, when a pod uses the claim, or `Immediate`."""
    paths: Sequence[str]
    """Directories for volumes on nodes that `hosts` and `pools` do not name; each volume gets a random
    directory of these. Empty: these nodes have no volumes.
    """
    pools: Mapping[str, Sequence[str]]
    """Directories on the nodes of a pool, by its name, or `control-plane`; only on bare metal."""
    hosts: Mapping[str, Sequence[str]]
    """Directories on single nodes, by the name of the host; before `pools`."""


class DiskClassArgs(TypedDict, total=False):
    """The StorageClass of the disks in `pools.<name>.disks`; it exists if a pool has disks."""

    class_name: str
    """Name of the StorageClass."""
    default_class: bool
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: str
    """Only `Retain`: the data of a deleted claim stays until you remove it."""
    binding_mode: str
    """When a claim gets its volume: `WaitForFirstConsumer`, when a pod uses the claim, or `Immediate`."""


class NfsVolumeArgs(TypedDict, total=False):
    """A PersistentVolume that is a directory of an NFS server. Nodes mount it with their own NFS client."""

    server: Required[str]
    """Address or DNS name of the server. Nodes resolve the name, not the DNS of the cluster."""
    path: Required[str]
    """Path of the exported directory on the server."""
    capacity: Required[str]
    """Size by which claims find the volume, such as `100Gi`. The server does not limit volumes to it."""
    access_modes: Sequence[str]
    """Access modes of claims that fit."""
    mount_options: Sequence[str]
    """Options of the mount. Without a version of NFS, Kubewright adds `vers=4`, which selects the newest
    version 4 of the server.
    """
    reclaim_policy: str
    """What happens when the claim is deleted: `Retain` keeps the volume and its data. No other value is
    allowed, because Kubernetes deletes no data of such volumes.
    """
    class_name: str
    """Class of claims that fit; default: none, so claims have `storageClassName: ""`."""
    claim: str
    """Claim that gets the volume, as `NAMESPACE/NAME`; default: the first claim that fits."""


class NfsDriverArgs(TypedDict, total=False):
    """Volumes provisioned dynamically by csi-driver-nfs: each is a directory below `path` on the server."""

    class_name: str
    """Name of the StorageClass."""
    default_class: bool
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: str
    """What happens to a volume when its claim is deleted: `Delete` removes the volume with its data,
    `Retain` keeps both.
    """
    binding_mode: str
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""
    expansion: bool
    """Allow the expansion of claims. Volumes cannot shrink."""
    mount_options: Sequence[str]
    """Options of the mounts of all volumes of the class."""
    version: str
    """Version of the chart; another patch version of the same minor version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    server: Required[str]
    """Address or DNS name of the server."""
    path: Required[str]
    """Path of the exported directory on the server, in which the driver makes directories as root."""


class NfsStorageArgs(TypedDict, total=False):
    """NFS: the client on every node (NFS version 4), PersistentVolumes by name, and dynamic provisioning."""

    volumes: Mapping[str, NfsVolumeArgs]
    """PersistentVolumes by name."""
    driver: NfsDriverArgs
    """Volumes provisioned dynamically by csi-driver-nfs; default: none."""


class CephBlockArgs(TypedDict, total=False):
    """Volumes that are block devices (RBD), each with a file system, for one node at a time."""

    class_name: str
    """Name of the StorageClass."""
    default_class: bool
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: str
    """What happens to a volume when its claim is deleted: `Delete` removes the volume with its data,
    `Retain` keeps both.
    """
    binding_mode: str
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""
    expansion: bool
    """Allow the expansion of claims. Volumes cannot shrink."""
    mount_options: Sequence[str]
    """Options of the mounts of all volumes of the class."""
    version: str
    """Version of the chart; another patch version of the same minor version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    user: Required[str]
    """User of Ceph without `client.`, such as `kubernetes`."""
    secret_key: Required[Input[str]]
    """Key of the user, as an encrypted value (`secure: …`)."""
    pool: Required[str]
    """Pool of the block devices."""
    data_pool: str
    """Erasure-coded pool of the data; `pool` then has the metadata. Default: all in `pool`."""
    file_system: str
    """File system of the volumes."""


class CephFilesArgs(TypedDict, total=False):
    """Volumes that are directories of a Ceph file system (CephFS), for several nodes at a time."""

    class_name: str
    """Name of the StorageClass."""
    default_class: bool
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: str
    """What happens to a volume when its claim is deleted: `Delete` removes the volume with its data,
    `Retain` keeps both.
    """
    binding_mode: str
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""
    expansion: bool
    """Allow the expansion of claims. Volumes cannot shrink."""
    mount_options: Sequence[str]
    """Options of the mounts of all volumes of the class."""
    version: str
    """Version of the chart; another patch version of the same minor version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    user: Required[str]
    """User of Ceph without `client.`, such as `kubernetes`."""
    secret_key: Required[Input[str]]
    """Key of the user, as an encrypted value (`secure: …`)."""
    file_system: Required[str]
    """Name of the Ceph file system."""
    pool: str
    """Pool of the data; default: the pool of the file system."""


class CephStorageArgs(TypedDict, total=False):
    """An external Ceph cluster, by the official charts of ceph-csi; at least one of `rbd` and `cephfs` is
    required.
    """

    cluster_id: Required[str]
    """The fsid of the Ceph cluster."""
    monitors: Required[Sequence[str]]
    """Monitors of the Ceph cluster as `HOST:PORT`. Port 3300 is for monitors without the first protocol."""
    rbd: CephBlockArgs
    """Volumes that are block devices; default: none."""
    cephfs: CephFilesArgs
    """Volumes that are directories of a Ceph file system; default: none."""


class StorageArgs(TypedDict, total=False):
    """Storage for the volumes of pods. Each kind of storage is off by default."""

    local: LocalStorageArgs
    """Volumes on the disks of nodes, provisioned dynamically; default: none."""
    disks: DiskClassArgs
    """The StorageClass of the disks in `pools.<name>.disks`."""
    nfs: NfsStorageArgs
    """Volumes on NFS servers; default: none."""
    ceph: CephStorageArgs
    """Volumes in an external Ceph cluster; default: none."""
    snapshots: bool
    """Install the definitions and the controller of volume snapshots, and a VolumeSnapshotClass for each
    driver of `nfs` and `ceph`.
    """


class HelmRepositoryArgs(TypedDict, total=False):
    """A chart repository, or the login for the registry of an `oci://` chart. Use the URL as text instead
    of this mapping for a repository without credentials whose certificate authority the system trusts.
    """

    url: str
    """URL of the chart repository; not allowed for an `oci://` chart, whose reference names the registry."""
    ca_file: str
    """PEM file of the certificate authority of the repository; default: the system's authorities. Not
    allowed for an `oci://` chart.
    """
    username: str
    """User name for the repository or registry; required with `password`."""
    password: Input[str]
    """Password, as an encrypted value (`secure: …`); required with `username`. All releases of a registry
    have the same login.
    """


class PatchTargetArgs(TypedDict, total=False):
    """The objects that a patch changes."""

    kind: Required[str]
    """Kind of the objects, such as `Deployment`."""
    name: str
    """Name of the object; default: all objects of this kind."""


class PatchOperationArgs(TypedDict, total=False):
    """An operation of a JSON patch (RFC 6902)."""

    op: Required[str]
    """What to do with the value at `path`."""
    path: Required[str]
    """JSON pointer to the value, such as `/spec/template/spec/containers/0/args/-`."""
    value: Any
    """The new value; required for `add` and `replace`."""


class HelmPatchArgs(TypedDict, total=False):
    """A patch of rendered objects: `merge` or `operations`."""

    target: Required[PatchTargetArgs]
    """The objects to change. A target without an object of the chart is an error."""
    merge: Mapping[str, Any]
    """Fields to merge into the objects (RFC 7396): null removes a field, and a list replaces a list."""
    operations: Sequence[PatchOperationArgs]
    """Operations in their order, for elements of lists."""


class HelmReleaseArgs(TypedDict, total=False):
    """A Helm release: a chart, its version and its values."""

    chart: Required[str]
    """A path (`./charts/web`, relative to the checkout), an `oci://` reference, with a digest
    (`oci://registry.example/web@sha256:…`) or without, or a chart name in `repository`.
    """
    repository: Any
    """The chart repository: its URL, or a mapping with URL, certificate authority and credentials;
    required for a chart name, not allowed for paths. For an `oci://` reference, a mapping with
    `username` and `password` of the registry.
    """
    version: str
    """Version of the chart; required for charts by name and for `oci://` references without a digest, so
    that all runs install the same chart. Helm refuses a version that has another digest.
    """
    patches: Sequence[HelmPatchArgs]
    """Changes of rendered objects, for what a chart has no values for. Objects of hooks and
    CustomResourceDefinitions in the directory `crds` are not changed.
    """
    images: Sequence[str]
    """Images that pods of the release need and that its rendered objects do not name, such as those that
    an operator starts: `registry.example/tool:1.2`. `kubewright mirror --charts` adds them to the
    mirror.
    """
    namespace: str
    """Namespace of the release."""
    create_namespace: bool
    """Create the namespace before the release."""
    namespace_labels: Mapping[str, str]
    """Labels of the namespace that `create_namespace` creates, such as
    `pod-security.kubernetes.io/enforce: privileged`. The namespace remains when the release is removed.
    """
    values_files: Sequence[str]
    """YAML files with values of the chart in plain text. Later files override earlier files key by key,
    and `values` overrides all files.
    """
    values: Mapping[str, Any]
    """Values of the chart; encrypt secret values (`secure: …`)."""
    timeout: int
    """Seconds after which an installation or upgrade fails if the release is not ready."""
    wait: bool
    """Wait until the objects of the release are ready."""
    atomic: bool
    """Uninstall a failed installation, and roll back a failed upgrade; default: the value of `wait`."""
    skip_crds: bool
    """Do not install the CustomResourceDefinitions in the directory `crds` of the chart."""
    dependency_update: bool
    """Download missing dependencies of a chart in a directory of the checkout into its directory `charts`."""
    after: Sequence[str]
    """Names of other releases that must be installed before this release. They are removed after this
    release.
    """


class LimitArgs(TypedDict, total=False):
    """The LimitRange for containers of a namespace. Each mapping has resource names (`cpu`, `memory`, …)
    as keys.
    """

    default: Mapping[str, str]
    """Default limits of containers, as Kubernetes quantities."""
    default_request: Mapping[str, str]
    """Default requests of containers, as Kubernetes quantities."""
    min: Mapping[str, str]
    """The smallest allowed request of a container, as Kubernetes quantities."""
    max: Mapping[str, str]
    """The largest allowed limit of a container, as Kubernetes quantities."""


class NamespaceArgs(TypedDict, total=False):
    """A namespace of the cluster."""

    labels: Mapping[str, str]
    """Labels of the namespace, such as Pod Security levels."""
    quota: Mapping[str, str]
    """Hard limits of the ResourceQuota, such as `requests.cpu: 4`; empty: no quota."""
    limits: LimitArgs
    """The LimitRange for containers; default: no LimitRange."""


class PolicyRuleArgs(TypedDict, total=False):
    """A rule of a role: the allowed verbs on resources, or on paths that are not resources."""

    api_groups: Sequence[str]
    """API groups of the resources; the empty group is the core API."""
    resources: Sequence[str]
    """Resources that the rule applies to, such as `pods` or `pods/log`; required without
    `non_resource_urls`.
    """
    verbs: Required[Sequence[str]]
    """Verbs that the rule allows."""
    resource_names: Sequence[str]
    """Names of the objects that the rule applies to; empty: all objects."""
    non_resource_urls: Sequence[str]
    """Paths of the API server such as `/metrics` or `/healthz/*`, only in a ClusterRole."""


class RoleArgs(TypedDict, total=False):
    """A Role, or a ClusterRole if it has no namespace."""

    namespace: str
    """Namespace of the Role; without it the role is a ClusterRole."""
    rules: Required[Sequence[PolicyRuleArgs]]
    """The rules of the role."""


class BindingArgs(TypedDict, total=False):
    """A RoleBinding, or a ClusterRoleBinding if it has no namespace."""

    namespace: str
    """Namespace of the RoleBinding; without it the binding is a ClusterRoleBinding."""
    role: str
    """Key of a role of `access.roles`; either this or `cluster_role` is required."""
    cluster_role: str
    """Name of any ClusterRole of the cluster, such as `view`; either this or `role` is required."""
    users: Sequence[str]
    """Names of users: the common names of their certificates."""
    groups: Sequence[str]
    """Names of groups: the organizations of users' certificates."""
    service_accounts: Sequence[str]
    """Service accounts, each as `NAMESPACE/NAME`."""


class ServiceAccountArgs(TypedDict, total=False):
    """A service account."""

    namespace: Required[str]
    """Namespace of the service account."""
    automount: bool
    """Mount the account's token into its pods. Off by default, because most pods do not call the API."""


class AccessArgs(TypedDict, total=False):
    """RBAC objects and namespaces. Keys of the mappings are the names of the objects."""

    namespaces: Mapping[str, NamespaceArgs]
    """Namespaces to create, with their quotas and limits."""
    roles: Mapping[str, RoleArgs]
    """Roles and ClusterRoles."""
    bindings: Mapping[str, BindingArgs]
    """Bindings of roles to users, groups and service accounts."""
    service_accounts: Mapping[str, ServiceAccountArgs]
    """Service accounts."""


class BastionArgs(TypedDict, total=False):
    """A bastion for SSH connections to hosts; defaults are the SSH settings of the hosts."""

    host: Required[str]
    """Address or name of the bastion."""
    port: int
    """SSH port of the bastion."""
    user: str
    """SSH user on the bastion; default: the user on the hosts."""
    private_key_file: str
    """Private key for the bastion; default: the key for the hosts."""
    host_key: str
    """Public host key of the bastion, such as `ssh-ed25519 AAAA…`; default: from `known_hosts_file`."""


class SshArgs(TypedDict, total=False):
    """SSH connections to all hosts."""

    user: str
    """SSH user; all users except root need sudo without a password."""
    port: int
    """SSH port; the firewall of hosts keeps this port open."""
    private_key_file: str
    """Private key file; required without `agent`. The key becomes an input of every host. With another
    key, `up` delivers to every host again.
    """
    agent: bool
    """Take keys from the SSH agent of the deployer instead of a file; recommended."""
    known_hosts_file: str
    """File with public host keys in known_hosts format; required for hosts without `ssh.host_key`."""
    bastion: BastionArgs
    """A bastion for all hosts."""


class HostSshArgs(TypedDict, total=False):
    """The SSH connection to one host; defaults are the values of `metal.ssh`."""

    address: str
    """Address or name for SSH connections; default: the host's `public_address`, or else its `address`."""
    user: str
    """SSH user on the host."""
    port: int
    """SSH port of the host."""
    private_key_file: str
    """Private key file for the host."""
    host_key: str
    """Public host key of the host, such as `ssh-ed25519 AAAA…`."""
    bastion: BastionArgs
    """A bastion for this host."""


class HostArgs(TypedDict, total=False):
    """A host of the inventory. `cpus`, `memory` and `disk` are used for checks and warnings; they change
    nothing on bare metal.
    """

    address: Required[str]
    """IPv4 address of the host in one of `network.machines`; other hosts connect to this address."""
    public_address: str
    """IPv4 address of a host behind NAT, in another one of `network.machines`: nodes, pods, users and the
    deployer connect to this address, and the NAT translates it to `address`.
    """
    cpus: int
    """Number of CPUs, if known."""
    memory: str
    """Memory, such as `4Gi`, if known; also the memory limit of a lab's host."""
    disk: str
    """Size of the disk, such as `40Gi`, if known."""
    ssh: HostSshArgs
    """The SSH connection to this host."""


class MetalArgs(TypedDict, total=False):
    """A cluster on existing hosts."""

    ssh: SshArgs
    """SSH connections to all hosts."""
    hosts: Mapping[str, HostArgs]
    """The inventory: all hosts by name."""


class VolumeSnapshotArgs(TypedDict, total=False):
    """Snapshots of data volumes by the cloud, in addition to etcd's own snapshots."""

    every_hours: int
    """Hours between two snapshots."""
    keep: int
    """Number of snapshots that are kept."""


class CloudAddonArgs(TypedDict, total=False):
    """Add-ons for the cloud, in addition to the cloud controller manager, which always runs."""

    storage: bool
    """Install the CSI driver and a storage class for persistent volumes of pods."""
    autoscaler: bool
    """Install the cluster autoscaler; without it, pools keep their minimum size."""
    load_balancers: bool
    """Install a separate controller for load balancers, in clouds that need one."""


class AwsFileStorageArgs(TypedDict, total=False):
    """Volumes in Amazon EFS by aws-efs-csi-driver: an access point with a directory for each claim."""

    class_name: str
    """Name of the StorageClass."""
    default_class: bool
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: str
    """What happens to a volume when its claim is deleted: `Delete` removes the volume with its data,
    `Retain` keeps both.
    """
    binding_mode: str
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""
    expansion: bool
    """Not supported: EFS does not limit the size of volumes."""
    mount_options: Sequence[str]
    """Options of the mounts of all volumes of the class."""
    version: str
    """Version of the chart; another patch version of the same minor version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    file_system: str
    """ID of an existing file system with mount targets in the subnets of the nodes; default: a file system
    is created, with a mount target in each zone.
    """
    throughput: str
    """Throughput mode of the created file system: `elastic` follows the load and is billed by use,
    `bursting` depends on the amount of data.
    """
    path: str
    """Directory of the file system in which the driver makes the directories of volumes."""
    directory_mode: str
    """Permissions of the directory of a volume. All pods use the volume with the same user and group ID."""


class SubnetArgs(TypedDict, total=False):
    """An existing subnet."""

    id: Required[str]
    """ID of the subnet in the cloud."""
    range: Required[str]
    """IPv4 range of the subnet, inside the range of the network."""


class AwsNetworkArgs(TypedDict, total=False):
    """The VPC: a new VPC with `range`, or an existing VPC with its subnets."""

    range: Required[str]
    """IPv4 range of the VPC; a new VPC needs a /16 to a /22."""
    nat: str
    """Number of NAT gateways: `one` is cheaper; `per-zone` keeps other zones connected when a zone fails."""
    flow_logs: bool
    """Log accepted and rejected connections of the VPC (VPC Flow Logs)."""
    vpc: str
    """ID of an existing VPC; without it a VPC is created."""
    private: Mapping[str, SubnetArgs]
    """Private subnets of an existing VPC, by zone; each zone of `aws.zones` needs a subnet."""
    public: Mapping[str, SubnetArgs]
    """Public subnets of an existing VPC, by zone; required for a public endpoint."""


class AwsEndpointArgs(TypedDict, total=False):
    """The load balancer in front of the API servers."""

    public: bool
    """Add a load balancer that the networks in `network.api_allowed` reach over the internet."""
    zone: str
    """ID of the hosted zone for a DNS record of the endpoint; empty: no record."""


class AwsImageArgs(TypedDict, total=False):
    """The image of machines: an image ID, or an owner and a name pattern (the newest match is used)."""

    id: str
    """ID of the image (AMI)."""
    owner: str
    """Account ID of the image's owner; required with `name`."""
    name: str
    """Pattern of the image's name, such as `debian-13-amd64-*`; the newest match is used."""


class AwsEndpointsArgs(TypedDict, total=False):
    """URLs of AWS services; empty: the public URLs of the region."""

    ca_file: str
    """PEM file of the certificate authority of these endpoints; default: the system's authorities."""
    s3: str
    """URL of S3."""
    ec2: str
    """URL of EC2."""
    autoscaling: str
    """URL of EC2 Auto Scaling."""
    ecr: str
    """URL of the API of ECR, for registries of `aws.image_registries` in the region of the cluster."""
    metadata: str
    """URL of the instance metadata service."""
    copies: str
    """URL of S3 in the region of `aws.snapshot_copies`."""


class AwsSnapshotCopyArgs(TypedDict, total=False):
    """A bucket in another region, to which etcd members copy their snapshots."""

    keep_days: int
    """Number of days after which the cloud deletes a copy."""
    region: Required[str]
    """Region of the bucket, such as `eu-west-1`; not the region of the cluster."""


class AwsImageRegistryArgs(TypedDict, total=False):
    """A private registry of Amazon ECR."""

    account: Required[str]
    """ID of the AWS account that has the registry, 12 digits in quotes."""
    region: Required[str]
    """Region of the registry, such as `eu-central-1`."""
    pull_through: Sequence[str]
    """Repository prefixes of pull through cache rules; nodes may add images of their upstream registries."""


class AwsQuotaArgs(TypedDict, total=False):
    """Quotas of the account in the region; defaults are those of a new account (Service Quotas, 2026)."""

    vcpus: int
    """Number of vCPUs of on-demand instances."""
    spot_vcpus: int
    """Number of vCPUs of spot instances."""
    addresses: int
    """Number of Elastic IP addresses."""
    nat_gateways_per_zone: int
    """Number of NAT gateways in a zone."""
    rules_per_group: int
    """Number of ingress rules of a security group."""


class AwsPermissionArgs(TypedDict, total=False):
    """Actions on resources that a role of pods allows."""

    actions: Required[Sequence[str]]
    """IAM actions, such as `s3:GetObject`."""
    resources: Required[Sequence[str]]
    """ARNs of the resources."""


class AwsPodRoleArgs(TypedDict, total=False):
    """An IAM role for the pods of service accounts."""

    service_accounts: Required[Sequence[str]]
    """Service accounts whose pods have the identity, each as `NAMESPACE/NAME`."""
    policies: Sequence[str]
    """ARNs of existing IAM policies that are attached to the role."""
    allow: Sequence[AwsPermissionArgs]
    """Permissions of the role, in addition to its policies."""


class AwsPodIdentityArgs(TypedDict, total=False):
    """IAM roles for pods. Tokens of service accounts get the issuer that the bucket publishes."""

    issuer_bucket: Required[str]
    """Name of the bucket for the documents of the issuer, which are public; the bucket is created."""
    roles: Mapping[str, AwsPodRoleArgs]
    """IAM roles by name; required."""


class AwsArgs(TypedDict, total=False):
    """A cluster on AWS. `aws.ssh_key` is the name of a key pair in the region."""

    snapshots: VolumeSnapshotArgs
    """Snapshots of data volumes."""
    addons: CloudAddonArgs
    """Add-ons for the cloud."""
    file_storage: AwsFileStorageArgs
    """Volumes in Amazon EFS, which many nodes mount at the same time; default: none."""
    tags: Mapping[str, str]
    """Tags of all resources; at most 30, because Kubewright adds further tags."""
    ssh_key: str
    """SSH key of the machines; empty: no SSH access."""
    repair_after: str
    """Time after which a machine with an unhealthy kubelet, API server or etcd is repaired; `0s`: never."""
    account: str
    """ID of the AWS account, 12 digits in quotes; Kubewright refuses credentials of any other account."""
    region: Required[str]
    """Region of the cluster, such as `eu-central-1`."""
    zones: Any
    """Names or number of availability zones; with three zones etcd keeps its quorum if a zone fails."""
    network: Required[AwsNetworkArgs]
    """The VPC of the cluster."""
    endpoint: AwsEndpointArgs
    """The load balancer in front of the API servers."""
    image: AwsImageArgs
    """The image of amd64 machines: either `id`, or `owner` and `name`."""
    image_arm64: AwsImageArgs
    """The image of arm64 machines (Graviton), such as `debian-13-arm64-*` of the same owner."""
    endpoints: AwsEndpointsArgs
    """Private endpoints of AWS services."""
    disk_key: str
    """ARN of a customer-managed KMS key for all disks, set before the first `up`; empty: the account's
    default key.
    """
    delete_volumes: bool
    """Delete the volumes of pods in `down`; default: yes, except in production."""
    permissions_boundary: str
    """ARN of an IAM policy that limits all roles of the stack (permissions boundary); empty: no limit."""
    snapshot_copies: AwsSnapshotCopyArgs
    """Copies of etcd's snapshots in another region; default: none."""
    image_registries: Sequence[AwsImageRegistryArgs]
    """Registries of ECR from which nodes pull images with the role of their machine."""
    quotas: AwsQuotaArgs
    """Quotas of the account, checked before machines are created."""
    pod_identities: AwsPodIdentityArgs
    """IAM roles for pods; default: pods have no IAM roles."""


class AzureSnapshotArgs(TypedDict, total=False):
    """Snapshots of data disks by Azure Disk Backup, in addition to etcd's own snapshots."""

    every_hours: int
    """Hours between two snapshots."""
    keep: int
    """Number of snapshots that are kept."""
    enabled: bool
    """Take snapshots of data disks; false: no Backup vault is created."""
    soft_delete: bool
    """Keep deleted backups for 14 days; the vault and its resource group then survive `down`."""


class AzureFileStorageArgs(TypedDict, total=False):
    """Volumes in Azure Files by azurefile-csi-driver: a file share for each claim."""

    class_name: str
    """Name of the StorageClass."""
    default_class: bool
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: str
    """What happens to a volume when its claim is deleted: `Delete` removes the volume with its data,
    `Retain` keeps both.
    """
    binding_mode: str
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""
    expansion: bool
    """Allow the expansion of claims. Volumes cannot shrink."""
    mount_options: Sequence[str]
    """Options of the mounts of all volumes of the class."""
    version: str
    """Version of the chart; another patch version of the same minor version."""
    repository: str
    """URL of the chart repository, such as a mirror of the official one."""
    chart: str
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    protocol: str
    """Protocol of volumes: `nfs`, which has the permissions of files that Linux programs expect, or `smb`,
    which encrypts the traffic.
    """
    sku: str
    """Performance and redundancy of the storage account. `nfs` needs `Premium_ZRS` or `Premium_LRS`."""
    account: str
    """ID of an existing storage account that the nodes can reach; default: an account is created."""


class AzureSubnetsArgs(TypedDict, total=False):
    """Existing subnets: a subnet for members, which have fixed addresses, and a subnet for the nodes of
    pools.
    """

    members: Required[SubnetArgs]
    """Subnet for members."""
    pools: Required[SubnetArgs]
    """Subnet for the nodes of pools."""


class AzureNetworkArgs(TypedDict, total=False):
    """The virtual network: a new network with `range`, or an existing network with its subnets."""

    range: Required[str]
    """IPv4 range of the virtual network; a new network needs a /8 to a /22."""
    nat: bool
    """Create a NAT gateway, through which machines reach the internet; required in a new network."""
    accelerated: bool
    """Accelerated networking of all machines, which most sizes support."""
    flow_logs: bool
    """Not supported on Azure; enable flow logs in Network Watcher."""
    id: str
    """ID of an existing virtual network; without it a virtual network is created."""
    subnets: AzureSubnetsArgs
    """Subnets of an existing virtual network; required with `id`."""


class AzureEndpointArgs(TypedDict, total=False):
    """The load balancer in front of the API servers."""

    public: bool
    """Add a load balancer that the networks in `network.api_allowed` reach over the internet."""
    label: str
    """DNS label of the public address in the location; empty: no DNS name."""


class AzureImageArgs(TypedDict, total=False):
    """The image of machines: an image of the marketplace, or an image ID."""

    id: str
    """ID of an image or of an image version in a gallery."""
    publisher: str
    """Publisher of the image in the marketplace; required with `offer` and `sku`."""
    offer: str
    """Offer of the image in the marketplace."""
    sku: str
    """SKU of the image in the marketplace."""
    version: str
    """Version of the image in the marketplace; `latest` is resolved when a machine is created."""


class AzureSnapshotCopyArgs(TypedDict, total=False):
    """A storage account in another location, to which etcd members copy their snapshots."""

    keep_days: int
    """Number of days after which the cloud deletes a copy."""
    location: Required[str]
    """Location of the storage account, such as `northeurope`; not the location of the cluster."""


class AzureEndpointsArgs(TypedDict, total=False):
    """URLs of Azure services; empty: the URLs of the public cloud."""

    ca_file: str
    """PEM file of the certificate authority of these endpoints; default: the system's authorities."""
    blob: str
    """URL of Blob Storage."""
    vault: str
    """Not used, because payloads are blobs."""
    metadata: str
    """URL of the instance metadata service."""
    management: str
    """URL of Azure Resource Manager for the deployer's programs and for control planes."""
    issuer: str
    """URL of the storage account `pod_identities.issuer_account`."""
    copies: str
    """URL of the storage account of `azure.snapshot_copies`."""
    login: str
    """URL of Entra ID, where pods with a managed identity get their tokens."""


class AzureQuotaArgs(TypedDict, total=False):
    """Quotas of the subscription in the location; defaults are the quotas of a new subscription (2026)."""

    vcpus: int
    """Number of vCPUs of regular machines."""
    spot_vcpus: int
    """Number of vCPUs of spot machines."""
    addresses: int
    """Number of public IP addresses."""
    rules_per_group: int
    """Number of rules of a network security group."""


class AzureRoleArgs(TypedDict, total=False):
    """A role assignment of an identity."""

    role: Required[str]
    """Name of a built-in role such as `Storage Blob Data Reader`, or the GUID of another role definition."""
    scope: Required[str]
    """ID of the resource, resource group or subscription that the role applies to."""


class AzurePodIdentityArgs(TypedDict, total=False):
    """A managed identity of pods."""

    service_accounts: Required[Sequence[str]]
    """Service accounts whose pods have the identity, each as `NAMESPACE/NAME`."""
    roles: Sequence[AzureRoleArgs]
    """Role assignments of the identity."""


class AzurePodIdentitiesArgs(TypedDict, total=False):
    """Managed identities of pods, and the public issuer of their tokens."""

    issuer_account: Required[str]
    """Name of the storage account that is created for the documents of the issuer; unique in all of Azure."""
    identities: Mapping[str, AzurePodIdentityArgs]
    """Managed identities by name; required."""


class AzureArgs(TypedDict, total=False):
    """A cluster on Azure. `azure.ssh_key` is the text of a public SSH key."""

    snapshots: AzureSnapshotArgs
    """Snapshots of data disks."""
    addons: CloudAddonArgs
    """Add-ons for the cloud."""
    file_storage: AzureFileStorageArgs
    """Volumes in Azure Files, which many nodes mount at the same time; default: none."""
    tags: Mapping[str, str]
    """Tags of all resources; at most 30, because Kubewright adds further tags."""
    ssh_key: str
    """SSH key of the machines; empty: no SSH access."""
    repair_after: str
    """Time after which a machine with an unhealthy kubelet, API server or etcd is repaired; `0s`: never."""
    subscription: Required[str]
    """ID of the subscription, a GUID."""
    cloud: str
    """Cloud of Azure that has the subscription."""
    location: Required[str]
    """Location of the cluster, such as `westeurope`."""
    zones: Sequence[str]
    """Availability zones: one zone, or all three, so that etcd keeps its quorum if a zone fails."""
    network: Required[AzureNetworkArgs]
    """The virtual network of the cluster."""
    endpoint: AzureEndpointArgs
    """The load balancer in front of the API servers."""
    private_store: bool
    """Make the store reachable only from the virtual network; the deployer must be connected to it."""
    image: AzureImageArgs
    """The image of amd64 machines: either `id`, or `publisher`, `offer` and `sku`."""
    image_arm64: AzureImageArgs
    """The image of arm64 machines (Ampere, Cobalt), such as the `sku` `13-arm64` of Debian."""
    disk_key: str
    """ID of a disk encryption set for all disks, set before the first `up`; empty: platform-managed keys."""
    snapshot_copies: AzureSnapshotCopyArgs
    """Copies of etcd's snapshots in another location; default: none."""
    endpoints: AzureEndpointsArgs
    """Private endpoints of Azure services."""
    quotas: AzureQuotaArgs
    """Quotas of the subscription, checked before machines are created."""
    pod_identities: AzurePodIdentitiesArgs
    """Managed identities of pods; default: pods have no identity on Azure."""


class KubernetesClusterArgs(TypedDict, total=False):
    """All settings of a cluster. Some required keys (`name`, `control_planes.hosts`, …) have empty
    defaults, so that a missing key does not hide other mistakes. The rules in `settings.rules` report
    such missing keys.
    """

    name: str
    """Required. Name of the cluster, a DNS label; part of the names of certificates and cloud resources."""
    environment: str
    """Kind of environment; selects the machine sizes that warnings compare with, and the strictness of
    policies.
    """
    kubernetes: VersionArgs
    """Versions of components."""
    endpoint: EndpointArgs
    """The API endpoint; required in a cloud, with load balancers, and with several control planes."""
    network: NetworkArgs
    """The network plan."""
    control_planes: ControlPlaneArgs
    """The control planes; `hosts` is required."""
    etcd: EtcdArgs
    """The etcd members; default: the control planes."""
    load_balancers: LoadBalancerArgs
    """Load balancers of the API, on bare metal."""
    pools: Mapping[str, PoolArgs]
    """Pools of workers by name."""
    capacity: CapacityArgs
    """Capacity that applications need of the pools; default: not checked."""
    kubelet: KubeletArgs
    """Settings of all kubelets."""
    api: ApiArgs
    """Settings of the API server."""
    controller_manager: ControllerManagerArgs
    """Settings of the controller manager."""
    scheduler: SchedulerArgs
    """Settings of the scheduler."""
    proxy: ProxyArgs
    """Settings of kube-proxy; `network.proxy_mode` has its mode."""
    leader_election: LeaderElectionArgs
    """Leases of the controller manager and the scheduler."""
    certificates: CertificateArgs
    """Rotation of certificates and keys."""
    artifacts: ArtifactArgs
    """The source of binaries; `mirror` or, in a cloud, `store` is required."""
    registries: Mapping[str, RegistryArgs]
    """Mirrors of image registries, by the registry's host name or `_default` for all others. A mirror
    replaces the registry: nodes never connect to the registry.
    """
    drain_timeout: str
    """Maximum time for the drain of a node before the node changes; pods that stay longer stop the change."""
    pull_secrets: Mapping[str, PullSecretArgs]
    """Credentials of image registries for the pods of chosen namespaces, by the name of the Secret. Those
    of `registries` are for all pods.
    """
    sandbox_image: str
    """Image of the pause container, which every pod has."""
    dns: DnsArgs
    """The DNS of the cluster."""
    addons: AddonArgs
    """Add-ons that are off by default."""
    storage: StorageArgs
    """Storage for the volumes of pods."""
    helm_releases: Mapping[str, HelmReleaseArgs]
    """Helm releases by name."""
    access: AccessArgs
    """Namespaces, roles and bindings."""
    metal: MetalArgs
    """A cluster on existing hosts. A cluster has either `metal` or a cloud's section."""
    aws: AwsArgs
    """A cluster on AWS."""
    azure: AzureArgs
    """A cluster on Azure."""
    directory: str
    """Directory in which relative file names start; default: the directory of the Pulumi program."""
