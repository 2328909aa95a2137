"""Two clusters on existing hosts. Each cluster has one control plane and one worker."""

import pulumi
from kubewright import KubernetesCluster

config = pulumi.Config()
for name, hosts in config.require_object("hosts").items():
    cluster = KubernetesCluster(
        name,
        {
            "name": name,
            "environment": config.require("environment"),
            "network": {
                "machines": [config.require("machines")],
                "api_allowed": config.require_object("api_allowed"),
            },
            "control_planes": {"hosts": ["cp-1"]},
            "pools": {"workers": {"hosts": ["w-1"]}},
            "artifacts": config.require_object("artifacts"),
            "registries": config.get_object("registries") or {},
            "metal": {"ssh": config.require_object("ssh"), "hosts": hosts},
        },
    )
    pulumi.export(f"{name}-endpoint", cluster.endpoint_url)
    pulumi.export(f"{name}-kubeconfig", cluster.kubeconfig)
