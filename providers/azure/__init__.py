"""Azure: a cluster's machines, network, balancer and store, by pulumi-azure-native [L]."""
