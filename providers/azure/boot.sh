# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# Azure's half of the boot program: who this machine is, its store, its data disk, and when it has to go.
# Before it stand STORE (the URL of blobs) and CONTAINER (what this machine reads; it writes CONTAINER-status),
# METADATA (the URL of the instance metadata service), PODS (the pods' network, kept away from that service),
# VOLUME (the number of the data disk, or nothing), HEALTH (the port of loopback where Azure's health extension
# asks, or nothing) and ENDPOINT (the API's name on a control plane, or nothing).

# The version of the service that `metadata` speaks; of blobs' that takes tokens.
azure_instance_version=2021-02-01
azure_blob_version=2021-12-02

# azure_ask ARGUMENTS…: the metadata service. Its passing troubles (404, 410, 429, 5xx) are waited out, as
# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token asks.
azure_ask() {
    curl --silent --show-error --fail --noproxy '*' --connect-timeout 5 --max-time 130 \
        --retry 6 --retry-all-errors --retry-max-time 150 --header 'Metadata: true' "$@"
}

azure_metadata() {
    azure_ask "$METADATA/metadata/instance/$1?api-version=$azure_instance_version&format=text"
}

# azure_authorization: the header of a request to the store, from the machine's one identity. It only ever
# travels by pipes: an argument could be seen by any process.
azure_authorization() {
    azure_ask "$METADATA/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com%2F" |
        sed -n 's/.*"access_token" *: *"\([^"]*\)".*/Authorization: Bearer \1/p'
}

# azure_blob CONTAINER KEY ARGUMENTS…: a request to the store.
azure_blob() {
    azure_where=$STORE/$1/$2
    shift 2
    azure_authorization | curl --silent --show-error --fail --connect-timeout 10 --max-time 300 --retry 3 \
        ${CA_FILE:+--cacert "$CA_FILE"} --header @- --header "x-ms-version: $azure_blob_version" "$@" "$azure_where"
}

cloud_identity() {
    if [ -z "${BOOT_NAME:-}" ]; then
        BOOT_NAME=$(azure_metadata compute/osProfile/computerName | tr '[:upper:]' '[:lower:]')
    fi
    BOOT_ADDRESS=$(azure_metadata network/interface/0/ipv4/ipAddress/0/privateIpAddress)
    azure_id=$(azure_metadata compute/resourceId)
    # The cloud controller writes the resource group in lower case, and compares ids as text.
    azure_group=$(printf '%s' "$azure_id" | cut -d / -f 5)
    azure_lower=$(printf '%s' "$azure_group" | tr '[:upper:]' '[:lower:]')
    BOOT_ID="azure://${azure_id%%/"$azure_group"/*}/$azure_lower/${azure_id#*/"$azure_group"/}"
    [ -n "$BOOT_NAME" ] && [ -n "$BOOT_ADDRESS" ] && [ -n "$azure_id" ] || return 1
    # Once after every start of the machine, before anything of the cluster runs on it.
    [ -e "$RUN/prepared" ] || { azure_prepare && : >"$RUN/prepared"; }
}

cloud_get() { azure_blob "$CONTAINER" "$1" --output "$2"; }

cloud_put() { azure_blob "$CONTAINER-status" "$1" --header 'x-ms-blob-type: BlockBlob' --upload-file "$2"; }

# The disk is attached by its number: by azure-vm-utils' name (SCSI and NVMe), or by the agent's (SCSI).
cloud_volume() {
    azure_tries=0
    while [ "$azure_tries" -lt 60 ]; do
        for azure_device in "/dev/disk/azure/data/by-lun/$VOLUME" "/dev/disk/azure/scsi1/lun$VOLUME"; do
            if [ -b "$azure_device" ]; then
                printf '%s\n' "$azure_device"
                return 0
            fi
        done
        azure_tries=$((azure_tries + 1))
        sleep 2
    done
    echo "no data disk with number $VOLUME; is it attached to this machine?" >&2
    return 1
}

# azure_end: the id of the event that ends this machine; empty when there is none. Objects of the answer are
# flat, so that each is one line once it is split at its brackets.
azure_end() {
    azure_name=$(azure_metadata compute/name) || return 1
    azure_ask "$METADATA/metadata/scheduledevents?api-version=2020-07-01" | tr -d '\r\n' | tr '{' '\n' |
        grep -E '"EventType" *: *"(Terminate|Preempt)"' | grep -F "\"$azure_name\"" |
        sed -n 's/.*"EventId" *: *"\([^"]*\)".*/\1/p' | head -n 1
}

