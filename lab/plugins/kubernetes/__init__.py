"""Stand-in for the official plugin `kubernetes` 4.34.2: Kubernetes objects and Helm releases."""
