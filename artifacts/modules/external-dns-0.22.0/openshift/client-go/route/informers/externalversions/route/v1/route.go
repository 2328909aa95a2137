// Package v1 replaces the informers of OpenShift's Route objects.
package v1

import "k8s.io/client-go/tools/cache"

// RouteInformer has the type of an informer.
type RouteInformer interface {
	Informer() cache.SharedIndexInformer
}

// Interface has the informers of the version v1.
type Interface interface{ Routes() RouteInformer }
