module kubewright.dev/artifacts/local-path-provisioner-0.0.30

go 1.26.0

require github.com/rancher/local-path-provisioner v0.0.30
