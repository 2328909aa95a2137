package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// inventoryKey is the key in the ConfigMap of the inventory.
const inventoryKey = "inventory.json"

// leaving is the annotation that a host sets on its Node when it leaves the cluster.
const leaving = "kubewright.dev/leaving"

// inventory has the nodes whose names and addresses are known in advance, and for each pool of a cloud a
// regular expression for the names of its machines.
type inventory struct {
	Nodes map[string][]netip.Addr `json:"nodes"`
	Pools map[string]string       `json:"pools"`
}

func parseInventory(object *corev1.ConfigMap) (inventory, error) {
	var found inventory
	if err := json.Unmarshal([]byte(object.Data[inventoryKey]), &found); err != nil {
		return inventory{}, fmt.Errorf("ConfigMap %s/%s, key %s: %w", object.Namespace, object.Name, inventoryKey, err)
	}
	if len(found.Nodes) == 0 {
		return inventory{}, fmt.Errorf("ConfigMap %s/%s: the inventory has no nodes", object.Namespace, object.Name)
	}
	return found, nil
}

func (i inventory) ownerOf(address netip.Addr) string {
	for node, addresses := range i.Nodes {
		if slices.Contains(addresses, address) {
			return node
		}
	}
	return ""
}

// hasLeft reports whether a Node must be deleted: its host asked for it, and the inventory no longer has the host.
// A node of a cluster could otherwise delete its own Node, and register again with other labels and taints. The
// cloud's controller deletes the Nodes of machines in pools.
func (i inventory) hasLeft(node *corev1.Node) bool {
	if node.Annotations[leaving] != "node" || len(i.Pools) > 0 {
		return false
	}
	_, known := i.Nodes[node.Name]
	return !known
}

// reserved are the names and addresses of the API, the load balancers, etcd and services.
type reserved struct {
	names     []string
	suffixes  []string
	addresses []netip.Prefix
}

// newReserved reads comma-separated lists. A name that begins with a dot reserves all names below it. An address
// may be a network.
func newReserved(names, addresses string) (reserved, error) {
	var found reserved
	for name := range strings.SplitSeq(strings.ToLower(names), ",") {
		switch {
		case strings.HasPrefix(name, "."):
			found.suffixes = append(found.suffixes, name)
		case name != "":
			found.names = append(found.names, name)
		}
	}
	for text := range strings.SplitSeq(addresses, ",") {
		if text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return reserved{}, fmt.Errorf("--reserved-addresses: %w", err)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		found.addresses = append(found.addresses, prefix)
	}
	return found, nil
}

func (r reserved) hasName(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	return slices.Contains(r.names, name) ||
		slices.ContainsFunc(r.suffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

func (r reserved) hasAddress(address netip.Addr) bool {
	return slices.ContainsFunc(r.addresses, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}
