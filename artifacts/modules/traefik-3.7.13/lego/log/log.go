// Package log has the logger of the ACME client.
package log

import "log/slog"

// SetDefault does nothing, because there is no client that logs.
func SetDefault(*slog.Logger) {}
