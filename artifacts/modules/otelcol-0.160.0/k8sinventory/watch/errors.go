package watch

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
)

// statusError returns the error in an event of the type ERROR.
func statusError(object runtime.Object) error {
	return apierrors.FromObject(object)
}

// expiredOr returns errExpired if the API server no longer has a version, or else the error.
func expiredOr(err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return fmt.Errorf("%w: %w", errExpired, err)
	}
	return err
}
