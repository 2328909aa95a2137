"""Emulated cloud services on the gateway of the lab: metadata, identities, stores, volumes.

The services never use the link-local address of real clouds. All services identify the hosts of the lab by
source address. They refuse requests that the real cloud would refuse, as far as these checks protect a
cluster.
"""
