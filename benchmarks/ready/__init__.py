"""The same highly available cluster made by Kubewright and by kubeadm, in turns, on the same hosts."""
