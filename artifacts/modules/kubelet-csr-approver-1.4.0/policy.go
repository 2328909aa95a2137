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
	corev1 "k8s.io/api/core/v1"
)

const (
	nodeUser  = "system:node:"
	nodeGroup = "system:nodes"
	// tokenUser is the prefix of users that authenticate with a bootstrap token.
	tokenUser = "system:bootstrap:"
)

// policy decides which certificates kubelets receive.
type policy struct {
	names    *regexp.Regexp
	prefixes []netip.Prefix
	// domains, each with its first dot, contain names that a cloud gives to machines. No client reaches a
	// kubelet by such a name, so the owner of the name does not matter.
	domains  []string
	reserved reserved
	// maxExpiration is the longest life of a certificate.
	maxExpiration time.Duration
	// resolve looks a DNS name up; nil skips the lookup.
	resolve func(host string) ([]netip.Addr, error)
}

// facts are what the API server knows while a request is decided.
type facts struct {
	inventory inventory
	// node is the Node whose certificate is requested, nil if it does not exist.
	node *corev1.Node
	// nodes are all Nodes. Their addresses are their own claims.
	nodes []corev1.Node
}

// concerns reports whether the approver answers a request: an open request of a kubelet for its serving
// certificate, or of a host or pool for its first client certificate.
func concerns(csr *certificates.CertificateSigningRequest) bool {
	if len(csr.Status.Certificate) != 0 || slices.ContainsFunc(csr.Status.Conditions, isAnswer) {
		return false
	}
	switch csr.Spec.SignerName {
	case certificates.KubeletServingSignerName:
		return strings.HasPrefix(csr.Spec.Username, nodeUser) && slices.Contains(csr.Spec.Groups, nodeGroup)
	case certificates.KubeAPIServerClientKubeletSignerName:
		// An administrator approves the requests of tokens that Kubewright did not create. Kubernetes
		// approves renewals.
		return strings.HasPrefix(csr.Spec.Username, tokenUser) && len(owners(csr)) > 0
	}
	return false
}

func isAnswer(c certificates.CertificateSigningRequestCondition) bool {
	return c.Type == certificates.CertificateApproved || c.Type == certificates.CertificateDenied
}

// requestedNode returns the name of the node whose certificate is requested.
//
// The API server authenticated the user of a request for a serving certificate. In a request for a first
// certificate the name is only a wish.
func requestedNode(csr *certificates.CertificateSigningRequest) (string, error) {
	if node, found := strings.CutPrefix(csr.Spec.Username, nodeUser); found {
		return node, nil
	}
	request, err := parse(csr.Spec.Request)
	if err != nil {
		return "", err
	}
	node, found := strings.CutPrefix(request.Subject.CommonName, nodeUser)
	if !found || node == "" {
		return "", fmt.Errorf("common name %q is not that of a node", request.Subject.CommonName)
	}
	return node, nil
}

