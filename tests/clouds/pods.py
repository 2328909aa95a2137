"""Pods that call the emulated AWS with their own identity, by the curl of the machine on which they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab.cloud.aws.clients import client
from lab.cloud.aws.deployer import environment_variables
from lab.paths import LabPaths
from tests.clouds.stack import CloudStack

NAMESPACE = "web"
_PAUSE = "registry.k8s.io/pause:3.10.1"
_PROGRAMS = ("bin", "lib", "lib64", "usr")
"""Directories of the machine with the programs of the script. The image of the pods has none."""
_READ = r"""
set -eu
url=$1 key=$2
call() { curl -sS --cacert /lab/ca.crt "$@"; }
answer=$(call -d Action=AssumeRoleWithWebIdentity -d Version=2011-06-15 -d RoleSessionName=pod \
    --data-urlencode "RoleArn=${3:-$AWS_ROLE_ARN}" \
    --data-urlencode "WebIdentityToken@$AWS_WEB_IDENTITY_TOKEN_FILE" "$url/")
field() { printf '%s' "$answer" | sed -n "s/.*<$1>\([^<]*\)<.*/\1/p"; }
case $answer in *"<AccessKeyId>"*) ;; *) printf '%s\n' "$answer"; exit ;; esac
empty=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
    "$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field SessionToken)" |
    call -K - --aws-sigv4 "aws:amz:$AWS_REGION:s3" -H "x-amz-content-sha256: $empty" "$url/$key"
"""


@dataclass(frozen=True)
class Pods:
    """The pods `reader`, `writer` and `other`, each with the service account of its name.

    `bucket` has the objects `reader/a` and `writer/a`, whose content is their key.
    """

    stack: CloudStack
    url: str
    bucket: str

    def read(self, pod: str, key: str, role: str = "") -> str:
        """Return an object that a pod reads by its role, or by another role (ARN), or AWS's error."""
        words = ("sh", "-c", _READ, "sh", self.url, f"{self.bucket}/{key}", role)
        return self.execute(pod, *words)

    def execute(self, pod: str, *words: str) -> str:
        """Return the output of a command in a pod."""
        return self.stack.kubectl("exec", f"--namespace={NAMESPACE}", pod, "--", *words).stdout.strip()


@contextmanager
def running_pods(stack: CloudStack, url: str) -> Iterator[Pods]:
    """Yield pods and objects; delete all of them at the end. `url` is the address of the emulated AWS."""
    s3 = client("s3", environment_variables(stack.name))
    pods = Pods(stack, url, f"{stack.name}-data")
    keys = ("reader/a", "writer/a")
    location = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket=pods.bucket, CreateBucketConfiguration=location)
    try:
        for key in keys:
            s3.put_object(Bucket=pods.bucket, Key=key, Body=key.encode())
        names = ("reader", "writer", "other")
        stack.apply(*pod_objects(LabPaths.of(stack.name).ca.read_text(), names))
        ready = ("wait", "pod", "--all", "--for=condition=Ready", f"--namespace={NAMESPACE}", "--timeout=90s")
        stack.kubectl(*ready, timeout=100)
        yield pods
    finally:
        stack.kubectl("delete", "namespace", NAMESPACE, check=False, timeout=120)
        for key in keys:
            s3.delete_object(Bucket=pods.bucket, Key=key)
        s3.delete_bucket(Bucket=pods.bucket)


def pod_objects(ca: str, names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield a pod with the service account of its name for each name, in the namespace `web`.

    The pods have the programs of their machine, and the certificate `ca` of the lab in `/lab/ca.crt`.
    """
    # Directories of the machine need the level `privileged`.
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    metadata = {"name": "lab", "namespace": NAMESPACE}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": ca}}
    for name in names:
        metadata = {"name": name, "namespace": NAMESPACE}
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _pod(name)}


def _pod(service_account: str) -> Mapping[str, Any]:
    volumes: list[Mapping[str, Any]] = [
        {"name": name, "hostPath": {"path": f"/{name}", "type": "Directory"}} for name in _PROGRAMS
    ]
    mounts = [{"name": name, "mountPath": f"/{name}", "readOnly": True} for name in _PROGRAMS]
    mounts.append({"name": "lab", "mountPath": "/lab", "readOnly": True})
    volumes.append({"name": "lab", "configMap": {"name": "lab"}})
    return {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": _PAUSE, "volumeMounts": mounts}],
        "volumes": volumes,
    }
