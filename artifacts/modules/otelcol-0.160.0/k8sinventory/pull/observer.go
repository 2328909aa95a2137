// Package pull refuses the mode pull.
package pull

import (
	"errors"
	"time"

	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/open-telemetry/opentelemetry-collector-contrib/internal/k8sinventory"
)

// Config selects objects and the time between two lists.
type Config struct {
	k8sinventory.Config
	Interval time.Duration
}

// New returns an error.
func New(
	dynamic.Interface, Config, *zap.Logger, func(*unstructured.UnstructuredList),
) (k8sinventory.Observer, error) {
	return nil, errors.New("this build of the collector has no mode pull; use watch")
}
