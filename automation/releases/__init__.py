"""Helm releases in a running cluster: their records, why they are not ready, and how their objects differ."""
