package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strings"

	certificates "k8s.io/api/certificates/v1"
)

// The API server takes these groups from the Secret of a bootstrap token. A group cannot contain dots, so that
// colons replace the dots of a node's name.
const (
	hostGroup    = "system:bootstrappers:kubewright:node:"
	machineGroup = "system:bootstrappers:kubewright:machine:"
	poolGroup    = "system:bootstrappers:kubewright:pool:"
)

// owner is what a bootstrap token belongs to: a host of the inventory, a single machine of some pool, or a pool.
type owner struct {
	host, machine, pool string
}

func owners(csr *certificates.CertificateSigningRequest) []owner {
	var found []owner
	for _, group := range csr.Spec.Groups {
		if host, is := strings.CutPrefix(group, hostGroup); is {
			found = append(found, owner{host: strings.ReplaceAll(host, ":", ".")})
		}
		if machine, is := strings.CutPrefix(group, machineGroup); is {
			found = append(found, owner{machine: strings.ReplaceAll(machine, ":", ".")})
		}
		if pool, is := strings.CutPrefix(group, poolGroup); is {
			found = append(found, owner{pool: pool})
		}
	}
	return found
}

// checkFirst allows the first client certificate of a host or of a machine in a pool.
//
// A token of a host is for that host alone, and useless while its Node exists: only an administrator, the
// cloud's controller or this program deletes Nodes. A token of a machine is for the name of that machine, which the
// control planes learned from the cloud. A token of a pool is for new names of that pool.
func checkFirst(
	csr *certificates.CertificateSigningRequest, node string, request *x509.CertificateRequest, known facts,
) error {
	if err := checkUsages(csr.Spec.Usages, certificates.UsageClientAuth); err != nil {
		return err
	}
	if len(request.DNSNames) > 0 || len(request.IPAddresses) > 0 {
		return errors.New("requests names or addresses in a client certificate")
	}
	found := owners(csr)
	if len(found) != 1 {
		return errors.New("the token belongs to several hosts or pools")
	}
	if err := found[0].mayBe(node, known.inventory); err != nil {
		return err
	}
	if known.node != nil {
		return fmt.Errorf("node %q exists: a token is valid for one join; delete the Node of a host that was "+
			"reinstalled (kubewright replace does it)", node)
	}
	return nil
}

func (o owner) mayBe(node string, known inventory) error {
	switch {
	case o.host != "":
		return known.checkHost(o.host, node)
	case o.machine != "":
		return known.checkMachine(o.machine, node)
	}
	return known.checkPool(o.pool, node)
}

func (i inventory) checkHost(host, node string) error {
	if host != node {
		return fmt.Errorf("the token is that of node %q, not of %q", host, node)
	}
	if _, found := i.Nodes[node]; !found {
		return fmt.Errorf("node %q is not in the inventory", node)
	}
	return nil
}

// checkMachine allows the name of the machine alone. The name must match the pattern of a pool, so that no token of
// a machine has the name of a member.
func (i inventory) checkMachine(machine, node string) error {
	if machine != node {
		return fmt.Errorf("the token is that of machine %q, not of %q", machine, node)
	}
	for pool := range i.Pools {
		if i.checkPool(pool, node) == nil {
			return nil
		}
	}
	return fmt.Errorf("node %q is a machine of no pool in the inventory", node)
}

func (i inventory) checkPool(pool, node string) error {
	pattern, found := i.Pools[pool]
	if !found {
		return fmt.Errorf("pool %q is not in the inventory", pool)
	}
	if _, found := i.Nodes[node]; found {
		return fmt.Errorf("node %q has a token of its own", node)
	}
	matched, err := regexp.MatchString("^(?:"+pattern+")$", node)
	if err != nil {
		return fmt.Errorf("pattern of pool %q: %w", pool, err)
	}
	if !matched {
		return fmt.Errorf("node %q is none of pool %q, whose names match %s", node, pool, pattern)
	}
	return nil
}
