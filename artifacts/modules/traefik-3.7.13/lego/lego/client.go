// Package lego replaces the ACME client of Traefik. Traefik starts without certificate resolvers; a certificate
// resolver gets the error ErrNoACME. Certificates come from the cluster: Secrets, and the default certificate.
package lego

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/registration"
)

// DirectoryURLLetsEncrypt is the default of Traefik's option caServer.
const DirectoryURLLetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// ErrNoACME is the result of every request to an ACME server.
var ErrNoACME = errors.New("this build of Traefik has no ACME client")

// User is the account of a certificate resolver.
type User interface {
	GetEmail() string
	GetRegistration() *acme.ExtendedAccount
	GetPrivateKey() crypto.Signer
}

// CertificateConfig limits the duration of a request.
type CertificateConfig struct{ Timeout time.Duration }

// Config configures a client.
type Config struct {
	CADirURL    string
	UserAgent   string
	HTTPClient  *http.Client
	Certificate CertificateConfig
}

// Client has the type of an ACME client. There are no clients.
type Client struct {
	Challenge    challengeManager
	Registration registrar
	Certificate  certifier
}

// NewConfig returns an empty configuration.
func NewConfig(User) *Config { return &Config{} }

// NewClient returns the error ErrNoACME.
func NewClient(*Config) (*Client, error) { return nil, ErrNoACME }

// CreateCertPool returns the error ErrNoACME.
func CreateCertPool([]string, bool) (*x509.CertPool, error) { return nil, ErrNoACME }

type challengeManager struct{}

func (challengeManager) SetDNS01Provider(challenge.Provider, ...challenge.Option) error {
	return ErrNoACME
}

func (challengeManager) SetHTTP01Provider(challenge.Provider, ...challenge.Option) error {
	return ErrNoACME
}

func (challengeManager) SetTLSALPN01Provider(challenge.Provider, ...challenge.Option) error {
	return ErrNoACME
}

type registrar struct{}

func (registrar) Register(context.Context, registration.RegisterOptions) (*acme.ExtendedAccount, error) {
	return nil, ErrNoACME
}

func (registrar) RegisterWithExternalAccountBinding(
	context.Context, registration.RegisterEABOptions,
) (*acme.ExtendedAccount, error) {
	return nil, ErrNoACME
}

type certifier struct{}

func (certifier) Obtain(context.Context, certificate.ObtainRequest) (*certificate.Resource, error) {
	return nil, ErrNoACME
}

func (certifier) Renew(
	context.Context, certificate.Resource, *certificate.RenewOptions,
) (*certificate.Resource, error) {
	return nil, ErrNoACME
}
