// Package civogo replaces the client of the DNS provider civo. There are no clients: the provider ends with the error
// ErrNoClient.
package civogo

import "errors"

// ErrNoClient is the result of every request.
var ErrNoClient = errors.New("this build of external-dns has no provider civo")

// DNSRecordType is the type of a record.
type DNSRecordType string

// Types of records.
const (
	DNSRecordTypeA     DNSRecordType = "A"
	DNSRecordTypeCName DNSRecordType = "CNAME"
	DNSRecordTypeSRV   DNSRecordType = "SRV"
	DNSRecordTypeTXT   DNSRecordType = "TXT"
)

// DNSDomain is a zone.
type DNSDomain struct{ ID, Name string }

// DNSRecord is a record of a zone.
type DNSRecord struct {
	ID, DNSDomainID, Name, Value string
	Type                         DNSRecordType
	Priority, TTL                int
}

// DNSRecordConfig describes a new record.
type DNSRecordConfig struct {
	Type          DNSRecordType
	Name, Value   string
	Priority, TTL int
}

// SimpleResponse is the answer to a deletion.
type SimpleResponse struct{}

// Component names the program in requests.
type Component struct{ ID, Name, Version string }

// Client has the type of a client.
type Client struct{}

// NewClient returns the error ErrNoClient.
func NewClient(_, _ string) (*Client, error) { return nil, ErrNoClient }

// SetUserAgent does nothing.
func (*Client) SetUserAgent(*Component) {}

// ListDNSDomains returns the error ErrNoClient.
func (*Client) ListDNSDomains() ([]DNSDomain, error) { return nil, ErrNoClient }

// ListDNSRecords returns the error ErrNoClient.
func (*Client) ListDNSRecords(string) ([]DNSRecord, error) { return nil, ErrNoClient }

// CreateDNSRecord returns the error ErrNoClient.
func (*Client) CreateDNSRecord(string, *DNSRecordConfig) (*DNSRecord, error) { return nil, ErrNoClient }

// UpdateDNSRecord returns the error ErrNoClient.
func (*Client) UpdateDNSRecord(*DNSRecord, *DNSRecordConfig) (*DNSRecord, error) { return nil, ErrNoClient }

// DeleteDNSRecord returns the error ErrNoClient.
func (*Client) DeleteDNSRecord(*DNSRecord) (*SimpleResponse, error) { return nil, ErrNoClient }
