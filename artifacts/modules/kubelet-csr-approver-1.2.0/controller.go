package main

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"sync/atomic"
	"time"

	certificates "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/certificates/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// controller answers the certificate requests of kubelets by a policy.
type controller struct {
	client   kubernetes.Interface
	policy   policy
	approved atomic.Int64
	denied   atomic.Int64
	failed   atomic.Int64
}

// run watches requests and answers them until the context ends.
func (c *controller) run(ctx context.Context) error {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	defer queue.ShutDown()
	factory := informers.NewSharedInformerFactoryWithOptions(c.client, 10*time.Minute,
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector("spec.signerName", certificates.KubeletServingSignerName).String()
		}))
	requests := factory.Certificates().V1().CertificateSigningRequests()
	add := func(object any) {
		if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
			queue.Add(key)
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, object any) { add(object) }}
	if _, err := requests.Informer().AddEventHandler(handler); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), requests.Informer().HasSynced) {
		return ctx.Err()
	}
	log.Print("answering certificate requests of kubelets")
	go func() {
		<-ctx.Done()
		queue.ShutDown()
	}()
	for c.next(ctx, queue, requests.Lister()) {
	}
	return nil
}

func (c *controller) next(
	ctx context.Context, queue workqueue.TypedRateLimitingInterface[string], lister listers.CertificateSigningRequestLister,
) bool {
	key, stop := queue.Get()
	if stop {
		return false
	}
	defer queue.Done(key)
	if err := c.answer(ctx, lister, key); err != nil {
		c.failed.Add(1)
		log.Printf("request %s: %v; trying again", key, err)
		queue.AddRateLimited(key)
		return true
	}
	queue.Forget(key)
	return true
}

func (c *controller) answer(ctx context.Context, lister listers.CertificateSigningRequestLister, name string) error {
	cached, err := lister.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !concerns(cached) {
		return nil
	}
	csr := cached.DeepCopy()
	condition := certificates.CertificateSigningRequestCondition{
		Type: certificates.CertificateApproved, Status: corev1.ConditionTrue, Reason: "KubewrightPolicy",
		Message: "the node asks for its own name and addresses",
	}
	owners, err := c.owners(ctx)
	if err != nil {
		return err
	}
	refusal := c.policy.check(csr, owners)
	if refusal != nil {
		condition.Type = certificates.CertificateDenied
		condition.Message = fmt.Sprintf("refused: %v", refusal)
	}
	csr.Status.Conditions = append(csr.Status.Conditions, condition)
	_, err = c.client.CertificatesV1().CertificateSigningRequests().UpdateApproval(ctx, name, csr, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // somebody else answered; the watch brings the new state
	}
	if err != nil {
		return err
	}
	if refusal != nil {
		c.denied.Add(1)
	} else {
		c.approved.Add(1)
	}
	log.Printf("request %s of %s: %s: %s", name, csr.Spec.Username, condition.Type, condition.Message)
	return nil
}

// owners gives the addresses of all nodes, each with the nodes that have it.
func (c *controller) owners(ctx context.Context) (owners, error) {
	// From the API server's cache: a lookup for each request must not load etcd in a large cluster.
	nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	found := owners{}
	for _, node := range nodes.Items {
		for _, item := range node.Status.Addresses {
			if address, err := netip.ParseAddr(item.Address); err == nil {
				found[address.Unmap()] = append(found[address.Unmap()], node.Name)
			}
		}
	}
	return found, nil
}
