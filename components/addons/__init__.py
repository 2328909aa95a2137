"""What runs inside the cluster, made with pulumi-kubernetes."""
