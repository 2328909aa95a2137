module github.com/open-telemetry/opentelemetry-collector-contrib/internal/k8sinventory

go 1.26.0

require (
	go.opentelemetry.io/collector/extension/xextension v0.160.0
	go.uber.org/zap v1.28.0
	k8s.io/apimachinery v0.35.4
	k8s.io/client-go v0.35.4
)
