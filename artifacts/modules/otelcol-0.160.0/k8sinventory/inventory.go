// Package k8sinventory reads objects for the receiver of Kubernetes objects. The module proxy refused upstream's module
// of this name, so this is Kubewright's own implementation of the part that the receiver needs to watch objects.
package k8sinventory

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Mode is the way in which objects are read.
type Mode string

// The modes of the receiver. Only WatchMode is implemented here.
const (
	PullMode  Mode = "pull"
	WatchMode Mode = "watch"
)

// Config selects objects.
type Config struct {
	Gvr             schema.GroupVersionResource
	Namespaces      []string
	LabelSelector   string
	FieldSelector   string
	ResourceVersion string
}

// Observer reads objects until the channel that Start returns is closed.
type Observer interface {
	Start(ctx context.Context, wg *sync.WaitGroup) chan struct{}
}
