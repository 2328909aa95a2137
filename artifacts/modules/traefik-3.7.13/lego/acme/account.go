// Package acme has the types of accounts in Traefik's storage of certificates.
package acme

// Account is an account at an ACME server.
type Account struct{}

// ExtendedAccount is an account with its URL.
type ExtendedAccount struct {
	Account

	Location string
}
