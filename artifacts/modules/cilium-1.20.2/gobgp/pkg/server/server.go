// Package server replaces the BGP server of GoBGP. Cilium's BGP control plane is off by default; if it is on, each
// instance gets the error ErrNoBGP when its server starts.
package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// BgpServer has the type of a BGP server. It does not listen and has no peers.
type BgpServer struct{}

type ServerOption struct{}

// LoggerOption ignores the logger, because the server logs nothing.
func LoggerOption(*slog.Logger, *slog.LevelVar) ServerOption { return ServerOption{} }

// NewBgpServer returns a server that does nothing.
func NewBgpServer(...ServerOption) *BgpServer { return &BgpServer{} }

// Serve returns at once.
func (*BgpServer) Serve() {}

// Stop has nothing to stop.
func (*BgpServer) Stop() {}

type WatchEventMessageCallbacks struct {
	OnPathUpdate func([]*apiutil.Path, time.Time)
	OnPeerUpdate func(*apiutil.WatchEventMessage_PeerEvent, time.Time)
}

type WatchOption struct{}

// WatchPeer returns an option without effect.
func WatchPeer() WatchOption { return WatchOption{} }

// WatchPostUpdate returns an option without effect.
func WatchPostUpdate(bool, string, string) WatchOption { return WatchOption{} }

// The other functions return the error ErrNoBGP.

func (*BgpServer) StartBgp(context.Context, *api.StartBgpRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) StopBgp(context.Context, *api.StopBgpRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) GetBgp(context.Context, *api.GetBgpRequest) (*api.GetBgpResponse, error) {
	return nil, bgp.ErrNoBGP
}

func (*BgpServer) WatchEvent(context.Context, WatchEventMessageCallbacks, ...WatchOption) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) AddPath(apiutil.AddPathRequest) ([]apiutil.AddPathResponse, error) {
	return nil, bgp.ErrNoBGP
}

func (*BgpServer) DeletePath(apiutil.DeletePathRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) ListPath(apiutil.ListPathRequest, func(bgp.NLRI, []*apiutil.Path)) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) AddPeer(context.Context, *api.AddPeerRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) DeletePeer(context.Context, *api.DeletePeerRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) ListPeer(context.Context, *api.ListPeerRequest, func(*api.Peer)) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) ResetPeer(context.Context, *api.ResetPeerRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) UpdatePeer(context.Context, *api.UpdatePeerRequest) (*api.UpdatePeerResponse, error) {
	return nil, bgp.ErrNoBGP
}

func (*BgpServer) AddDefinedSet(context.Context, *api.AddDefinedSetRequest) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) DeleteDefinedSet(context.Context, *api.DeleteDefinedSetRequest) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) ListDefinedSet(
	context.Context, *api.ListDefinedSetRequest, func(*api.DefinedSet),
) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) AddPolicy(context.Context, *api.AddPolicyRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) DeletePolicy(context.Context, *api.DeletePolicyRequest) error { return bgp.ErrNoBGP }

func (*BgpServer) ListPolicy(context.Context, *api.ListPolicyRequest, func(*api.Policy)) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) AddPolicyAssignment(context.Context, *api.AddPolicyAssignmentRequest) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) DeletePolicyAssignment(context.Context, *api.DeletePolicyAssignmentRequest) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) SetPolicyAssignment(context.Context, *api.SetPolicyAssignmentRequest) error {
	return bgp.ErrNoBGP
}

func (*BgpServer) ListPolicyAssignment(
	context.Context, *api.ListPolicyAssignmentRequest, func(*api.PolicyAssignment),
) error {
	return bgp.ErrNoBGP
}
