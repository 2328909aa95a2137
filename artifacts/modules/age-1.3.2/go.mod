module kubewright.dev/artifacts/age-1.3.2

go 1.26.0

require filippo.io/age v1.3.2
