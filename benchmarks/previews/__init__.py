"""Benchmarks of previews: bare-metal stacks by number of hosts, cloud stacks by number of workers."""
