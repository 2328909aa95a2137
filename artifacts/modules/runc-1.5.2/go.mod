module kubewright.dev/artifacts/runc-1.5.2

go 1.26

require (
	github.com/opencontainers/runc v1.5.2
)
