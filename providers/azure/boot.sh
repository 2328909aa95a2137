# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# Azure's part of the boot program: identity, store, data disk, termination events.
# Variables: STORE (URL of the blob service), CONTAINER (the container to read; statuses go to CONTAINER-status),
# IDENTITY (resource id of the machine's identity, encoded for a URL), STORAGE (the resource that tokens for the
# store are for, encoded for a URL), METADATA (URL of the metadata service), PODS (the pod network, which must not
# reach that service), VOLUME (number of the data disk, or empty), HEALTH (port of the health extension on loopback,
# or empty), ENDPOINT (name of the API on a control plane, or empty) and JOINS (container for the tokens of machines).

# API versions of the metadata service, and of the blob service with tokens.
azure_instance_version=2021-02-01
azure_blob_version=2021-12-02

# azure_ask ARGUMENTS…: a request to the metadata service. Retries temporary errors (404, 410, 429, 5xx), as
# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token requires.
azure_ask() {
    curl --silent --show-error --fail --noproxy '*' --connect-timeout 5 --max-time 130 \
        --retry 6 --retry-all-errors --retry-max-time 150 --header 'Metadata: true' "$@"
}

azure_metadata() {
    azure_ask "$METADATA/metadata/instance/$1?api-version=$azure_instance_version&format=text"
}

# azure_json PROGRAM ARGUMENTS…: runs lines of Python with the JSON of stdin in `answer`. cloud-init needs python3.
azure_json() {
    azure_program=$1
    shift
    python3 -c "import json, sys
try:
    answer = json.load(sys.stdin)
except ValueError:
    sys.exit('the metadata service gave no JSON')
$azure_program" "$@"
}

# azure_authorization: the authorization header for the store, with the identity of the machine. A policy of the
# subscription can give further identities to a machine, so the request names the identity. The header travels only
# by pipes: any process can read the arguments of a command.
azure_authorization() {
    azure_ask "$METADATA/metadata/identity/oauth2/token?api-version=2018-02-01&resource=$STORAGE&msi_res_id=$IDENTITY" |
        azure_json 'print("Authorization: Bearer " + answer["access_token"])'
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
    # The cloud controller writes the resource group in lower case and compares ids as text.
    azure_group=$(printf '%s' "$azure_id" | cut -d / -f 5)
    azure_lower=$(printf '%s' "$azure_group" | tr '[:upper:]' '[:lower:]')
    BOOT_ID="azure://${azure_id%%/"$azure_group"/*}/$azure_lower/${azure_id#*/"$azure_group"/}"
    [ -n "$BOOT_NAME" ] && [ -n "$BOOT_ADDRESS" ] && [ -n "$azure_id" ] || return 1
    # Once after every start of the machine, before services of the cluster start.
    [ -e "$RUN/prepared" ] || { azure_prepare && : >"$RUN/prepared"; }
}

cloud_get() { azure_blob "$CONTAINER" "$1" --output "$2"; }

cloud_artifact() { azure_blob artifacts "$1" --output "$2"; }

cloud_put() { azure_blob "$CONTAINER-status" "$1" --header 'x-ms-blob-type: BlockBlob' --upload-file "$2"; }

# cloud_join FILE: gives the bootstrap token in FILE to the control planes: adds a blob with the token, and with a
# document in which Azure signs the id of this machine and a nonce of the token. The machine cannot replace a blob, so
# each attempt has a new name.
cloud_join() {
    azure_nonce=$(tr -d '\n' <"$1" | sha256sum | cut -c 1-32)
    azure_vm=$(azure_metadata compute/vmId | tr '[:upper:]' '[:lower:]')
    azure_machine=$(azure_metadata compute/resourceId)
    azure_attempt=$(head -c 8 /dev/urandom | od -A n -t x1 | tr -d ' \n')
    [ -n "$azure_vm" ] && [ -n "$azure_machine" ] || return 1
    rm -rf "$RUN/join" && mkdir "$RUN/join" && azure_document && azure_issuers || return 1
    azure_json '
token, issuers = (open(name).read().strip() for name in sys.argv[1:3])
join = {"token": token, "machine": sys.argv[3], "document": answer["signature"], "issuers": issuers + "\n"}
print(json.dumps(join))' "$1" "$RUN/join/issuers" "$azure_machine" <"$RUN/join/answer" >"$RUN/join/blob" || return 1
    azure_blob "$JOINS" "$azure_vm/$azure_attempt" --header 'x-ms-blob-type: BlockBlob' \
        --header 'If-None-Match: *' --upload-file "$RUN/join/blob" || return 1
    rm -rf "$RUN/join"
}

