package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	certificates "k8s.io/api/certificates/v1"
)

const (
	nodeUser  = "system:node:"
	nodeGroup = "system:nodes"
)

// policy says which serving certificates kubelets may have.
type policy struct {
	names    *regexp.Regexp
	prefixes []netip.Prefix
	// domains, each with its first dot, hold names that a cloud gives to machines. Nothing reaches a
	// kubelet by such a name, so that it does not matter whose it is.
	domains       []string
	maxExpiration time.Duration
	// resolve looks a DNS name up; nil leaves the look-up out.
	resolve func(host string) ([]netip.Addr, error)
}

// owners are the nodes that have an address, by their own word to the API server.
type owners map[netip.Addr][]string

// concerns tells whether a request is a kubelet's, for its serving certificate, and still open.
func concerns(csr *certificates.CertificateSigningRequest) bool {
	return csr.Spec.SignerName == certificates.KubeletServingSignerName &&
		strings.HasPrefix(csr.Spec.Username, nodeUser) &&
		slices.Contains(csr.Spec.Groups, nodeGroup) &&
		len(csr.Status.Certificate) == 0 &&
		!slices.ContainsFunc(csr.Status.Conditions, func(c certificates.CertificateSigningRequestCondition) bool {
			return c.Type == certificates.CertificateApproved || c.Type == certificates.CertificateDenied
		})
}

// check gives nil when the request may be approved, else the reason why not.
//
// The API server authenticated spec.username; the rest of the request is the node's word, and must
// ask for nothing but the node itself: its own name, addresses of the machines' networks that no
// other node has.
func (p policy) check(csr *certificates.CertificateSigningRequest, taken owners) error {
	request, err := parse(csr.Spec.Request)
	if err != nil {
		return err
	}
	if err := p.checkSubject(csr.Spec.Username, request); err != nil {
		return err
	}
	if err := checkUsages(csr.Spec.Usages); err != nil {
		return err
	}
	if seconds := csr.Spec.ExpirationSeconds; seconds != nil && time.Duration(*seconds)*time.Second > p.maxExpiration {
		return fmt.Errorf("asks for %d seconds, allowed are %.0f", *seconds, p.maxExpiration.Seconds())
	}
	return p.checkNames(strings.TrimPrefix(csr.Spec.Username, nodeUser), request, taken)
}

func parse(encoded []byte) (*x509.CertificateRequest, error) {
	block, rest := pem.Decode(encoded)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(strings.TrimSpace(string(rest))) != 0 {
		return nil, errors.New("is not exactly one PEM certificate request")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cannot be parsed: %w", err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("is not signed by its own key: %w", err)
	}
	return request, nil
}

func (p policy) checkSubject(user string, request *x509.CertificateRequest) error {
	if request.Subject.CommonName != user {
		return fmt.Errorf("common name %q is not the requesting user %q", request.Subject.CommonName, user)
	}
	if !slices.Equal(request.Subject.Organization, []string{nodeGroup}) {
		return fmt.Errorf("organization is %q instead of %q", request.Subject.Organization, nodeGroup)
	}
	if len(request.EmailAddresses) > 0 || len(request.URIs) > 0 {
		return errors.New("asks for e-mail addresses or URIs")
	}
	if len(request.DNSNames) == 0 && len(request.IPAddresses) == 0 {
		return errors.New("asks for no name and no address")
	}
	return nil
}

func checkUsages(usages []certificates.KeyUsage) error {
	allowed := []certificates.KeyUsage{
		certificates.UsageDigitalSignature, certificates.UsageKeyEncipherment, certificates.UsageServerAuth,
	}
	for _, usage := range usages {
		if !slices.Contains(allowed, usage) {
			return fmt.Errorf("usage %q is not one of a server", usage)
		}
	}
	if !slices.Contains(usages, certificates.UsageServerAuth) {
		return errors.New("does not ask for the usage of a server")
	}
	return nil
}

func (p policy) checkNames(node string, request *x509.CertificateRequest, taken owners) error {
	for _, name := range request.DNSNames {
		if name != node && !strings.HasPrefix(name, node+".") && !p.cloudNames(name) {
			return fmt.Errorf("name %q is not the node's, %q", name, node)
		}
		if !p.names.MatchString(name) {
			return fmt.Errorf("name %q does not match %s", name, p.names)
		}
	}
	addresses := make([]netip.Addr, 0, len(request.IPAddresses))
	for _, ip := range request.IPAddresses {
		address := toAddr(ip)
		if !slices.ContainsFunc(p.prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(address) }) {
			return fmt.Errorf("address %s is in none of the networks %s", address, p.prefixes)
		}
		for _, owner := range taken[address] {
			if owner != node {
				return fmt.Errorf("address %s is that of node %q", address, owner)
			}
		}
		addresses = append(addresses, address)
	}
	return p.checkResolved(request.DNSNames, addresses)
}

// cloudNames tells whether a name is one label in a domain of the cloud's.
func (p policy) cloudNames(name string) bool {
	return slices.ContainsFunc(p.domains, func(domain string) bool {
		label, found := strings.CutSuffix(name, domain)
		return found && label != "" && !strings.Contains(label, ".")
	})
}

func (p policy) checkResolved(names []string, addresses []netip.Addr) error {
	if p.resolve == nil || len(names) == 0 {
		return nil
	}
	var resolved []netip.Addr
	for _, name := range names {
		found, err := p.resolve(name)
		if err != nil {
			return fmt.Errorf("name %q does not resolve: %w", name, err)
		}
		resolved = append(resolved, found...)
	}
	for _, address := range addresses {
		if !slices.Contains(resolved, address) {
			return fmt.Errorf("address %s is not one that its names resolve to", address)
		}
	}
	return nil
}

func toAddr(ip net.IP) netip.Addr {
	address, _ := netip.AddrFromSlice(ip)
	return address.Unmap()
}
