module kubewright.dev/artifacts/metallb-0.16.2

go 1.26.0

require go.universe.tf/metallb v0.16.2

replace github.com/metallb/frr-k8s => ./frr-k8s
