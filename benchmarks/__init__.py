"""Benchmarks of clusters and previews."""
