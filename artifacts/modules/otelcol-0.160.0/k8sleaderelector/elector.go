// Package k8sleaderelector has the interface that the receiver of Kubernetes objects compiles against. The module proxy
// refused upstream's module. No extension implements the interface, so that k8s_leader_elector is an error.
package k8sleaderelector

import "context"

// LeaderElection calls functions when this process becomes the leader, and when it no longer is.
type LeaderElection interface {
	SetCallBackFuncs(onStart func(context.Context), onStop func())
}
