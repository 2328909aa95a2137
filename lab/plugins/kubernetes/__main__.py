"""Entry point of the stand-in plugin `kubernetes`: `python -m lab.plugins.kubernetes ENGINE_ADDRESS`."""

from lab.plugins.kubernetes.provider import KubernetesProvider
from lab.plugins.runtime.server import serve

if __name__ == "__main__":
    serve(KubernetesProvider)
