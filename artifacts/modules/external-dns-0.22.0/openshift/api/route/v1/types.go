// Package v1 replaces the types of OpenShift's Route objects. No client reads such objects.
package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// RouteIngressConditionType is the type of a condition.
type RouteIngressConditionType string

// RouteAdmitted is the condition of a route that a router serves.
const RouteAdmitted RouteIngressConditionType = "Admitted"

// RouteIngressCondition is a condition of a route in a router.
type RouteIngressCondition struct {
	Type   RouteIngressConditionType
	Status corev1.ConditionStatus
}

// RouteIngress is a router that serves a route.
type RouteIngress struct {
	Host, RouterName, RouterCanonicalHostname string
	Conditions                                []RouteIngressCondition
}

// RouteStatus is the status of a route.
type RouteStatus struct{ Ingress []RouteIngress }

// Route is a route of OpenShift.
type Route struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Status RouteStatus
}

// DeepCopyObject returns a copy of a route.
func (in *Route) DeepCopyObject() runtime.Object {
	out := &Route{TypeMeta: in.TypeMeta, ObjectMeta: *in.ObjectMeta.DeepCopy()}
	for _, ingress := range in.Status.Ingress {
		ingress.Conditions = append([]RouteIngressCondition(nil), ingress.Conditions...)
		out.Status.Ingress = append(out.Status.Ingress, ingress)
	}
	return out
}
