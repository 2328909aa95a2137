"""What a cloud gives to its machines, on the lab's gateway: metadata, identities, stores, volumes.

Never on the link-local address of the real thing. Everything answers the lab's hosts by their source
address, and refuses what the real one would refuse, as far as that protects a cluster.
"""