cloud_leaving() { [ -n "$(azure_end)" ]; }

# Without this Azure waits until the notice is over.
cloud_left() {
    azure_event=$(azure_end)
    [ -n "$azure_event" ] || return 0
    azure_ask --request POST --header 'Content-Type: application/json' \
        --data "{\"StartRequests\": [{\"EventId\": \"$azure_event\"}]}" \
        "$METADATA/metadata/scheduledevents?api-version=2020-07-01" >/dev/null
}

# cloud_ready: nothing waits for it: whether the node is well is the health extension's to ask.
cloud_ready() { :; }

# azure_prepare: what Azure needs of a machine beside the cluster.
azure_prepare() {
    azure_guard || return 1
    if [ -n "$HEALTH" ]; then azure_health || return 1; fi
    # A member of a balancer's pool cannot reach itself through it: it uses its own API server, by the same name.
    if [ -n "$ENDPOINT" ] && ! grep -qF " $ENDPOINT # kubewright" "$ROOT/etc/hosts"; then
        echo "127.0.0.1 $ENDPOINT # kubewright" >>"$ROOT/etc/hosts"
    fi
}

# azure_guard: pods have no business with the machine's identity, nor with what Azure's agent is told. (6 is TCP:
# its name would need /etc/protocols, which small images do not have.) systemd-networkd removes rules that are not
# its own whenever it starts, which any upgrade makes it do: it is told not to, and the rules come again after it.
azure_guard() {
    azure_host=${METADATA#*://}
    azure_port=${azure_host##*:}
    if [ "$azure_port" = "$azure_host" ]; then azure_port=80; fi
    (umask 022 && mkdir -p "$ROOT/etc/systemd/networkd.conf.d")
    printf '[Network]\nManageForeignRoutingPolicyRules=no\n' >"$ROOT/etc/systemd/networkd.conf.d/kubewright.conf"
    chmod 0644 "$ROOT/etc/systemd/networkd.conf.d/kubewright.conf"
    unit kubewright-metadata.service 'Kubewright: pods do not reach the metadata service' <<EOF
Before=kubelet.service
After=systemd-networkd.service
PartOf=systemd-networkd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'while ip rule del priority 90 2>/dev/null; do :; done'
ExecStart=ip rule add priority 90 from $PODS to ${azure_host%:*} ipproto 6 dport $azure_port prohibit
ExecStart=ip rule add priority 90 from $PODS to 168.63.129.16 ipproto 6 dport 80 prohibit
ExecStart=ip rule add priority 90 from $PODS to 168.63.129.16 ipproto 6 dport 32526 prohibit

[Install]
WantedBy=multi-user.target
EOF
    systemctl daemon-reload
    systemctl enable --quiet --now kubewright-metadata.service && return 0
    echo "pods cannot be kept from the metadata service: see systemctl status kubewright-metadata.service" >&2
    return 1
}

# azure_health: answers the health extension in its words: healthy as long as the kubelet says so.
azure_health() {
    unit kubewright-health.socket 'Kubewright: health of this node for Azure' <<EOF

[Socket]
ListenStream=127.0.0.1:$HEALTH
Accept=yes

[Install]
WantedBy=sockets.target
EOF
    unit kubewright-health@.service 'Kubewright: one answer about the health of this node' <<EOF
CollectMode=inactive-or-failed

[Service]
ExecStart=/bin/sh $PLACE/health
StandardInput=socket
StandardOutput=socket
StandardError=journal
TimeoutSec=15
EOF
    cat >"$ROOT$PLACE/health" <<'EOF'
while read -r line && [ "${#line}" -gt 1 ]; do :; done
state=Unhealthy
if curl --silent --fail --max-time 5 --output /dev/null http://127.0.0.1:10248/healthz; then state=Healthy; fi
body="{\"ApplicationHealthState\": \"$state\"}"
printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
    "${#body}" "$body"
EOF
    systemctl daemon-reload
    systemctl enable --quiet --now kubewright-health.socket
}
