// Go lets only packages below the path of cert-manager import its internal packages. The module proxy has no modules
// of upstream's programs (cmd/controller, cmd/webhook), so the programs here start the libraries of upstream.
module github.com/cert-manager/cert-manager/kubewright

go 1.26.0

require github.com/cert-manager/cert-manager v1.21.2
