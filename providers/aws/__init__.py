"""AWS: machines, network, endpoint, store and identities, created by pulumi-aws [K]."""
