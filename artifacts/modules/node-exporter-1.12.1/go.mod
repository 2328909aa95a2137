module kubewright.dev/artifacts/node-exporter-1.12.1

go 1.25.0

require github.com/prometheus/node_exporter v1.12.1
