module kubewright.dev/artifacts/cfssl-1.6.5

go 1.25.0

require github.com/cloudflare/cfssl v1.6.5
