// Package dns01 has the options of challenges by DNS, and the function for names that Traefik uses for all
// certificates.
package dns01

import (
	"strings"
	"time"

	"github.com/go-acme/lego/v5/challenge"
)

// Options are the options of a DNS client.
type Options struct{ RecursiveNameservers []string }

// Client has the type of a DNS client.
type Client struct{}

// NewClient returns a client that does nothing.
func NewClient(*Options) *Client { return &Client{} }

// SetDefaultClient does nothing.
func SetDefaultClient(*Client) {}

// CondOptions returns an empty option.
func CondOptions(bool, ...challenge.Option) challenge.Option { return challenge.Option{} }

// DisableAuthoritativeNssPropagationRequirement returns an empty option.
func DisableAuthoritativeNssPropagationRequirement() challenge.Option { return challenge.Option{} }

// DisableRecursiveNSsPropagationRequirement returns an empty option.
func DisableRecursiveNSsPropagationRequirement() challenge.Option { return challenge.Option{} }

// PropagationWait returns an empty option.
func PropagationWait(time.Duration, bool) challenge.Option { return challenge.Option{} }

// UnFqdn returns a DNS name without the dot at its end.
func UnFqdn(name string) string { return strings.TrimSuffix(name, ".") }
