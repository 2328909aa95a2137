module kubewright.dev/artifacts/coredns-1.14.7

go 1.26.0

require (
	github.com/coredns/coredns v1.14.7
)
