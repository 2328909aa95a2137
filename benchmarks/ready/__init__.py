"""Benchmark of one highly available cluster, created by Kubewright and by kubeadm on the same hosts."""
