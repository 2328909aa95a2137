module kubewright.dev/artifacts/conformance-shell-1.0.0

go 1.26.0
