package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	certificates "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// request makes what a kubelet w-1 asks for, changed by `change`.
func request(t *testing.T, change func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec)) *certificates.CertificateSigningRequest {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.CertificateRequest{
		Subject:     pkix.Name{CommonName: "system:node:w-1", Organization: []string{"system:nodes"}},
		DNSNames:    []string{"w-1"},
		IPAddresses: []net.IP{net.ParseIP("10.89.0.21")},
	}
	spec := certificates.CertificateSigningRequestSpec{
		SignerName: certificates.KubeletServingSignerName,
		Username:   "system:node:w-1",
		Groups:     []string{"system:nodes", "system:authenticated"},
		Usages:     []certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageServerAuth},
	}
	change(template, &spec)
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		t.Fatal(err)
	}
	spec.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	return &certificates.CertificateSigningRequest{Spec: spec}
}

func rules(t *testing.T) policy {
	t.Helper()
	p, err := newPolicy(options{
		regex: `[a-z0-9-]+`, prefixes: "10.89.0.0/24,fd00::/64", maxSeconds: 86400, bypassDNS: true,
		names:     "api.example.com,kubernetes,kubernetes.default,localhost,.svc,.cluster.local",
		addresses: "10.89.0.5,10.89.0.6,10.96.0.0/16",
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// known is what the API server knows while w-1 asks: an inventory with w-1 and w-2, and a pool of a cloud.
func known(nodes ...corev1.Node) facts {
	address := func(text string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(text)} }
	own := node("w-1", "10.89.0.21")
	return facts{
		inventory: inventory{
			Nodes: map[string][]netip.Addr{
				"cp-1": address("10.89.0.11"),
				"w-1":  {netip.MustParseAddr("10.89.0.21"), netip.MustParseAddr("fd00::21")},
				"w-2":  address("10.89.0.22"),
			},
			Pools: map[string]string{"workers": "i-[0-9a-f]+"},
		},
		node:  &own,
		nodes: append(nodes, own, node("w-2", "10.89.0.22")),
	}
}

func node(name string, addresses ...string) corev1.Node {
	found := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid of " + name)}}
	for _, address := range addresses {
		found.Status.Addresses = append(found.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	}
	return found
}

type change = func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec)

func TestWhatAKubeletAsksForIsApproved(t *testing.T) {
	seconds := int32(86400)
	for name, c := range map[string]change{
		"usual": func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec) {},
		"rsa usage": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Usages = append(s.Usages, certificates.UsageKeyEncipherment)
		},
		"two addresses": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.IPAddresses = append(r.IPAddresses, net.ParseIP("fd00::21"))
		},
		"longest life": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.ExpirationSeconds = &seconds
		},
		"address only": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) { r.DNSNames = nil },
	} {
		csr := request(t, c)
		if !concerns(csr) {
			t.Errorf("%s: does not concern the approver", name)
		}
		if err := rules(t).check(csr, known()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNotTheNodesIsRefused(t *testing.T) {
	seconds := int32(86401)
	for reason, c := range map[string]change{
		"common name": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.Subject.CommonName = "system:node:w-2"
		},
		"organization": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.Subject.Organization = append(r.Subject.Organization, "system:masters")
		},
		"not the node's": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.DNSNames = []string{"cp-1"}
		},
		`"w-10" is not`: func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.DNSNames = []string{"w-1", "w-10"}
		},
		`"w-1.example" is not`: func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.DNSNames = []string{"w-1.example"}
		},
		`"kubernetes" is reserved`: func(r *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Username, r.Subject.CommonName = "system:node:kubernetes", "system:node:kubernetes"
			r.DNSNames = []string{"kubernetes.default.svc"}
		},
		`10.96.0.1 is not one of node`: func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.IPAddresses = []net.IP{net.ParseIP("10.96.0.1")}
		},
		`10.89.0.22 is not one of node`: func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.IPAddresses = append(r.IPAddresses, net.ParseIP("10.89.0.22"))
		},
		"no name and no": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.DNSNames, r.IPAddresses = nil, nil
		},
		"e-mail": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.EmailAddresses = []string{"a@b.c"}
		},
		"or URIs": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}}
		},
		`"client auth" is not allowed`: func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Usages = append(s.Usages, certificates.UsageClientAuth)
		},
		`lacks the usage "server auth"`: func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Usages = s.Usages[:1]
		},
		"86401 seconds": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.ExpirationSeconds = &seconds
		},
	} {
		err := rules(t).check(request(t, c), known())
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v", reason, err)
		}
	}
}

