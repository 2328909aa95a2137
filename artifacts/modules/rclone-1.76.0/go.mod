module kubewright.dev/artifacts/rclone-1.76.0

go 1.26.0

require github.com/rclone/rclone v1.76.0
