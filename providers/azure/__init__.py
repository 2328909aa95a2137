"""Azure: machines, network, endpoint, store and identities, created by pulumi-azure-native [L]."""
