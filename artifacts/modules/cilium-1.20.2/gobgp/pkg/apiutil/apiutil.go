// Package apiutil replaces the types of GoBGP's Go interface. Cilium's BGP control plane, which is off by default,
// needs its names to compile.
package apiutil

import (
	"github.com/google/uuid"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

type Path struct {
	Family  bgp.Family
	Nlri    bgp.NLRI
	Attrs   []bgp.PathAttributeInterface
	Age     int64
	Best    bool
	PeerASN uint32
}

type AddPathRequest struct{ Paths []*Path }

type AddPathResponse struct{ UUID uuid.UUID }

type DeletePathRequest struct{ UUIDs []uuid.UUID }

type ListPathRequest struct {
	TableType api.TableType
	Family    bgp.Family
	Name      string
}

type PeerEventType uint32

// PEER_EVENT_STATE is the event that a session starts or ends.
const PEER_EVENT_STATE PeerEventType = 3

type WatchEventMessage_PeerEvent struct{ Type PeerEventType }

// UnmarshalCapabilities returns the error ErrNoBGP.
func UnmarshalCapabilities([]*api.Capability) ([]bgp.ParameterCapabilityInterface, error) {
	return nil, bgp.ErrNoBGP
}
