module kubewright.dev/artifacts/prometheus-3.13.5

go 1.26.0

require github.com/prometheus/prometheus v0.313.5
