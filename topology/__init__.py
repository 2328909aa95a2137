"""The data model of a cluster: members, pools, ranges, ports and certificates."""
