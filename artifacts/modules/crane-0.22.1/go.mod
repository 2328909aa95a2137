module kubewright.dev/artifacts/crane-0.22.1

go 1.26

require github.com/google/go-containerregistry v0.22.1
