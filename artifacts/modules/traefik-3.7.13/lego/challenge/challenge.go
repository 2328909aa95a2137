// Package challenge has the interface of Traefik's answers to challenges of an ACME server.
package challenge

import "context"

// Provider answers a challenge.
type Provider interface {
	Present(ctx context.Context, domain, token, keyAuth string) error
	CleanUp(ctx context.Context, domain, token, keyAuth string) error
}

// Option is an option of a challenge.
type Option struct{}
