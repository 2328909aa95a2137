"""The package that other Pulumi programs import: `KubernetesCluster` and its arguments."""
