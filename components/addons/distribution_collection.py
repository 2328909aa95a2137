"""Garbage collection of the registry, which is read-only meanwhile [H4].

Upstream allows garbage collection only while no client pushes: it would delete the layers of an image whose
manifest has not arrived. A pod therefore replaces the pods of the registry with read-only ones, waits until
the others ended, collects, and brings the others back, also after a collection that failed.

https://distribution.github.io/distribution/about/garbage-collection/
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi_kubernetes.batch.v1 as batch
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import Role

from artifacts.catalogue import KUBECTL_IMAGE
from components.addons.distribution_config import SETTINGS, WRITER_FILE
from components.addons.distribution_pods import (
    READER,
    REGISTRY,
    environment,
    mode_labels,
    near_the_volume,
    pod_context,
    registry_image,
    resources,
    storage_mounts,
    volumes,
)
from components.addons.workload import restricted_context
from components.rbac import READ, Rule, bind_in_namespace, policy_rules, service_account_subject
from topology.distribution import NAMESPACE, SERVICE, Collection, Distribution
from topology.images import pinned_image
from topology.model import Topology

NAME = f"{SERVICE}-garbage-collection"
RULES = (
    Rule("apps", ("deployments",), READ, (SERVICE, READER)),
    Rule("apps", ("deployments/scale",), ("get", "patch", "update"), (SERVICE, READER)),
    Rule("", ("pods",), READ),
)
"""The permissions of the pod, in the namespace of the registry."""
_LABELS = {"app.kubernetes.io/name": NAME}
_WORK = "/run/collection"
_TIMEOUT = "5m"
_RETRIES = 2


def create_collection(
    name: str, topology: Topology, data: Distribution, collection: Collection, opts: ResourceOptions
) -> None:
    """Create the CronJob and its permissions. `name` is the beginning of the names of Pulumi resources."""
    metadata = ObjectMetaArgs(name=NAME, namespace=NAMESPACE)
    subject = [service_account_subject(NAMESPACE, NAME)]
    before: list[Resource] = [
        core.ServiceAccount(f"{name}-account", metadata=metadata, opts=opts),
        Role(f"{name}-role", metadata=metadata, rules=policy_rules(RULES), opts=opts),
        bind_in_namespace(f"{name}-binding", NAME, NAMESPACE, ("Role", NAME), subject, opts),
        networking.NetworkPolicy(
            f"{name}-policy",
            metadata=metadata,
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=_LABELS), policy_types=["Ingress"], ingress=[]
            ),
            opts=opts,
        ),
    ]
    batch.CronJob(
        name,
        metadata=metadata,
        spec=batch.CronJobSpecArgs(
            schedule=collection.schedule,
            time_zone="Etc/UTC",
            concurrency_policy="Forbid",
            starting_deadline_seconds=3600,
            successful_jobs_history_limit=1,
            failed_jobs_history_limit=3,
            job_template=batch.JobTemplateSpecArgs(spec=_job_spec(topology, data, collection)),
        ),
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=before)),
    )


def _job_spec(topology: Topology, data: Distribution, collection: Collection) -> batch.JobSpecArgs:
    *steps, last = _containers(topology, data, collection)
    work = core.EmptyDirVolumeSourceArgs(size_limit="100Mi")
    return batch.JobSpecArgs(
        # All steps can be repeated.
        backoff_limit=_RETRIES,
        template=core.PodTemplateSpecArgs(
            metadata=ObjectMetaArgs(labels=_LABELS),
            spec=core.PodSpecArgs(
                restart_policy="Never",
                service_account_name=NAME,
                affinity=near_the_volume(data, required=True),
                security_context=pod_context(),
                init_containers=steps,
                containers=[last],
                volumes=[*volumes(data), core.VolumeArgs(name="work", empty_dir=work)],
            ),
        ),
    )


def _containers(
    topology: Topology, data: Distribution, collection: Collection
) -> Sequence[core.ContainerArgs]:
    """Return the steps. A failed collection has no file `done`, so that the last step fails."""
    option = " --delete-untagged" if collection.delete_untagged else ""
    done = f"{_WORK}/done"
    collect = f"if {REGISTRY} garbage-collect{option} {SETTINGS}/{WRITER_FILE}; then : >{done}; fi"
    return (
        *(_kubectl(topology, step, words) for step, words in commands_before(data)),
        core.ContainerArgs(
            name="collect",
            image=registry_image(topology),
            command=["/bin/sh", "-c", collect],
            env=environment(data),
            resources=resources(data),
            security_context=restricted_context(),
            volume_mounts=[*storage_mounts(data, read_only=False), _work_mount()],
        ),
        *(_kubectl(topology, step, words) for step, words in commands_after(data)),
        core.ContainerArgs(
            name="result",
            image=registry_image(topology),
            command=["/bin/sh", "-c", f"test -e {done}"],
            resources=_small_resources(),
            security_context=restricted_context(),
            volume_mounts=[_work_mount()],
        ),
    )


def commands_before(data: Distribution) -> tuple[tuple[str, list[str]], ...]:
    """Return the arguments of kubectl before a collection, by the names of the steps."""
    pods = ",".join(f"{key}={value}" for key, value in sorted(mode_labels(SERVICE).items()))
    return (
        ("start-readers", _scale(READER, data.replicas)),
        ("await-readers", _await(READER)),
        ("stop-writers", _scale(SERVICE, 0)),
        ("await-stop", ["wait", "--for=delete", "pod", f"--selector={pods}", f"--timeout={_TIMEOUT}"]),
    )


def commands_after(data: Distribution) -> tuple[tuple[str, list[str]], ...]:
    """Return the arguments of kubectl after a collection, by the names of the steps."""
    start = ("start-writers", _scale(SERVICE, data.replicas))
    stop = ("stop-readers", _scale(READER, 0))
    if data.has_one_writer:
        # On another node, the new pod would wait for the volume until the read-only pod ended.
        return (start, stop)
    return (start, ("await-writers", _await(SERVICE)), stop)


def _scale(workload: str, replicas: int) -> list[str]:
    return ["scale", f"deployment/{workload}", f"--replicas={replicas}"]


def _await(workload: str) -> list[str]:
    return ["rollout", "status", f"deployment/{workload}", f"--timeout={_TIMEOUT}"]


def _kubectl(topology: Topology, step: str, words: Sequence[str]) -> core.ContainerArgs:
    return core.ContainerArgs(
        name=step,
        image=pinned_image(topology, KUBECTL_IMAGE),
        args=[*words, f"--namespace={NAMESPACE}", f"--cache-dir={_WORK}/kubectl"],
        resources=_small_resources(),
        security_context=restricted_context(),
        volume_mounts=[_work_mount()],
    )


def _small_resources() -> core.ResourceRequirementsArgs:
    return core.ResourceRequirementsArgs(
        requests={"cpu": "10m", "memory": "32Mi"}, limits={"memory": "128Mi"}
    )


def _work_mount() -> core.VolumeMountArgs:
    return core.VolumeMountArgs(name="work", mount_path=_WORK)
