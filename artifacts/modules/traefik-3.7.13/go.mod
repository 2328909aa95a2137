module kubewright.dev/artifacts/traefik-3.7.13

go 1.26.4

require github.com/traefik/traefik/v3 v3.7.13

// As in the go.mod of Traefik, because Go ignores the replacements of other modules.
replace (
	github.com/gorilla/mux => github.com/containous/mux v0.0.0-20250523120546-41b6ec3aed59
	github.com/traefik/traefik/dynamic/ext => ./ext
)

// The module proxy refuses these modules where this project was built. The add-on uses neither: the ACME client of
// certificate resolvers, and the HTTP authentication of Traefik's custom resources.
replace (
	github.com/abbot/go-http-auth => ./auth
	github.com/go-acme/lego/v5 => ./lego
)
