// Package registration has the options of the registration at an ACME server.
package registration

// RegisterOptions are the options of a registration.
type RegisterOptions struct{ TermsOfServiceAgreed bool }

// RegisterEABOptions are the options of a registration with the key of an external account.
type RegisterEABOptions struct {
	TermsOfServiceAgreed bool
	Kid                  string
	HmacEncoded          string
}
