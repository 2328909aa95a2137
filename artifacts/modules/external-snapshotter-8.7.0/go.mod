module kubewright.dev/artifacts/external-snapshotter-8.7.0

go 1.26.0

require github.com/kubernetes-csi/external-snapshotter/v8 v8.7.0