# azure_document: asks for the document. The metadata service may answer with a document of an earlier request
# (https://github.com/MicrosoftDocs/azure-docs/issues/43938).
azure_document() {
    azure_ask "$METADATA/metadata/attested/document?api-version=2020-09-01&nonce=$azure_nonce" \
        >"$RUN/join/answer" || return 1
    azure_json 'import base64
sys.stdout.buffer.write(base64.b64decode(answer["signature"]))' <"$RUN/join/answer" >"$RUN/join/document" || return 1
    openssl cms -verify -noverify -inform DER -in "$RUN/join/document" -binary -signer "$RUN/join/signer" \
        -out "$RUN/join/content" 2>"$RUN/join/reason" || {
        echo "openssl cannot read the signed document of the metadata service: $(tail -n 1 "$RUN/join/reason")" >&2
        return 1
    }
    grep -qF "\"$azure_nonce\"" "$RUN/join/content" && return 0
    echo 'the metadata service gave the signed document of an earlier request; asking again' >&2
    return 1
}

# azure_issuers: the certificates between the signer of the document and an authority that this machine trusts. This
# machine fetches them, and no control plane: a certificate names the address of the certificate of its issuer.
azure_issuers() {
    openssl pkcs7 -inform DER -in "$RUN/join/document" -print_certs >"$RUN/join/issuers" || return 1
    azure_certificate=$RUN/join/signer
    azure_hops=0
    until azure_trusts || azure_trusts -CAfile "$CA_FILE" || [ "$azure_hops" -eq 4 ]; do
        azure_hops=$((azure_hops + 1))
        azure_issuer=$(openssl x509 -in "$azure_certificate" -noout -ext authorityInfoAccess 2>/dev/null |
            sed -n 's/.*CA Issuers - URI://p' | head -n 1)
        azure_certificate=$RUN/join/issuer
        curl --silent --show-error --fail --proto =http,https --connect-timeout 10 --max-time 60 --retry 3 \
            --output "$RUN/join/der" "$azure_issuer" || break
        openssl x509 -inform DER -in "$RUN/join/der" -out "$azure_certificate" || break
        cat "$azure_certificate" >>"$RUN/join/issuers"
    done
}

# azure_trusts OPTIONS…: whether the known certificates lead from the signer to an authority that this machine trusts.
azure_trusts() {
    openssl verify -purpose any -untrusted "$RUN/join/issuers" "$@" "$RUN/join/signer" >/dev/null 2>&1
}

# The names of the disk by its number: from azure-vm-utils (SCSI and NVMe), or from the agent (SCSI).
cloud_volume() {
    azure_tries=0
    while [ "$azure_tries" -lt 20 ]; do
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

# azure_end: prints the id of the event that terminates this machine, or nothing.
azure_end() {
    azure_name=$(azure_metadata compute/name) || return 1
    azure_ask "$METADATA/metadata/scheduledevents?api-version=2020-07-01" | azure_json '
for event in answer["Events"]:
    if event["EventType"] in ("Terminate", "Preempt") and sys.argv[1] in event["Resources"]:
        print(event["EventId"])
        break' "$azure_name"
}

cloud_leaving() { [ -n "$(azure_end)" ]; }

# Acknowledges the event: otherwise Azure waits until the notice is over.
cloud_left() {
    azure_event=$(azure_end)
    [ -n "$azure_event" ] || return 0
    azure_ask --request POST --header 'Content-Type: application/json' \
        --data "{\"StartRequests\": [{\"EventId\": \"$azure_event\"}]}" \
        "$METADATA/metadata/scheduledevents?api-version=2020-07-01" >/dev/null
}

# cloud_unhealthy: repairs this machine in place, from the store: Azure repairs only machines of scale sets
# (docs/azure.md). The boot service is stopped first, because it may wait for a service with a damaged program.
cloud_unhealthy() {
    systemctl stop kubewright-boot.service
    (hosted prepare_repair) || say 'damaged files may remain on this machine' >&2
    rm -f "$RUN/complete" "$RUN/unhealthy"
    systemctl start --no-block kubewright-boot.service
}

# cloud_ready: does nothing, because Azure asks the health extension.
cloud_ready() { :; }

# azure_prepare: settings of the machine that only Azure needs.
azure_prepare() {
    azure_guard || return 1
    if [ -n "$HEALTH" ]; then azure_health || return 1; fi
    # A member of a load balancer's pool cannot reach itself through it: the name leads to the local API server.
    if [ -n "$ENDPOINT" ] && ! grep -qF " $ENDPOINT # kubewright" "$ROOT/etc/hosts"; then
        echo "127.0.0.1 $ENDPOINT # kubewright" >>"$ROOT/etc/hosts"
    fi
}

# azure_guard: keeps pods from the identity of the machine and from the endpoint of Azure's agent. (6 is TCP:
# the name needs /etc/protocols, which small images lack.) systemd-networkd removes foreign rules when it starts,
# for example after an upgrade: its configuration keeps them, and the unit adds them again after it.
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

# azure_health: answers the health extension in its format: healthy while the kubelet reports healthy.
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
