"""Measuring how long a cluster takes, part by part."""
