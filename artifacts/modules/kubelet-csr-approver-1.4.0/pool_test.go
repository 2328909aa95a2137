package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"

	certificates "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
)

// machine makes what the kubelet of a machine in a pool requests.
func machine(t *testing.T, addresses ...string) *certificates.CertificateSigningRequest {
	return machineOf(t, "i-1", addresses...)
}

func machineOf(t *testing.T, name string, addresses ...string) *certificates.CertificateSigningRequest {
	return request(t, func(r *x509.CertificateRequest, s *certificates.CertificateSigningRequestSpec) {
		s.Username, r.Subject.CommonName = "system:node:"+name, "system:node:"+name
		r.DNSNames, r.IPAddresses = []string{name}, nil
		for _, address := range addresses {
			r.IPAddresses = append(r.IPAddresses, net.ParseIP(address))
		}
	})
}

func TestANodeMustExist(t *testing.T) {
	facts := known()
	facts.node = nil
	csr := request(t, func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec) {})
	if err := rules(t).check(csr, facts); err == nil || !strings.Contains(err.Error(), `"w-1" does not exist`) {
		t.Error(err)
	}
}

func TestAddressesOfMachinesInPools(t *testing.T) {
	for address, reason := range map[string]string{
		"10.89.0.31": "",
		"10.89.0.32": `that of node "i-2"`,
		"10.89.0.11": `that of node "cp-1"`,
		"10.89.0.22": `that of node "w-2"`,
		"10.89.0.5":  "is reserved",
		"10.89.0.6":  "is reserved",
		"10.96.0.1":  "is reserved",
		"10.90.0.1":  "none of the networks",
	} {
		err := rules(t).check(machine(t, address), known(node("i-1", address), node("i-2", "10.89.0.32")))
		if (reason == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestANodeThatClaimsANetworkBlocksNoOther(t *testing.T) {
	var all []string
	for number := range 250 {
		all = append(all, fmt.Sprintf("10.89.0.%d", number+1))
	}
	greedy := node("i-2", all...)
	if err := rules(t).check(machine(t, "10.89.0.31"), known(greedy)); err != nil {
		t.Error(err)
	}
	csr := request(t, func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec) {})
	if err := rules(t).check(csr, known(node("w-2", "10.89.0.21"))); err != nil {
		t.Errorf("a claim counts against the inventory: %v", err)
	}
	facts := known(greedy)
	facts.node = &greedy
	if err := rules(t).check(machine(t, "10.89.0.22"), facts); err == nil {
		t.Error("approved the address of w-2")
	}
}

func TestAControlPlaneMayHaveTheAddressOfTheEndpoint(t *testing.T) {
	p, err := newPolicy(options{regex: ".*", prefixes: "10.89.0.0/24", maxSeconds: 86400, bypassDNS: true, addresses: "10.89.0.21"})
	if err != nil {
		t.Fatal(err)
	}
	csr := request(t, func(*x509.CertificateRequest, *certificates.CertificateSigningRequestSpec) {})
	if err := p.check(csr, known()); err != nil {
		t.Error(err)
	}
}

func TestReservedNamesAndAddressesMustBeReadable(t *testing.T) {
	if _, err := newReserved("", "10.0.0.300"); err == nil {
		t.Error("accepted a broken address")
	}
	kept, err := newReserved("API.example.com,.svc,", "10.0.0.1,fd00::/64,")
	if err != nil {
		t.Fatal(err)
	}
	for name, reserved := range map[string]bool{
		"api.example.com": true, "API.EXAMPLE.COM.": true, "a.b.svc": true, "svc": false, "example.com": false,
	} {
		if kept.hasName(name) != reserved {
			t.Errorf("%s: %v", name, !reserved)
		}
	}
}

func TestBrokenInventoriesAreErrors(t *testing.T) {
	for _, text := range []string{"", "{}", `{"nodes":{"w-1":["x"]}}`, `{"nodes":{}}`} {
		if _, err := parseInventory(&corev1.ConfigMap{Data: map[string]string{inventoryKey: text}}); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
	found, err := parseInventory(&corev1.ConfigMap{Data: map[string]string{inventoryKey: `{"nodes":{"w-1":["10.0.0.1"]},"pools":{"a":"a-.*"}}`}})
	if err != nil || found.ownerOf(found.Nodes["w-1"][0]) != "w-1" || found.Pools["a"] != "a-.*" {
		t.Errorf("%v, %v", found, err)
	}
}
