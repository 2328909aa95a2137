module github.com/open-telemetry/opentelemetry-collector-contrib/extension/k8sleaderelector

go 1.26.0
