// The server that answers HTTP-01 challenges of ACME. cert-manager starts its pods with the flags of upstream's
// program.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os/signal"
	"syscall"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
	"github.com/cert-manager/cert-manager/pkg/logs"
)

func main() {
	server := &solver.HTTP01Solver{}
	flag.IntVar(&server.ListenPort, "listen-port", 8089, "port of the server")
	flag.StringVar(&server.Domain, "domain", "", "DNS name of the challenge")
	flag.StringVar(&server.Token, "token", "", "token of the challenge")
	flag.StringVar(&server.Key, "key", "", "answer to the challenge")
	flag.Parse()
	logs.InitLogs()
	defer logs.FlushLogs()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Listen(logs.FromContext(ctx, "acmesolver")) }()
	select {
	case err := <-ended:
		if !errors.Is(err, http.ErrServerClosed) {
			log.Fatalf("acmesolver: %v", err)
		}
	case <-ctx.Done():
		if err := server.Shutdown(context.Background()); err != nil {
			log.Fatalf("acmesolver: %v", err)
		}
	}
}
