module kubewright.dev/artifacts/ecr-credential-provider-1.36.1

go 1.26.0

require k8s.io/cloud-provider-aws v1.36.1
