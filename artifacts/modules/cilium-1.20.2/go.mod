module kubewright.dev/artifacts/cilium-1.20.2

go 1.26.0

require github.com/cilium/cilium v1.20.2

// The module proxy refuses these modules where this project was built: the BGP server of the BGP control plane, which
// is off by default, and a module of which Cilium uses one constant.
replace (
	github.com/osrg/gobgp/v4 => ./gobgp
	sigs.k8s.io/mcs-api/controllers => ./mcs-api-controllers
)
