// Package auth replaces the HTTP authentication of Traefik. It denies every request. Only Traefik's own custom
// resources and files can configure this authentication; Ingresses and routes of the Gateway API cannot.
package auth

import "net/http"

// SecretProvider returns the secret of a user.
type SecretProvider func(user, realm string) string

// CheckSecret reports that a password is wrong.
func CheckSecret(_, _ string) bool { return false }

// BasicAuth denies every request.
type BasicAuth struct {
	Realm   string
	Secrets SecretProvider
}

// RequireAuth answers that the request is not authorized.
func (*BasicAuth) RequireAuth(writer http.ResponseWriter, _ *http.Request) { deny(writer) }

// DigestAuth denies every request.
type DigestAuth struct{}

// NewDigestAuthenticator returns an authenticator that denies every request.
func NewDigestAuthenticator(string, SecretProvider) *DigestAuth { return &DigestAuth{} }

// CheckAuth reports that a request has no user.
func (*DigestAuth) CheckAuth(*http.Request) (string, *string) { return "", nil }

// RequireAuth answers that the request is not authorized.
func (*DigestAuth) RequireAuth(writer http.ResponseWriter, _ *http.Request) { deny(writer) }

// RequireAuthStale answers that the request is not authorized.
func (*DigestAuth) RequireAuthStale(writer http.ResponseWriter, _ *http.Request) { deny(writer) }

// DigestAuthParams returns no parameters.
func DigestAuthParams(string) map[string]string { return nil }

func deny(writer http.ResponseWriter) {
	http.Error(writer, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
}
