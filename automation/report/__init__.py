"""Reports: what a change of a stack does, on which hosts, and how risky it is, for people who review it."""
