module kubewright.dev/artifacts/distribution-3.1.2

go 1.26.6

require github.com/distribution/distribution/v3 v3.1.2
