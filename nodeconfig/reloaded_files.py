"""The check that an API server uses the content of a configuration file that it reloads."""

from __future__ import annotations

from typing import Literal

from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN

KUBECTL = f"{BIN}/kubectl --kubeconfig={ADMIN_KUBECONFIG} --request-timeout=5s"
"""kubectl on a control plane, with the certificate of the administrator."""


def has_loaded(kind: Literal["authentication", "authorization", "encryption"], path: str) -> str:
    """Return the sh condition that the API server of this host uses the content of a file.

    The API server reports the digest of each loaded file as a metric (for the encryption since Kubernetes
    1.34, kubernetes/kubernetes#132299). After a mistake in the file, it keeps its previous configuration, and
    its next start fails. `up` must find the mistake while the API server still runs.
    """
    metric = f"apiserver_{kind}_config_controller_last_config_info"
    return (
        f"digest=$(sha256sum <{path}) && case $({KUBECTL} get --raw /metrics) in "
        f'*{metric}{{*"${{digest%% *}}"*) ;; '
        f"*) echo 'kube-apiserver has not loaded {path}' >&2; false ;; esac"
    )
