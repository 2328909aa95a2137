module kubewright.dev/artifacts/flannel-0.28.4

go 1.26

require (
	github.com/flannel-io/flannel v0.28.4
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common v1.3.103
)
