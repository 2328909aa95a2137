"""Programs and images of upstream's end-to-end tests, which only `kubewright conformance` uses."""
