// Package bgp replaces the messages of GoBGP. Cilium's BGP control plane, which is off by default, needs its names
// to compile. The functions that make or read messages return the error ErrNoBGP.
package bgp

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrNoBGP is the result of every function that needs BGP.
var ErrNoBGP = errors.New("this build of Cilium has no BGP")

// Numbers of address families, as IANA assigns them.
const (
	AFI_IP       = 1
	AFI_IP6      = 2
	SAFI_UNICAST = 1
)

// Family is an address family: AFI and SAFI.
type Family uint32

// NewFamily returns the family of an AFI and a SAFI.
func NewFamily(afi uint16, safi uint8) Family { return Family(uint32(afi)<<16 | uint32(safi)) }

// Afi returns the AFI of the family.
func (f Family) Afi() uint16 { return uint16(f >> 16) }

// Safi returns the SAFI of the family.
func (f Family) Safi() uint8 { return uint8(f) }

func (f Family) String() string { return fmt.Sprintf("%d/%d", f.Afi(), f.Safi()) }

// WellKnownCommunityValueMap has no communities, because no route has any.
var WellKnownCommunityValueMap map[string]uint32

// NLRI is a destination. There are no destinations.
type NLRI interface {
	Serialize() ([]byte, error)
	String() string
}

// PathNLRI is a destination of a path attribute.
type PathNLRI struct{ NLRI NLRI }

// IPAddrPrefix is a prefix as destination.
type IPAddrPrefix struct{}

// NewIPAddrPrefix returns the error ErrNoBGP.
func NewIPAddrPrefix(netip.Prefix) (*IPAddrPrefix, error) { return nil, ErrNoBGP }

// NLRIFromSlice returns the error ErrNoBGP.
func NLRIFromSlice(Family, []byte) (NLRI, error) { return nil, ErrNoBGP }

// Serialize returns the error ErrNoBGP.
func (*IPAddrPrefix) Serialize() ([]byte, error) { return nil, ErrNoBGP }

func (*IPAddrPrefix) String() string { return "" }

type (
	BGPAttrType       uint8
	BGPCapabilityCode uint8
)

// Numbers of the path attribute ORIGIN and of its values.
const (
	BGP_ATTR_TYPE_ORIGIN            BGPAttrType = 1
	BGP_ORIGIN_ATTR_TYPE_IGP                    = 0
	BGP_ORIGIN_ATTR_TYPE_INCOMPLETE             = 2
)

// PathAttributeInterface is an attribute of a path.
type PathAttributeInterface interface {
	DecodeFromBytes([]byte) error
	Serialize() ([]byte, error)
	GetType() BGPAttrType
	String() string
}

type pathAttribute struct{}

func (pathAttribute) DecodeFromBytes([]byte) error { return ErrNoBGP }

func (pathAttribute) Serialize() ([]byte, error) { return nil, ErrNoBGP }

func (pathAttribute) GetType() BGPAttrType { return 0 }

func (pathAttribute) String() string { return "" }

type PathAttributeOrigin struct{ pathAttribute }

type PathAttributeNextHop struct {
	pathAttribute
	Value netip.Addr
}

type PathAttributeMpReachNLRI struct {
	pathAttribute
	Nexthop netip.Addr
}

// GetPathAttribute returns the error ErrNoBGP.
func GetPathAttribute([]byte) (PathAttributeInterface, error) { return nil, ErrNoBGP }

// NewPathAttributeOrigin returns an attribute without a value, because callers expect no error.
func NewPathAttributeOrigin(uint8) *PathAttributeOrigin { return &PathAttributeOrigin{} }

// NewPathAttributeNextHop returns the error ErrNoBGP.
func NewPathAttributeNextHop(netip.Addr) (*PathAttributeNextHop, error) { return nil, ErrNoBGP }

// NewPathAttributeMpReachNLRI returns the error ErrNoBGP.
func NewPathAttributeMpReachNLRI(Family, []PathNLRI, ...netip.Addr) (*PathAttributeMpReachNLRI, error) {
	return nil, ErrNoBGP
}

// Codes of capabilities, as IANA assigns them.
const (
	BGP_CAP_MULTIPROTOCOL               BGPCapabilityCode = 1
	BGP_CAP_EXTENDED_NEXTHOP            BGPCapabilityCode = 5
	BGP_CAP_GRACEFUL_RESTART            BGPCapabilityCode = 64
	BGP_CAP_ADD_PATH                    BGPCapabilityCode = 69
	BGP_CAP_LONG_LIVED_GRACEFUL_RESTART BGPCapabilityCode = 71
	BGP_CAP_FQDN                        BGPCapabilityCode = 73
	BGP_CAP_SOFT_VERSION                BGPCapabilityCode = 75
)

func (c BGPCapabilityCode) String() string { return fmt.Sprintf("capability %d", uint8(c)) }

// ParameterCapabilityInterface is a capability of a peer. There are no peers.
type ParameterCapabilityInterface interface {
	Serialize() ([]byte, error)
	Code() BGPCapabilityCode
}

// DecodeCapability returns the error ErrNoBGP.
func DecodeCapability([]byte) (ParameterCapabilityInterface, error) { return nil, ErrNoBGP }

type capability struct{}

func (capability) Serialize() ([]byte, error) { return nil, ErrNoBGP }

func (capability) Code() BGPCapabilityCode { return 0 }

type CapMultiProtocol struct {
	capability
	CapValue Family
}

type CapGracefulRestart struct {
	capability
	Flags  uint8
	Time   uint16
	Tuples []CapGracefulRestartTuple
}

type CapGracefulRestartTuple struct {
	AFI   uint16
	SAFI  uint8
	Flags uint8
}

type CapLongLivedGracefulRestart struct {
	capability
	Tuples []CapLongLivedGracefulRestartTuple
}

type CapLongLivedGracefulRestartTuple struct {
	AFI         uint16
	SAFI        uint8
	Flags       uint8
	RestartTime uint32
}

type CapExtendedNexthop struct {
	capability
	Tuples []CapExtendedNexthopTuple
}

type CapExtendedNexthopTuple struct {
	NLRIAFI    uint16
	NLRISAFI   uint16
	NexthopAFI uint16
}

type CapAddPath struct {
	capability
	Tuples []CapAddPathTuple
}

type CapAddPathTuple struct {
	Family Family
	Mode   BGPAddPathMode
}

type BGPAddPathMode uint8

func (m BGPAddPathMode) String() string { return fmt.Sprintf("mode %d", uint8(m)) }

type CapFQDN struct {
	capability
	HostName   string
	DomainName string
}

type CapSoftwareVersion struct {
	capability
	SoftwareVersion string
}
