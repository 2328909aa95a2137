package main

import (
	"crypto/x509"
	"net"
	"strings"
	"testing"

	certificates "k8s.io/api/certificates/v1"
)

// join makes what the kubelet of w-3 requests with its bootstrap token, changed by `change`.
func join(t *testing.T, change change) *certificates.CertificateSigningRequest {
	return request(t, func(r *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
		r.Subject.CommonName, r.DNSNames, r.IPAddresses = "system:node:w-3", nil, nil
		s.SignerName, s.Username = certificates.KubeAPIServerClientKubeletSignerName, "system:bootstrap:abcdef"
		s.Groups = []string{"system:bootstrappers", "system:bootstrappers:kubewright:node:w-3", "system:authenticated"}
		s.Usages = []certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageClientAuth}
		change(r, s)
	})
}

// joining is what the API server knows before w-3 joins.
func joining() facts {
	facts := known()
	facts.inventory.Nodes["w-3"] = nil
	facts.inventory.Nodes["rack-1.example"] = nil
	facts.node = nil
	return facts
}

func name(node string, groups ...string) change {
	return func(r *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
		r.Subject.CommonName = "system:node:" + node
		if len(groups) > 0 {
			s.Groups = groups
		}
	}
}

func TestAHostJoinsWithItsToken(t *testing.T) {
	for what, c := range map[string]change{
		"host":         name("w-3"),
		"name of dots": name("rack-1.example", hostGroup+"rack-1:example"),
		"rsa": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Usages = append(s.Usages, certificates.UsageKeyEncipherment)
		},
		"machine in a pool": name("i-0123", poolGroup+"workers"),
		"machine":           name("i-0123", machineGroup+"i-0123"),
	} {
		csr := join(t, c)
		if !concerns(csr) {
			t.Errorf("%s: does not concern the approver", what)
		}
		if err := rules(t).check(csr, joining()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestATokenIsForOneNameAlone(t *testing.T) {
	for reason, c := range map[string]change{
		`that of node "w-3", not of "cp-1"`:    name("cp-1"),
		`that of node "w-3", not of "unknown"`: name("unknown"),
		`that of node "w-3", not of "w-30"`:    name("w-30"),
		`"removed" is not in the inventory`:    name("removed", hostGroup+"removed"),
		`"kubernetes" is reserved`:             name("kubernetes", hostGroup+"kubernetes"),
		`several hosts or pools`:               name("w-3", hostGroup+"w-3", hostGroup+"w-2"),
		`machine "i-1", not of "i-2"`:          name("i-2", machineGroup+"i-1"),
		`machine "i-1", not of "i-10"`:         name("i-10", machineGroup+"i-1"),
		`"cp-1" is a machine of no pool`:       name("cp-1", machineGroup+"cp-1"),
		`"unknown" is a machine of no pool`:    name("unknown", machineGroup+"unknown"),
		`"w-3" has a token of its own`:         name("w-3", poolGroup+"workers"),
		`"cp-1" has a token of its own`:        name("cp-1", poolGroup+"workers"),
		`"x-1" is none of pool "workers"`:      name("x-1", poolGroup+"workers"),
		`"xi-1" is none of pool`:               name("xi-1", poolGroup+"workers"),
		`pool "other" is not in the inventory`: name("i-1", poolGroup+"other"),
		"is not that of a node": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.Subject.CommonName = "kubewright:admin"
		},
		"organization": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.Subject.Organization = []string{"system:nodes", "system:masters"}
		},
		`"server auth" is not allowed`: func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Usages = append(s.Usages, certificates.UsageServerAuth)
		},
		`lacks the usage "client auth"`: func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Usages = s.Usages[:1]
		},
		"names or addresses": func(r *x509.CertificateRequest, _ *certificates.CertificateSigningRequestSpec) {
			r.IPAddresses = []net.IP{net.ParseIP("10.89.0.23")}
		},
	} {
		err := rules(t).check(join(t, c), joining())
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v", reason, err)
		}
	}
}

func TestATokenIsUselessWhileItsNodeExists(t *testing.T) {
	for what, c := range map[string]change{
		"w-3": name("w-3"), "i-1": name("i-1", poolGroup+"workers"), "i-2": name("i-2", machineGroup+"i-2"),
	} {
		facts := joining()
		lost := node(what)
		facts.node = &lost // also of a host that is down
		if err := rules(t).check(join(t, c), facts); err == nil || !strings.Contains(err.Error(), "exists") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOtherTokensAndRenewalsAreLeftAlone(t *testing.T) {
	for what, c := range map[string]change{
		"token of an administrator": name("w-3", "system:bootstrappers", "system:bootstrappers:kubewright"),
		"user with such a group": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Username = "alice"
		},
		"renewal": func(_ *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
			s.Username, s.Groups = "system:node:w-3", []string{"system:nodes"}
		},
	} {
		if concerns(join(t, c)) {
			t.Errorf("%s: concerns the approver", what)
		}
	}
}
