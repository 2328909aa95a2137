package main

import (
	"context"
	"testing"
	"time"

	certificates "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

const inventoryText = `{"nodes":{"cp-1":["10.89.0.11"],"w-1":["10.89.0.21"],"w-3":["10.89.0.23"]},"pools":{}}`

// started is a controller that runs against a fake API with these objects and an inventory.
func started(t *testing.T, text string, objects ...runtime.Object) (*fake.Clientset, *controller) {
	t.Helper()
	client := fake.NewClientset(append(objects, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "inventory"},
		Data:       map[string]string{inventoryKey: text},
	})...)
	c := &controller{client: client, policy: rules(t), namespace: "kube-system", name: "inventory"}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return client, c
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for range 500 {
		if check() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("not in time: %s", what)
}

func named(csr *certificates.CertificateSigningRequest, name string) *certificates.CertificateSigningRequest {
	csr.Name, csr.CreationTimestamp = name, metav1.Now()
	return csr
}

func answerOf(client *fake.Clientset, name string) certificates.RequestConditionType {
	csr, err := client.CertificatesV1().CertificateSigningRequests().Get(context.Background(), name, metav1.GetOptions{})
	if err != nil || len(csr.Status.Conditions) == 0 {
		return ""
	}
	return csr.Status.Conditions[0].Type
}

func TestRequestsAreAnsweredOnceTheirNodeIsKnown(t *testing.T) {
	own := node("w-1", "10.89.0.21")
	serving := named(machineOf(t, "w-3", "10.89.0.23"), "serving")
	client, _ := started(t, inventoryText, &own,
		named(join(t, name("w-3")), "first"), named(join(t, name("w-1", hostGroup+"w-1")), "again"),
		named(join(t, name("cp-1")), "other"), named(join(t, name("../w-3")), "path"), serving)
	for request, expected := range map[string]certificates.RequestConditionType{
		"first": certificates.CertificateApproved, "again": certificates.CertificateDenied,
		"other": certificates.CertificateDenied, "path": certificates.CertificateDenied,
	} {
		eventually(t, request, func() bool { return answerOf(client, request) == expected })
	}
	if answer := answerOf(client, "serving"); answer != "" {
		t.Errorf("a request whose Node is not registered yet was answered: %s", answer)
	}
	joined := node("w-3", "10.89.0.23")
	if _, err := client.CoreV1().Nodes().Create(context.Background(), &joined, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "serving", func() bool { return answerOf(client, "serving") == certificates.CertificateApproved })
}

func TestARequestWithoutANodeIsRefusedInTheEnd(t *testing.T) {
	csr := named(machineOf(t, "w-3", "10.89.0.23"), "serving")
	csr.CreationTimestamp = metav1.NewTime(time.Now().Add(-2 * registration))
	client, _ := started(t, inventoryText, csr)
	eventually(t, "refusal", func() bool { return answerOf(client, "serving") == certificates.CertificateDenied })
}

func TestNothingIsAnsweredWithoutAnInventory(t *testing.T) {
	client, c := started(t, "{}", named(join(t, name("w-3")), "first"))
	eventually(t, "an attempt", func() bool { return c.failed.Load() > 0 })
	if answer := answerOf(client, "first"); answer != "" {
		t.Errorf("answered: %s", answer)
	}
}

func TestOnlyNodesOfHostsThatLeftAreDeleted(t *testing.T) {
	annotated := func(name, value string) *corev1.Node {
		found := node(name)
		found.Annotations = map[string]string{leaving: value}
		return &found
	}
	exists := func(client *fake.Clientset, name string) bool {
		_, err := client.CoreV1().Nodes().Get(context.Background(), name, metav1.GetOptions{})
		return err == nil
	}
	silent := node("silent")
	client, _ := started(t, inventoryText, annotated("removed", "node"), annotated("w-1", "node"), annotated("w-3", "cluster"), annotated("other", "cluster"), &silent)
	eventually(t, "deletion", func() bool { return !exists(client, "removed") })
	// The answer to a request shows that the controller runs. It reads Nodes first.
	cloud, _ := started(t, `{"nodes":{"w-1":["10.89.0.21"]},"pools":{"workers":"i-.*"}}`,
		annotated("i-1", "node"), named(join(t, name("cp-1")), "other"))
	eventually(t, "answer", func() bool { return answerOf(cloud, "other") != "" })
	time.Sleep(100 * time.Millisecond)
	for _, name := range []string{"w-1", "w-3", "other", "silent"} {
		if !exists(client, name) {
			t.Errorf("node %s was deleted", name)
		}
	}
	if !exists(cloud, "i-1") {
		t.Error("a machine in a pool deleted its Node")
	}
}
