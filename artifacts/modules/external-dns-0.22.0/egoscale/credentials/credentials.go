// Package credentials replaces the credentials of the DNS provider exoscale.
package credentials

// Credentials has the type of credentials.
type Credentials struct{}

// NewStaticCredentials returns empty credentials.
func NewStaticCredentials(_, _ string) *Credentials { return &Credentials{} }
