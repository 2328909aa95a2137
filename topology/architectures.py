"""Processor architectures of machines, in the words of Go, Kubernetes and container images."""

from __future__ import annotations

AMD64 = "amd64"
ARM64 = "arm64"
ARCHITECTURE_LABEL = "kubernetes.io/arch"
"""The label with the architecture, which each kubelet sets on its Node."""
