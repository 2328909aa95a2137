module kubewright.dev/artifacts/coredns-1.15.0

go 1.26.0

require github.com/coredns/coredns v1.15.0