func TestABrokenRequestIsRefused(t *testing.T) {
	csr := request(t, func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec) {})
	block, _ := pem.Decode(csr.Spec.Request)
	block.Bytes[len(block.Bytes)-1] ^= 1
	for _, encoded := range [][]byte{nil, []byte("x"), pem.EncodeToMemory(block), append(csr.Spec.Request, csr.Spec.Request...)} {
		csr.Spec.Request = encoded
		if rules(t).check(csr, known()) == nil {
			t.Errorf("approved %q", encoded)
		}
	}
}

func TestOthersRequestsAreLeftAlone(t *testing.T) {
	for name, c := range map[string]change{
		"signer": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.SignerName = certificates.KubeAPIServerClientSignerName
		},
		"user":  func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) { s.Username = "admin" },
		"group": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) { s.Groups = nil },
	} {
		if concerns(request(t, c)) {
			t.Errorf("%s: concerns the approver", name)
		}
	}
	csr := request(t, func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec) {})
	csr.Status.Conditions = []certificates.CertificateSigningRequestCondition{{Type: certificates.CertificateDenied}}
	if concerns(csr) {
		t.Error("a denied request concerns the approver")
	}
}

func TestAddressesMustBeThoseThatNamesResolveTo(t *testing.T) {
	p := rules(t)
	csr := request(t, func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec) {})
	answer, failure := "10.89.0.21", error(nil)
	p.resolve = func(string) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(answer)}, failure }
	if err := p.check(csr, known()); err != nil {
		t.Error(err)
	}
	answer = "10.89.0.22"
	if p.check(csr, known()) == nil {
		t.Error("approved an address that its name does not resolve to")
	}
	failure = errors.New("no such host")
	if p.check(csr, known()) == nil {
		t.Error("approved a name that does not resolve")
	}
}

func TestNetworksMustBeGiven(t *testing.T) {
	if _, err := newPolicy(options{regex: ".*"}); err == nil {
		t.Error("no networks were accepted")
	}
	if _, err := newPolicy(options{regex: "(", prefixes: "10.0.0.0/8"}); err == nil {
		t.Error("a broken expression was accepted")
	}
}

func TestACloudsOwnNamesOfMachines(t *testing.T) {
	p, err := newPolicy(options{regex: `[a-z0-9.-]+`, prefixes: "10.89.0.0/24", domains: "ec2.internal", maxSeconds: 86400, bypassDNS: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, allowed := range map[string]bool{
		"ip-10-89-0-21.ec2.internal":  true,
		"ec2.internal":                false,
		".ec2.internal":               false,
		"a.b.ec2.internal":            false,
		"kubernetes.default.svc":      false,
		"ip-10-89-0-21.evil.example":  false,
		"ip-10-89-0-21.xec2.internal": false,
	} {
		csr := request(t, func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.DNSNames = append(r.DNSNames, name)
		})
		if err := p.check(csr, known()); (err == nil) != allowed {
			t.Errorf("%s: %v", name, err)
		}
	}
	csr := request(t, func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
		r.DNSNames = append(r.DNSNames, "ip-10-89-0-21.ec2.internal")
	})
	if rules(t).check(csr, known()) == nil {
		t.Error("approved a cloud's name without a cloud")
	}
}
