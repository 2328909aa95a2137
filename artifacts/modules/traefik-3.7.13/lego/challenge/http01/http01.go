// Package http01 has the path and the options of challenges by HTTP.
package http01

import (
	"time"

	"github.com/go-acme/lego/v5/challenge"
)

// PathPrefix is the beginning of the path of a challenge (RFC 8555, section 8.3).
const PathPrefix = "/.well-known/acme-challenge/"

// SetDelay returns an empty option.
func SetDelay(time.Duration) challenge.Option { return challenge.Option{} }
