// Package ext replaces the extensions of Traefik's configuration, which are empty. Traefik takes this package from a
// directory of its repository that its Go module does not contain.
package ext

// HTTP extends the configuration of HTTP.
type HTTP struct{}

// Router extends the configuration of a router.
type Router struct{}
