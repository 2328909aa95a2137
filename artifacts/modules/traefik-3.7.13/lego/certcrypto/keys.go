// Package certcrypto names the types of keys of a certificate resolver.
package certcrypto

// KeyType is the type of a key.
type KeyType string

// The types of keys that Traefik's option keyType accepts.
const (
	EC256   KeyType = "EC256"
	EC384   KeyType = "EC384"
	RSA2048 KeyType = "RSA2048"
	RSA4096 KeyType = "RSA4096"
	RSA8192 KeyType = "RSA8192"
)