// check returns nil when a request may be approved, and otherwise the reason for its refusal.
func (p policy) check(csr *certificates.CertificateSigningRequest, known facts) error {
	node, err := requestedNode(csr)
	if err != nil {
		return err
	}
	request, err := parse(csr.Spec.Request)
	if err != nil {
		return err
	}
	if err := checkSubject(node, request); err != nil {
		return err
	}
	if seconds := csr.Spec.ExpirationSeconds; seconds != nil && time.Duration(*seconds)*time.Second > p.maxExpiration {
		return fmt.Errorf("requests %d seconds, allowed are %.0f", *seconds, p.maxExpiration.Seconds())
	}
	if p.reserved.hasName(node) {
		return fmt.Errorf("name %q is reserved", node)
	}
	if csr.Spec.SignerName == certificates.KubeAPIServerClientKubeletSignerName {
		return checkFirst(csr, node, request, known)
	}
	return p.checkServing(csr, node, request, known)
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

func checkSubject(node string, request *x509.CertificateRequest) error {
	if request.Subject.CommonName != nodeUser+node {
		return fmt.Errorf("common name %q is not the requesting user %q", request.Subject.CommonName, nodeUser+node)
	}
	if !slices.Equal(request.Subject.Organization, []string{nodeGroup}) {
		return fmt.Errorf("organization is %q instead of %q", request.Subject.Organization, nodeGroup)
	}
	if len(request.EmailAddresses) > 0 || len(request.URIs) > 0 {
		return errors.New("requests e-mail addresses or URIs")
	}
	return nil
}

// checkUsages requires `needed`, and allows no usages but those of a TLS key beside it.
func checkUsages(usages []certificates.KeyUsage, needed certificates.KeyUsage) error {
	allowed := []certificates.KeyUsage{
		certificates.UsageDigitalSignature, certificates.UsageKeyEncipherment, needed,
	}
	for _, usage := range usages {
		if !slices.Contains(allowed, usage) {
			return fmt.Errorf("usage %q is not allowed", usage)
		}
	}
	if !slices.Contains(usages, needed) {
		return fmt.Errorf("lacks the usage %q", needed)
	}
	return nil
}

// checkServing allows the names and addresses of the node itself, and nothing else.
func (p policy) checkServing(
	csr *certificates.CertificateSigningRequest, node string, request *x509.CertificateRequest, known facts,
) error {
	if err := checkUsages(csr.Spec.Usages, certificates.UsageServerAuth); err != nil {
		return err
	}
	if known.node == nil {
		return fmt.Errorf("node %q does not exist", node)
	}
	if len(request.DNSNames) == 0 && len(request.IPAddresses) == 0 {
		return errors.New("requests no name and no address")
	}
	for _, name := range request.DNSNames {
		if err := p.checkName(name, node); err != nil {
			return err
		}
	}
	addresses := make([]netip.Addr, 0, len(request.IPAddresses))
	for _, ip := range request.IPAddresses {
		address := toAddr(ip)
		if err := p.checkAddress(address, node, known); err != nil {
			return err
		}
		addresses = append(addresses, address)
	}
	return p.checkResolved(request.DNSNames, addresses)
}

func (p policy) checkName(name, node string) error {
	if p.reserved.hasName(name) {
		return fmt.Errorf("name %q is reserved", name)
	}
	if name != node && !p.isCloudName(name) {
		return fmt.Errorf("name %q is not the node's, %q", name, node)
	}
	if !p.names.MatchString(name) {
		return fmt.Errorf("name %q does not match %s", name, p.names)
	}
	return nil
}

// isCloudName reports whether a name is one label in a domain of the cloud.
func (p policy) isCloudName(name string) bool {
	return slices.ContainsFunc(p.domains, func(domain string) bool {
		label, found := strings.CutSuffix(name, domain)
		return found && label != "" && !strings.Contains(label, ".")
	})
}

// checkAddress takes the addresses of a node from the inventory. The Nodes' own claims count only for nodes
// that the inventory does not know.
func (p policy) checkAddress(address netip.Addr, node string, known facts) error {
	if own, found := known.inventory.Nodes[node]; found {
		if !slices.Contains(own, address) {
			return fmt.Errorf("address %s is not one of node %q in the inventory, %s", address, node, own)
		}
		return nil
	}
	if p.reserved.hasAddress(address) {
		return fmt.Errorf("address %s is reserved", address)
	}
	if !slices.ContainsFunc(p.prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(address) }) {
		return fmt.Errorf("address %s is in none of the networks %s", address, p.prefixes)
	}
	if owner := known.inventory.ownerOf(address); owner != "" {
		return fmt.Errorf("address %s is that of node %q", address, owner)
	}
	for _, other := range known.nodes {
		if other.Name != node && claims(other, address) {
			return fmt.Errorf("address %s is that of node %q", address, other.Name)
		}
	}
	return nil
}

// maxClaims is the number of addresses in a Node's status that are believed. A node that claims a whole
// network must not block others.
const maxClaims = 4

func claims(node corev1.Node, address netip.Addr) bool {
	found := map[netip.Addr]bool{}
	for _, item := range node.Status.Addresses {
		if parsed, err := netip.ParseAddr(item.Address); err == nil {
			found[parsed.Unmap()] = true
		}
	}
	return len(found) <= maxClaims && found[address]
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
