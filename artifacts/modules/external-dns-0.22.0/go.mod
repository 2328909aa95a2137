module kubewright.dev/artifacts/external-dns-0.22.0

go 1.26.6

require sigs.k8s.io/external-dns v0.22.0

// The module proxy refuses civogo, egoscale and the types of OpenShift where this project was built. The add-on uses
// none of them: the DNS providers civo and exoscale, and Route objects of OpenShift.
replace (
	github.com/civo/civogo => ./civogo
	github.com/exoscale/egoscale/v3 => ./egoscale
	github.com/openshift/api => ./openshift/api
	github.com/openshift/client-go => ./openshift/client-go
)
