"""Component of kube-scheduler [D1], with leader election by lease."""

from __future__ import annotations

from nodeconfig.bundle import Service
from nodeconfig.component import Component, combine_components
from nodeconfig.extra_flags import with_extra_flags
from nodeconfig.host_paths import BIN, CA, KUBERNETES, LOCAL_API
from nodeconfig.kubeconfig import kubeconfig_with_certificate
from nodeconfig.leader_election import flags as leader_flags
from nodeconfig.leader_election import local_health
from nodeconfig.service_user import ServiceUser
from nodeconfig.systemd import Unit, sandbox
from topology.model import Topology
from topology.ports import SCHEDULER_PORT

_KUBECONFIG = f"{KUBERNETES}/scheduler.conf"
_USER = ServiceUser("kube-scheduler")


def component(topology: Topology) -> Component:
    """Return the kube-scheduler component of a control plane."""
    config, leaf = kubeconfig_with_certificate(_KUBECONFIG, LOCAL_API, "scheduler", _USER)
    unit = with_extra_flags(_service_unit(topology), "scheduler.extra_args", topology.extra_flags.scheduler)
    watched = (f"{BIN}/kube-scheduler", config.path, CA)
    ready = local_health(SCHEDULER_PORT)
    service = Component(
        files=(config, unit.file()),
        secrets=leaf,
        artifacts=(("kube-scheduler", f"{BIN}/kube-scheduler"),),
        services=(Service(unit.name, restart_on=watched, ready=ready),),
    )
    return combine_components((_USER.component((config, leaf[1])), service))


def _service_unit(topology: Topology) -> Unit:
    flags = leader_flags("scheduler", _KUBECONFIG, _USER, topology.control_plane.leader_election)
    return Unit(
        name="kube-scheduler.service",
        description="Kubernetes scheduler",
        command=(f"{BIN}/kube-scheduler", *(f"--{name}={value}" for name, value in flags.items())),
        after=("network.target", "kube-apiserver.service", _USER.secrets_unit),
        service=(f"User={_USER.name}", *sandbox()),
    )
