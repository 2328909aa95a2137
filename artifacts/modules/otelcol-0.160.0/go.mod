module kubewright.dev/artifacts/otelcol

go 1.26.0

require (
	github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter v0.160.0
	github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension v0.160.0
	github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage v0.160.0
	github.com/open-telemetry/opentelemetry-collector-contrib/internal/k8sconfig v0.160.0
	github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor v0.160.0
	github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver v0.160.0
	github.com/open-telemetry/opentelemetry-collector-contrib/receiver/journaldreceiver v0.160.0
	github.com/open-telemetry/opentelemetry-collector-contrib/receiver/k8sobjectsreceiver v0.156.0
	go.opentelemetry.io/collector/exporter/otlphttpexporter v0.160.0
	go.opentelemetry.io/collector/otelcol v0.160.0
	go.opentelemetry.io/collector/processor/memorylimiterprocessor v0.160.0
)

// The module proxy refuses these modules where this project was built. Upstream's image has upstream's.
replace (
	github.com/open-telemetry/opentelemetry-collector-contrib/extension/k8sleaderelector => ./k8sleaderelector
	github.com/open-telemetry/opentelemetry-collector-contrib/internal/k8sinventory => ./k8sinventory
)
