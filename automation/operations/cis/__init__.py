"""The command `cis` [P1]: compares a cluster with the CIS Kubernetes Benchmark.

The files *.yaml are the table of checks: an id of the benchmark, what is looked at, and how it is judged.
"""
