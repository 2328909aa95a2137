// Package watch reads changes of objects.
package watch

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/open-telemetry/opentelemetry-collector-contrib/internal/k8sinventory"
)

// retryPause is the time between two attempts to list or watch objects.
const retryPause = 2 * time.Second

// errExpired means that the API server no longer has the changes since a version.
var errExpired = errors.New("the version of the watch expired")

// Config selects objects. With IncludeInitialState the existing objects are reported as added.
type Config struct {
	k8sinventory.Config
	IncludeInitialState bool
	Exclude             map[apiwatch.EventType]bool
}

type observer struct {
	client dynamic.Interface
	config Config
	logger *zap.Logger
	report func(*apiwatch.Event)
}

// New returns an observer that calls report for each change. It keeps no positions in a storage.
func New(
	client dynamic.Interface,
	config Config,
	logger *zap.Logger,
	positions storage.Client,
	report func(*apiwatch.Event),
) (k8sinventory.Observer, error) {
	if positions != nil {
		return nil, errors.New("this build of the collector keeps no versions of objects; remove storage")
	}
	return &observer{client: client, config: config, logger: logger, report: report}, nil
}

// Start watches objects of all namespaces, or of those in the configuration.
func (o *observer) Start(ctx context.Context, wg *sync.WaitGroup) chan struct{} {
	stop := make(chan struct{})
	namespaces := o.config.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	// The receiver cancels its context when it stops. The channel can also be closed alone.
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-stop:
		case <-ctx.Done():
		}
	}()
	for _, namespace := range namespaces {
		wg.Go(func() { o.run(ctx, o.client.Resource(o.config.Gvr).Namespace(namespace)) })
	}
	return stop
}

// run lists and watches objects until the context ends. After an expired version it lists them again, and reports all
// of them, because changes in between would be lost otherwise.
func (o *observer) run(ctx context.Context, objects dynamic.ResourceInterface) {
	version := ""
	for ctx.Err() == nil {
		var err error
		if version == "" {
			version, err = o.list(ctx, objects)
		}
		if err == nil {
			version, err = o.follow(ctx, objects, version)
		}
		if errors.Is(err, errExpired) {
			version = ""
		}
		if err != nil && ctx.Err() == nil {
			o.logger.Warn("cannot watch objects", zap.String("resource", o.config.Gvr.String()), zap.Error(err))
			select {
			case <-ctx.Done():
			case <-time.After(retryPause):
			}
		}
	}
}

func (o *observer) options() metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: o.config.LabelSelector, FieldSelector: o.config.FieldSelector}
}

// list reports the existing objects and returns their version.
func (o *observer) list(ctx context.Context, objects dynamic.ResourceInterface) (string, error) {
	found, err := objects.List(ctx, o.options())
	if err != nil {
		return "", err
	}
	if o.config.IncludeInitialState {
		for i := range found.Items {
			o.report(&apiwatch.Event{Type: apiwatch.Added, Object: &found.Items[i]})
		}
	}
	return found.GetResourceVersion(), nil
}

// follow reports changes since a version until the API server ends the watch. It returns the last version.
func (o *observer) follow(
	ctx context.Context, objects dynamic.ResourceInterface, version string,
) (string, error) {
	options := o.options()
	options.ResourceVersion = version
	options.AllowWatchBookmarks = true
	watcher, err := objects.Watch(ctx, options)
	if err != nil {
		return version, expiredOr(err)
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if event.Type == apiwatch.Error {
			return version, expiredOr(statusError(event.Object))
		}
		if object, ok := event.Object.(metav1.Object); ok {
			version = object.GetResourceVersion()
		}
		if event.Type != apiwatch.Bookmark && !o.config.Exclude[event.Type] {
			o.report(&event)
		}
	}
	return version, nil
}
