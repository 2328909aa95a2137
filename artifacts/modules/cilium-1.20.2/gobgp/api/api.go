// Package api replaces the requests of GoBGP. Cilium's BGP control plane, which is off by default, needs their names
// to compile. No server receives them.
package api

import "time"

type (
	Family_Afi                 int32
	Family_Safi                int32
	TableType                  int32
	DefinedType                int32
	RouteAction                int32
	PolicyDirection            int32
	MatchSet_Type              int32
	CommunityAction_Type       int32
	Conditions_RouteType       int32
	PeerState_SessionState     int32
	ResetPeerRequest_Direction int32
)

// Numbers of address families, as in Cilium, which converts its own numbers to these types.
const (
	Family_AFI_UNSPECIFIED Family_Afi = 0
	Family_AFI_IP          Family_Afi = 1
	Family_AFI_IP6         Family_Afi = 2
	Family_AFI_L2VPN       Family_Afi = 25
	Family_AFI_LS          Family_Afi = 16388
	Family_AFI_OPAQUE      Family_Afi = 16397

	Family_SAFI_UNSPECIFIED              Family_Safi = 0
	Family_SAFI_UNICAST                  Family_Safi = 1
	Family_SAFI_MULTICAST                Family_Safi = 2
	Family_SAFI_MPLS_LABEL               Family_Safi = 4
	Family_SAFI_ENCAPSULATION            Family_Safi = 7
	Family_SAFI_VPLS                     Family_Safi = 65
	Family_SAFI_EVPN                     Family_Safi = 70
	Family_SAFI_LS                       Family_Safi = 71
	Family_SAFI_SR_POLICY                Family_Safi = 73
	Family_SAFI_MUP                      Family_Safi = 85
	Family_SAFI_MPLS_VPN                 Family_Safi = 128
	Family_SAFI_MPLS_VPN_MULTICAST       Family_Safi = 129
	Family_SAFI_ROUTE_TARGET_CONSTRAINTS Family_Safi = 132
	Family_SAFI_FLOW_SPEC_UNICAST        Family_Safi = 133
	Family_SAFI_FLOW_SPEC_VPN            Family_Safi = 134
	Family_SAFI_KEY_VALUE                Family_Safi = 241
)

// The numbers of the other constants have no meaning: they are only compared with each other.
const (
	TableType_TABLE_TYPE_LOCAL   TableType = 0
	TableType_TABLE_TYPE_ADJ_IN  TableType = 1
	TableType_TABLE_TYPE_ADJ_OUT TableType = 2

	DefinedType_DEFINED_TYPE_PREFIX   DefinedType = 0
	DefinedType_DEFINED_TYPE_NEIGHBOR DefinedType = 1

	RouteAction_ROUTE_ACTION_UNSPECIFIED RouteAction = 0
	RouteAction_ROUTE_ACTION_ACCEPT      RouteAction = 1
	RouteAction_ROUTE_ACTION_REJECT      RouteAction = 2

	PolicyDirection_POLICY_DIRECTION_UNSPECIFIED PolicyDirection = 0
	PolicyDirection_POLICY_DIRECTION_IMPORT      PolicyDirection = 1
	PolicyDirection_POLICY_DIRECTION_EXPORT      PolicyDirection = 2

	MatchSet_TYPE_ANY    MatchSet_Type = 0
	MatchSet_TYPE_ALL    MatchSet_Type = 1
	MatchSet_TYPE_INVERT MatchSet_Type = 2

	CommunityAction_TYPE_ADD    CommunityAction_Type = 1
	Conditions_ROUTE_TYPE_LOCAL Conditions_RouteType = 1

	ResetPeerRequest_DIRECTION_IN   ResetPeerRequest_Direction = 0
	ResetPeerRequest_DIRECTION_OUT  ResetPeerRequest_Direction = 1
	ResetPeerRequest_DIRECTION_BOTH ResetPeerRequest_Direction = 2

	PeerState_SESSION_STATE_UNSPECIFIED PeerState_SessionState = 0
	PeerState_SESSION_STATE_IDLE        PeerState_SessionState = 1
	PeerState_SESSION_STATE_CONNECT     PeerState_SessionState = 2
	PeerState_SESSION_STATE_ACTIVE      PeerState_SessionState = 3
	PeerState_SESSION_STATE_OPENSENT    PeerState_SessionState = 4
	PeerState_SESSION_STATE_OPENCONFIRM PeerState_SessionState = 5
	PeerState_SESSION_STATE_ESTABLISHED PeerState_SessionState = 6
)

type (
	StartBgpRequest struct{ Global *Global }
	StopBgpRequest  struct{ AllowGracefulRestart bool }
	GetBgpRequest   struct{}
	GetBgpResponse  struct{ Global *Global }
)

