module kubewright.dev/artifacts/kube-router-2.6.3-k3s1

go 1.26

require github.com/cloudnativelabs/kube-router/v2 v2.6.3-k3s1

replace github.com/cloudnativelabs/kube-router/v2 => github.com/k3s-io/kube-router/v2 v2.6.3-k3s1
