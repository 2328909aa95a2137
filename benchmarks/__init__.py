"""Benchmarks of clusters, previews and imports."""
