"""Add-ons inside the cluster, created by pulumi-kubernetes."""
