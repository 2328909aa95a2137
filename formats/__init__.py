"""Text formats that several packages use: YAML documents, Kubernetes quantities, lists of names."""
