"""One cluster as plain data: members, pools, ranges, ports, certificates."""
