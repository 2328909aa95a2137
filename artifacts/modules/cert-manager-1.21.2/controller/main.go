// The controller of cert-manager: issuers of the types ACME, CA, self-signed and Vault, certificates, and annotations
// of Ingress objects.
//
// The flags are a subset of those of upstream's program, so that both run in the same pod. Unlike upstream, this
// program has no issuers of the type Venafi, no Gateway API and no metrics.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	dnsutil "github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"
	"github.com/cert-manager/cert-manager/pkg/logs"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	// These packages register their controllers and issuers.
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/vault"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/vault"
)

// Defaults of upstream: internal/apis/config/controller/v1alpha1/defaults.go.
const (
	workers              = 5
	maxChallenges        = 60
	checkRetryPeriod     = 10 * time.Second
	minimumBackoff       = time.Hour
	maximumBackoff       = 32 * time.Hour
	lease                = "cert-manager-controller"
	leaseDuration        = 60 * time.Second
	renewDeadline        = 40 * time.Second
	retryPeriod          = 15 * time.Second
	healthTimeout        = 20 * time.Second
	stopTimeout          = 20 * time.Second
	requestsPerSecond    = 20
	requestsBurst        = 50
	solverCPU            = "10m"
	solverCPULimit       = "100m"
	solverMemory         = "64Mi"
	copiedAnnotations    = "*"
	tlsACMEAnnotation    = "kubernetes.io/tls-acme"
	defaultIssuerKind    = "Issuer"
	defaultHealthAddress = "0.0.0.0:9403"
)

type options struct {
	resourceNamespace, leaseNamespace string
	solverImage, health               string
}

func main() {
	var o options
	flag.StringVar(&o.resourceNamespace, "cluster-resource-namespace", "kube-system", "namespace of the secrets of ClusterIssuers")
	flag.StringVar(&o.leaseNamespace, "leader-election-namespace", "kube-system", "namespace of the lease")
	flag.StringVar(&o.solverImage, "acme-http01-solver-image", "", "image of the pods that answer HTTP-01 challenges")
	flag.StringVar(&o.health, "healthz-listen-address", defaultHealthAddress, "where /livez is answered")
	flag.String("metrics-listen-address", "", "ignored: this program has no metrics")
	flag.Parse()
	logs.InitLogs()
	defer logs.FlushLogs()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, o); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatalf("cert-manager: %v", err)
	}
}

// run answers health checks, and runs the controllers while this process has the lease.
func run(ctx context.Context, o options) error {
	contexts, err := controller.NewContextFactory(ctx, contextOptions(o))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.health)
	if err != nil {
		return fmt.Errorf("--healthz-listen-address %s: %w", o.health, err)
	}
	health := healthz.NewServer(healthTimeout)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return health.Start(ctx, listener) })
	group.Go(func() error { return elect(ctx, o, contexts, health) })
	return group.Wait()
}

func contextOptions(o options) controller.ContextOptions {
	return controller.ContextOptions{
		KubernetesAPIQPS:   requestsPerSecond,
		KubernetesAPIBurst: requestsBurst,
		IssuerOptions: controller.IssuerOptions{
			ClusterResourceNamespace:        o.resourceNamespace,
			ClusterIssuerAmbientCredentials: true,
		},
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverImage:                 o.solverImage,
			HTTP01SolverResourceRequestCPU:    resource.MustParse(solverCPU),
			HTTP01SolverResourceRequestMemory: resource.MustParse(solverMemory),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse(solverCPULimit),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse(solverMemory),
			ACMEHTTP01SolverRunAsNonRoot:      true,
			DNS01CheckAuthoritative:           true,
			DNS01Nameservers:                  dnsutil.RecursiveNameservers,
			DNS01CheckRetryPeriod:             checkRetryPeriod,
		},
		IngressShimOptions: controller.IngressShimOptions{
			DefaultIssuerKind:                 defaultIssuerKind,
			DefaultIssuerGroup:                certmanager.GroupName,
			DefaultAutoCertificateAnnotations: []string{tlsACMEAnnotation},
		},
		CertificateOptions: controller.CertificateOptions{
			CopiedAnnotationPrefixes: []string{
				copiedAnnotations, "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/",
			},
			CertificateRequestMinimumBackoffDuration: minimumBackoff,
			CertificateRequestMaximumBackoffDuration: maximumBackoff,
		},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: maxChallenges},
	}
}

// elect runs the controllers when this process gets the lease, and returns when it ends or loses the lease.
func elect(ctx context.Context, o options, contexts *controller.ContextFactory, health *healthz.Server) error {
	election, err := contexts.Build("leader-election")
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: o.leaseNamespace, Name: lease},
		Client:     election.Client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: host, EventRecorder: election.Recorder},
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	started, ended := make(chan struct{}), make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   leaseDuration,
		RenewDeadline:   renewDeadline,
		RetryPeriod:     retryPeriod,
		ReleaseOnCancel: true,
		WatchDog:        health.LeaderHealthzAdaptor,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				close(started)
				ended <- runControllers(ctx, contexts)
				cancel()
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	health.LeaderHealthzAdaptor.SetLeaderElection(elector)
	elector.Run(running)
	select {
	case <-started:
	default:
		return ctx.Err() // another process had the lease
	}
	select {
	case err = <-ended:
	case <-time.After(stopTimeout):
		err = errors.New("the controllers did not end in time")
	}
	if err == nil && ctx.Err() == nil {
		err = errors.New("another process has the lease")
	}
	return err
}

// runControllers runs all registered controllers until the context ends or one of them fails.
func runControllers(ctx context.Context, contexts *controller.ContextFactory) error {
	group, ctx := errgroup.WithContext(ctx)
	for name, create := range controller.Known() {
		item, err := create(contexts)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		group.Go(func() error {
			// A controller that is stopped while it starts reports an error.
			if err := item.Run(workers, ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	shared, err := contexts.Build()
	if err != nil {
		return err
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	return group.Wait()
}