type Global struct {
	Asn                   uint32
	RouterId              string
	ListenPort            int32
	RouteSelectionOptions *RouteSelectionOptionsConfig
}

type (
	RouteSelectionOptionsConfig struct{ AdvertiseInactiveRoutes bool }
	AddPeerRequest              struct{ Peer *Peer }
	UpdatePeerRequest           struct{ Peer *Peer }
	UpdatePeerResponse          struct{ NeedsSoftResetIn bool }
	DeletePeerRequest           struct{ Address string }
)

type ListPeerRequest struct {
	Address          string
	EnableAdvertised bool
}

type ResetPeerRequest struct {
	Address       string
	Communication string
	Soft          bool
	Direction     ResetPeerRequest_Direction
}

type Peer struct {
	Conf            *PeerConf
	State           *PeerState
	Timers          *Timers
	Transport       *Transport
	EbgpMultihop    *EbgpMultihop
	GracefulRestart *GracefulRestart
	AfiSafis        []*AfiSafi
}

type PeerConf struct {
	Description     string
	NeighborAddress string
	AuthPassword    string
	LocalAsn        uint32
	PeerAsn         uint32
}

type PeerState struct {
	PeerAsn      uint32
	SessionState PeerState_SessionState
	LocalCap     []*Capability
	RemoteCap    []*Capability
}

type Capability struct{}

type Timers struct {
	Config *TimersConfig
	State  *TimersState
}

type TimersConfig struct {
	ConnectRetry           uint64
	HoldTime               uint64
	KeepaliveInterval      uint64
	IdleHoldTimeAfterReset uint64
}

type TimersState struct {
	KeepaliveInterval  uint64
	NegotiatedHoldTime uint64
	Uptime             Timestamp
}

type Timestamp struct{}

// AsTime returns the zero time, because no session was ever established.
func (Timestamp) AsTime() time.Time { return time.Time{} }

type Transport struct {
	LocalAddress string
	LocalPort    uint32
	RemotePort   uint32
}

type EbgpMultihop struct {
	Enabled     bool
	MultihopTtl uint32
}

type GracefulRestart struct {
	Enabled             bool
	RestartTime         uint32
	NotificationEnabled bool
	LocalRestarting     bool
}

type Family struct {
	Afi  Family_Afi
	Safi Family_Safi
}

type AfiSafi struct {
	Config            *AfiSafiConfig
	State             *AfiSafiState
	MpGracefulRestart *MpGracefulRestart
}

type AfiSafiConfig struct{ Family *Family }

type AfiSafiState struct {
	Family     *Family
	Received   uint64
	Accepted   uint64
	Advertised uint64
}

type (
	MpGracefulRestart       struct{ Config *MpGracefulRestartConfig }
	MpGracefulRestartConfig struct{ Enabled bool }
	AddDefinedSetRequest    struct{ DefinedSet *DefinedSet }
)

type DeleteDefinedSetRequest struct {
	DefinedSet *DefinedSet
	All        bool
}

type ListDefinedSetRequest struct{ DefinedType DefinedType }

type DefinedSet struct {
	DefinedType DefinedType
	Name        string
	List        []string
	Prefixes    []*Prefix
}

type Prefix struct {
	IpPrefix      string
	MaskLengthMin uint32
	MaskLengthMax uint32
}

type AddPolicyRequest struct{ Policy *Policy }

type DeletePolicyRequest struct {
	Policy             *Policy
	PreserveStatements bool
	All                bool
}

type ListPolicyRequest struct{}

type Policy struct {
	Name       string
	Statements []*Statement
}

type (
	AddPolicyAssignmentRequest    struct{ Assignment *PolicyAssignment }
	DeletePolicyAssignmentRequest struct{ Assignment *PolicyAssignment }
	SetPolicyAssignmentRequest    struct{ Assignment *PolicyAssignment }
	ListPolicyAssignmentRequest   struct{}
)

type PolicyAssignment struct {
	Name          string
	Direction     PolicyDirection
	Policies      []*Policy
	DefaultAction RouteAction
}

type Statement struct {
	Name       string
	Conditions *Conditions
	Actions    *Actions
}

type Conditions struct {
	NeighborSet *MatchSet
	PrefixSet   *MatchSet
	AfiSafiIn   []*Family
	RouteType   Conditions_RouteType
}

type MatchSet struct {
	Type MatchSet_Type
	Name string
}

type Actions struct {
	RouteAction    RouteAction
	Community      *CommunityAction
	LargeCommunity *CommunityAction
	LocalPref      *LocalPrefAction
	Nexthop        *NexthopAction
}

type CommunityAction struct {
	Type        CommunityAction_Type
	Communities []string
}

type LocalPrefAction struct{ Value uint32 }

type NexthopAction struct {
	Self      bool
	Unchanged bool
}
