"""Services of a cloud on the lab's gateway: metadata, identities, stores, volumes.

The link-local address of real clouds is never used. All services identify the lab's hosts by source
address, and refuse requests that the real cloud would refuse, as far as this protects a cluster.
"""
