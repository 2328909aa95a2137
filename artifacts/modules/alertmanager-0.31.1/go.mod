module kubewright.dev/artifacts/alertmanager-0.31.1

go 1.25.0

require github.com/prometheus/alertmanager v0.31.1
