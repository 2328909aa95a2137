"""Parsers for text formats that several packages read: YAML documents and Kubernetes quantities."""
