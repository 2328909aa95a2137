// Package v3 replaces the client of the DNS provider exoscale. There are no clients: the provider ends with the error
// ErrNoClient.
package v3

import (
	"context"
	"errors"

	"github.com/exoscale/egoscale/v3/credentials"
)

// ErrNoClient is the result of every request.
var ErrNoClient = errors.New("this build of external-dns has no provider exoscale")

type (
	// UUID is the id of a zone or record.
	UUID string
	// Endpoint is the URL of the API.
	Endpoint string
	// DNSDomainRecordType is the type of a record.
	DNSDomainRecordType string
	// CreateDNSDomainRecordRequestType is the type of a new record.
	CreateDNSDomainRecordRequestType string
	// OperationState is the state of an operation.
	OperationState string
	// ClientOpt is an option of a client.
	ClientOpt func(*Client) error
)

// OperationStateSuccess is the state of an operation that has ended.
const OperationStateSuccess OperationState = "success"

// DNSDomain is a zone.
type DNSDomain struct {
	ID          UUID
	UnicodeName string
}

// DNSDomainRecord is a record of a zone.
type DNSDomainRecord struct {
	ID            UUID
	Name, Content string
	Type          DNSDomainRecordType
	Ttl           int64
}

// CreateDNSDomainRecordRequest describes a new record.
type CreateDNSDomainRecordRequest struct {
	Name, Content string
	Type          CreateDNSDomainRecordRequestType
	Ttl           int64
}

// UpdateDNSDomainRecordRequest describes a changed record.
type UpdateDNSDomainRecordRequest struct {
	Name, Content string
	Ttl           int64
}

// ListDNSDomainsResponse has the zones of an account.
type ListDNSDomainsResponse struct{ DNSDomains []DNSDomain }

// ListDNSDomainRecordsResponse has the records of a zone.
type ListDNSDomainRecordsResponse struct{ DNSDomainRecords []DNSDomainRecord }

// Operation is a change that has not ended.
type Operation struct{}

// Client has the type of a client.
type Client struct{}

// ClientOptWithEndpoint returns an option without effect.
func ClientOptWithEndpoint(Endpoint) ClientOpt { return func(*Client) error { return nil } }

// NewClient returns the error ErrNoClient.
func NewClient(*credentials.Credentials, ...ClientOpt) (*Client, error) { return nil, ErrNoClient }

// ListDNSDomains returns the error ErrNoClient.
func (Client) ListDNSDomains(context.Context) (*ListDNSDomainsResponse, error) { return nil, ErrNoClient }

// ListDNSDomainRecords returns the error ErrNoClient.
func (Client) ListDNSDomainRecords(context.Context, UUID) (*ListDNSDomainRecordsResponse, error) {
	return nil, ErrNoClient
}

// CreateDNSDomainRecord returns the error ErrNoClient.
func (Client) CreateDNSDomainRecord(context.Context, UUID, CreateDNSDomainRecordRequest) (*Operation, error) {
	return nil, ErrNoClient
}

// UpdateDNSDomainRecord returns the error ErrNoClient.
func (Client) UpdateDNSDomainRecord(
	context.Context, UUID, UUID, UpdateDNSDomainRecordRequest,
) (*Operation, error) {
	return nil, ErrNoClient
}

// DeleteDNSDomainRecord returns the error ErrNoClient.
func (Client) DeleteDNSDomainRecord(context.Context, UUID, UUID) (*Operation, error) { return nil, ErrNoClient }

// Wait returns the error ErrNoClient.
func (Client) Wait(context.Context, *Operation, ...OperationState) (*Operation, error) { return nil, ErrNoClient }
