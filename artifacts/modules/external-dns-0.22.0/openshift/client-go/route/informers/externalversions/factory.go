// Package externalversions replaces the informers of OpenShift. Nothing calls it, because informers need a client.
package externalversions

import (
	"reflect"
	"time"

	"github.com/openshift/client-go/route/clientset/versioned"
	v1 "github.com/openshift/client-go/route/informers/externalversions/route/v1"
)

// SharedInformerOption is an option of a factory.
type SharedInformerOption func()

// Group has the informers of a group.
type Group interface{ V1() v1.Interface }

// SharedInformerFactory has the type of a factory of informers.
type SharedInformerFactory interface {
	Route() Group
	Start(stop <-chan struct{})
	WaitForCacheSync(stop <-chan struct{}) map[reflect.Type]bool
}

// WithNamespace returns an option without effect.
func WithNamespace(string) SharedInformerOption { return func() {} }

// NewSharedInformerFactoryWithOptions panics.
func NewSharedInformerFactoryWithOptions(
	versioned.Interface, time.Duration, ...SharedInformerOption,
) SharedInformerFactory {
	panic(versioned.ErrNoClient)
}
