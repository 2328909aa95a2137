// kubelet-csr-approver approves certificates of kubelets by a strict policy: serving certificates, and the first
// client certificates of hosts that join. It also deletes the Nodes of hosts that left.
//
// Kubernetes approves only renewals of client certificates. One instance runs beside each control plane; leader
// election lets one of them answer. Flags are those of the well-known program of this name as far as they exist
// here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

type options struct {
	kubeconfig, regex, prefixes string
	domains                     string
	names, addresses, inventory string
	health, metrics, namespace  string
	maxSeconds                  int
	bypassDNS, elect            bool
}

func main() {
	log.SetFlags(0) // the journal has the time
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "file with the API's address and the client certificate (empty: in-cluster)")
	flag.StringVar(&o.regex, "provider-regex", ".*", "what DNS names must match, whole")
	flag.StringVar(&o.prefixes, "provider-ip-prefixes", "", "networks, comma-separated, that addresses must be in")
	flag.StringVar(&o.domains, "provider-domains", "", "domains, comma-separated, in which a cloud names machines by itself")
	flag.StringVar(&o.names, "reserved-names", "", "names, comma-separated, that no node may have (.example: all names below)")
	flag.StringVar(&o.addresses, "reserved-addresses", "", "addresses and networks, comma-separated, of no node in a pool")
	flag.StringVar(&o.inventory, "inventory", "kube-system/kubewright-inventory", "namespace/name of the ConfigMap with known nodes")
	flag.IntVar(&o.maxSeconds, "max-expiration-sec", 31622400, "longest life that may be asked for")
	flag.BoolVar(&o.bypassDNS, "bypass-dns-resolution", false, "do not require that names resolve to the addresses")
	flag.BoolVar(&o.elect, "leader-election", false, "let one of several instances answer")
	flag.StringVar(&o.namespace, "leader-election-namespace", "kube-system", "namespace of the lease")
	flag.StringVar(&o.health, "health-probe-bind-address", "127.0.0.1:8081", "where /healthz is answered (0: nowhere)")
	flag.StringVar(&o.metrics, "metrics-bind-address", "0", "where /metrics is answered (0: nowhere)")
	flag.Parse()
	if err := run(o); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatalf("kubelet-csr-approver: %v", err)
	}
}

func run(o options) error {
	rules, err := newPolicy(o)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return fmt.Errorf("--kubeconfig %s: %w", o.kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	namespace, name, found := strings.Cut(o.inventory, "/")
	if !found {
		return fmt.Errorf("--inventory %s: give namespace/name", o.inventory)
	}
	c := &controller{client: client, policy: rules, namespace: namespace, name: name}
	if err := serve(o, c); err != nil {
		return err
	}
	if !o.elect {
		return c.run(ctx)
	}
	return elect(ctx, o, client, c)
}

func newPolicy(o options) (policy, error) {
	names, err := regexp.Compile("^(?:" + o.regex + ")$")
	if err != nil {
		return policy{}, fmt.Errorf("--provider-regex: %w", err)
	}
	kept, err := newReserved(o.names, o.addresses)
	if err != nil {
		return policy{}, err
	}
	rules := policy{names: names, reserved: kept, maxExpiration: time.Duration(o.maxSeconds) * time.Second}
	for domain := range strings.SplitSeq(o.domains, ",") {
		if domain != "" {
			rules.domains = append(rules.domains, "."+domain)
		}
	}
	for text := range strings.SplitSeq(o.prefixes, ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return policy{}, fmt.Errorf("--provider-ip-prefixes: give at least one network such as 10.0.0.0/16: %w", err)
		}
		rules.prefixes = append(rules.prefixes, prefix)
	}
	if !o.bypassDNS {
		rules.resolve = lookup
	}
	return rules, nil
}

func lookup(host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, err
}

// elect runs the controller while this instance holds the lease; losing it ends the process, which
// systemd starts again.
func elect(ctx context.Context, o options, client kubernetes.Interface, c *controller) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	leading, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "kubelet-csr-approver", Namespace: o.namespace},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: fmt.Sprintf("%s_%d", host, os.Getpid())},
		},
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				result <- c.run(ctx)
				cancel()
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	elector.Run(leading)
	if ctx.Err() != nil {
		return nil // asked to stop
	}
	select {
	case err := <-result:
		if err != nil {
			return err
		}
	default:
	}
	return errors.New("the lease was lost")
}

func serve(o options, c *controller) error {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }
	mux.HandleFunc("/healthz", ok)
	mux.HandleFunc("/readyz", ok)
	numbers := http.NewServeMux()
	numbers.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE csr_approver_approved_total counter\ncsr_approver_approved_total %d\n", c.approved.Load())
		fmt.Fprintf(w, "# TYPE csr_approver_denied_total counter\ncsr_approver_denied_total %d\n", c.denied.Load())
		fmt.Fprintf(w, "# TYPE csr_approver_errors_total counter\ncsr_approver_errors_total %d\n", c.failed.Load())
	})
	for address, handler := range map[string]http.Handler{o.health: mux, o.metrics: numbers} {
		if address == "0" || address == "" {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		go func() { log.Print(server.Serve(listener)) }()
	}
	return nil
}
