// Package tlsalpn01 has the protocol and the options of challenges by TLS.
package tlsalpn01

import (
	"errors"
	"time"

	"github.com/go-acme/lego/v5/challenge"
)

// ACMETLS1Protocol is the ALPN protocol of a challenge (RFC 8737, section 6.2). Traefik compares the protocols of
// all TLS clients with this protocol.
const ACMETLS1Protocol = "acme-tls/1"

// ChallengeBlocks returns an error.
func ChallengeBlocks(string, string) ([]byte, []byte, error) {
	return nil, nil, errors.New("this build of Traefik has no ACME client")
}

// SetDelay returns an empty option.
func SetDelay(time.Duration) challenge.Option { return challenge.Option{} }
