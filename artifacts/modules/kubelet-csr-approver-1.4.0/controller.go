package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"sync/atomic"
	"time"

	certificates "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/certificates/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// registration is the time in which a kubelet that requests a serving certificate registers its Node.
const registration = time.Minute

// A request is decided soon after its Node, the inventory or a permission exists.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// nodeKey is the prefix of Nodes in the queue. Names of certificate requests contain no slash.
const nodeKey = "node/"

// controller answers the certificate requests of kubelets by a policy, and deletes the Nodes of hosts that left.
// The ConfigMap `name` in `namespace` has the inventory.
type controller struct {
	client          kubernetes.Interface
	policy          policy
	namespace, name string
	requests        listers.CertificateSigningRequestLister
	nodes           corelisters.NodeLister
	approved        atomic.Int64
	denied          atomic.Int64
	failed          atomic.Int64
}

// run watches requests and Nodes until the context ends.
func (c *controller) run(ctx context.Context) error {
	queue := workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry))
	defer queue.ShutDown()
	factory := informers.NewSharedInformerFactoryWithOptions(c.client, 10*time.Minute, informers.WithTransform(shorten))
	requests, nodes := factory.Certificates().V1().CertificateSigningRequests(), factory.Core().V1().Nodes()
	c.requests, c.nodes = requests.Lister(), nodes.Lister()
	if err := enqueue(requests.Informer(), func(object any) {
		if csr, is := object.(*certificates.CertificateSigningRequest); is {
			queue.Add(csr.Name)
		}
	}); err != nil {
		return err
	}
	if err := enqueue(nodes.Informer(), func(object any) {
		if node, is := object.(*corev1.Node); is && node.Annotations[leaving] != "" {
			queue.Add(nodeKey + node.Name)
		}
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), requests.Informer().HasSynced, nodes.Informer().HasSynced) {
		return ctx.Err()
	}
	log.Print("answering certificate requests of kubelets")
	go func() {
		<-ctx.Done()
		queue.ShutDown()
	}()
	for c.next(ctx, queue) {
	}
	return nil
}

func enqueue(informer cache.SharedIndexInformer, add func(object any)) error {
	handler := cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, object any) { add(object) }}
	_, err := informer.AddEventHandler(handler)
	return err
}

// shorten removes the largest parts of Nodes from the cache.
func shorten(object any) (any, error) {
	if node, is := object.(*corev1.Node); is {
		node.ManagedFields, node.Status.Images = nil, nil
	}
	return object, nil
}

func (c *controller) next(ctx context.Context, queue workqueue.TypedRateLimitingInterface[string]) bool {
	key, stop := queue.Get()
	if stop {
		return false
	}
	defer queue.Done(key)
	var err error
	if node, is := strings.CutPrefix(key, nodeKey); is {
		err = c.removeNode(ctx, node)
	} else {
		err = c.answer(ctx, key)
	}
	if err != nil {
		c.failed.Add(1)
		log.Printf("%s: %v; trying again", key, err)
		queue.AddRateLimited(key)
		return true
	}
	queue.Forget(key)
	return true
}

func (c *controller) answer(ctx context.Context, name string) error {
	cached, err := c.requests.Get(name)
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
	refusal, err := c.decide(ctx, csr)
	if err != nil {
		return err
	}
	condition := certificates.CertificateSigningRequestCondition{
		Type: certificates.CertificateApproved, Status: corev1.ConditionTrue, Reason: "KubewrightPolicy",
		Message: "the node requests a certificate for itself",
	}
	if refusal != nil {
		condition.Type = certificates.CertificateDenied
		condition.Message = fmt.Sprintf("refused: %v", refusal)
	}
	csr.Status.Conditions = append(csr.Status.Conditions, condition)
	_, err = c.client.CertificatesV1().CertificateSigningRequests().UpdateApproval(ctx, name, csr, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // another client answered; the watch brings the new state
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

// decide returns the reason for a refusal, nil for an approval. An error means that the decision must be repeated.
func (c *controller) decide(ctx context.Context, csr *certificates.CertificateSigningRequest) (refusal, err error) {
	known, err := c.facts(ctx, csr)
	if err != nil {
		return nil, err
	}
	refusal = c.policy.check(csr, known)
	young := time.Since(csr.CreationTimestamp.Time) < registration
	if known.node == nil && young && csr.Spec.SignerName == certificates.KubeletServingSignerName && refusal != nil {
		return nil, errors.New("the node does not exist yet")
	}
	return refusal, nil
}

// facts reads the Node from etcd and not from a cache: a token is useless from the moment in which its Node exists.
func (c *controller) facts(ctx context.Context, csr *certificates.CertificateSigningRequest) (facts, error) {
	var known facts
	found, err := c.inventory(ctx)
	if err != nil {
		return known, err
	}
	known.inventory = found
	// The name may be any text: a name that no node can have is refused without a look.
	if name, err := requestedNode(csr); err == nil && c.policy.names.MatchString(name) {
		node, err := c.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			known.node = node
		} else if !apierrors.IsNotFound(err) {
			return known, err
		}
	}
	nodes, err := c.nodes.List(labels.Everything())
	if err != nil {
		return known, err
	}
	for _, node := range nodes {
		known.nodes = append(known.nodes, *node)
	}
	return known, nil
}

func (c *controller) inventory(ctx context.Context) (inventory, error) {
	object, err := c.client.CoreV1().ConfigMaps(c.namespace).Get(ctx, c.name, metav1.GetOptions{})
	if err != nil {
		return inventory{}, err
	}
	return parseInventory(object)
}

// removeNode deletes the Node of a host that left the cluster.
func (c *controller) removeNode(ctx context.Context, name string) error {
	node, err := c.nodes.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	known, err := c.inventory(ctx)
	if err != nil || !known.hasLeft(node) {
		return err
	}
	log.Printf("node %s left the cluster: deleting its Node", name)
	options := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(node.UID))}
	err = c.client.CoreV1().Nodes().Delete(ctx, name, options)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
