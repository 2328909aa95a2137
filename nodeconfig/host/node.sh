# shellcheck shell=sh
# Part of the host program: what a node does to itself with its kubelet's credentials (drain, uncordon, leave),
# and `reset`. nodeconfig.host_program joins it to host.sh.

node_api() {
    "$LIBRARY/bin/kubectl" --kubeconfig="$ROOT/var/lib/kubelet/kubeconfig" --request-timeout=10s "$@"
}

local_health() { # URL without TLS on loopback: succeeds when that component of this host reports health
    KUBECONFIG=$WORK/none "$LIBRARY/bin/kubectl" --request-timeout=3s --server="${1%/*}" get --raw "/${1##*/}"
}

node_ready() { # [without-network]: the Node is Ready, or would be with a pod network
    if ! has_kubelet_certificate; then
        say "node $NODE_NAME has no certificate: if the host was reinstalled, its old Node must be deleted:" \
            "run kubewright replace --host $NODE_NAME" >&2
        return 1
    fi
    state=$(node_api get node "$NODE_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")]}') || return 1
    case ${1:-}:$state in
    *'"status":"True"'* | without-network:*'NetworkReady=false'*) return 0 ;;
    esac
    say "node $NODE_NAME: ${state:-no condition Ready yet}" >&2
    return 1
}

node_registered() {
    [ -f "$ROOT/var/lib/kubelet/kubeconfig" ] && [ -x "$LIBRARY/bin/kubectl" ] &&
        node_api get node "$NODE_NAME" -o name >/dev/null 2>&1
}

# drain_node SECONDS REASON: a file records that we cordoned the node until it is uncordoned, also when the run
# is interrupted. A node that an administrator cordoned stays cordoned.
drain_node() {
    node_registered || return 0
    if [ "$(node_api get node "$NODE_NAME" -o 'jsonpath={.spec.unschedulable}')" != true ]; then
        : >"$STATE/cordoned"
    fi
    say "draining $NODE_NAME: $2"
    deadline=$(($(date +%s) + $1))
    # When a pod is gone the API no longer lets its node read it, and kubectl fails (forbidden instead of not
    # found). The next attempt lists only remaining pods.
    until node_api drain "$NODE_NAME" --ignore-daemonsets --delete-emptydir-data --force --timeout="$1s" \
        >"$WORK/drain" 2>&1; do
        case $(cat "$WORK/drain") in
            *'no relationship found between node'*) [ "$(date +%s)" -ge "$deadline" ] || continue ;;
        esac
        tail -n 5 "$WORK/drain" >&2
        die "the node was not drained in $1 s ($2)$(blocking_pods); it stays cordoned; free these pods, or" \
            "raise drain_timeout, and run again"
    done
}

# blocking_pods: pods that could not be evicted, and the disruption budgets that protect them.
blocking_pods() {
    while read -r line; do
        case $line in *'error when evicting pods/"'*) ;; *) continue ;; esac
        pod=${line#*pods/\"} namespace=${line#*-n \"}
        say "${namespace%%\"*} ${pod%%\"*}"
    done <"$WORK/drain" | sort -u >"$WORK/blocking"
    while read -r namespace pod; do
        budget=$(blocking_budget "$namespace" "$pod")
        printf ': pod %s/%s is held%s' "$namespace" "$pod" "${budget:+ by the disruption budget $budget}"
    done <"$WORK/blocking"
}

# blocking_budget NAMESPACE POD: the API names the budget in the details of its refusal, which kubectl shows
# only in its log. A dry run, so that the request evicts nothing.
blocking_budget() {
    printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"%s","namespace":"%s"},%s}' \
        "$2" "$1" '"deleteOptions":{"dryRun":["All"]}' >"$WORK/eviction"
    answer=$(node_api -v=8 create --raw "/api/v1/namespaces/$1/pods/$2/eviction" -f "$WORK/eviction" 2>&1) || :
    case $answer in *'The disruption budget '*) ;; *) return 0 ;; esac
    answer=${answer#*The disruption budget }
    say "${answer%% *}"
}

uncordon_node() {
    [ -e "$STATE/cordoned" ] || return 0
    node_registered || return 0
    node_api uncordon "$NODE_NAME" >/dev/null
    rm -f "$STATE/cordoned"
}

# delete_stale_node: a machine that replaces a lost one has its name, but must not get its Node: a bootstrap token
# is useless while the Node exists, and the provider's id cannot change in a Node. A machine is new when it has no
# certificate of a kubelet, or another id. Only a control plane may delete its Node.
delete_stale_node() {
    [ "$ROLE" = node ] && [ -f "$ROOT/etc/kubernetes/admin.conf" ] || return 0
    if [ -z "$PROVIDER_ID" ] && has_kubelet_certificate; then return 0; fi
    old=$(admin_api get node "$NODE_NAME" --ignore-not-found -o 'jsonpath={.metadata.name} {.spec.providerID}' \
        2>"$WORK/reason") || die "cannot find out whether an old Node has this name: $(tail -n 1 "$WORK/reason")"
    [ -n "$old" ] || return 0
    old=${old#* }
    if has_kubelet_certificate; then
        case $old in '' | "$PROVIDER_ID") return 0 ;; esac
    fi
    admin_api delete node "$NODE_NAME" --ignore-not-found --timeout=60s >/dev/null ||
        die "cannot delete the old Node of this name${old:+, $old}; check the API server's health, then run again"
    say "deleted the Node of the machine that had this name before${old:+, $old}"
}

# label_new_node: a new Node of a control plane gets its labels and taints here, because a kubelet may not set them.
# Without them, no controller of the cloud would run here. The annotation shows that an administrator has set them:
# node-labels.sh changes them from then on.
label_new_node() {
    [ -s "$WORK/labels" ] && [ -f "$ROOT/etc/kubernetes/admin.conf" ] || return 0
    applied=$(admin_api get node "$NODE_NAME" -o 'jsonpath={.metadata.annotations.kubewright\.dev/applied}' \
        2>"$WORK/reason") || die "cannot read the labels of the Node: $(tail -n 1 "$WORK/reason")"
    [ -z "$applied" ] || return 0
    labels='' taints=''
    while read -r kind value; do
        case $kind in
        label) labels="$labels $value" applied="$applied${applied:+,}label=${value%%=*}" ;;
        taint) taints="$taints $value" applied="$applied${applied:+,}taint=${value%%=*}:${value##*:}" ;;
        esac
    done <"$WORK/labels"
    change_node label "$labels"
    change_node taint "$taints"
    change_node annotate "kubewright.dev/applied=$applied"
    say "set the labels and taints of the new Node"
}

change_node() { # label|taint|annotate WORDS
    [ -n "$2" ] || return 0
    # shellcheck disable=SC2086 # one word for each label and taint
    admin_api "$1" --overwrite node "$NODE_NAME" $2 >/dev/null 2>"$WORK/reason" ||
        die "cannot $1 the Node: $(tail -n 1 "$WORK/reason"); check the API server's health, then run again"
}

# A rotation keeps the previous certificate until the kubelet has the next one.
has_kubelet_certificate() {
    [ -e "$ROOT/var/lib/kubelet/pki/kubelet-client-current.pem" ] ||
        [ -e "$ROOT/var/lib/kubelet/pki/kubelet-client-previous.pem" ]
}

admin_api() {
    "$LIBRARY/bin/kubectl" --kubeconfig="$ROOT/etc/kubernetes/admin.conf" --request-timeout=10s "$@"
}

# remove_node SECONDS: drains the node within that time, because the machine is removed.
remove_node() {
    ROLE=node
    [ -d "$STATE/roles/$ROLE" ] || return 0
    # shellcheck disable=SC1091
    . "$ROOT/etc/kubewright/host.env"
    lock
    leave_cluster "$1"
    systemctl stop kubelet.service
}

away() { remove_node "$@"; } # the name that boot programs of cloud machines use

# --- reset -----------------------------------------------------------------------------------

# reset ROLE [leave [SECONDS]]: removes the role. With `leave` a node is drained within that time and asks for the
# deletion of its Node first, and an etcd member leaves the membership.
reset() {
    ROLE=$1
    RECORD=$STATE/roles/$ROLE
    [ -d "$RECORD" ] || { say "$ROLE unchanged"; return 0; }
    lock
    if [ -f "$ROOT/etc/kubewright/host.env" ]; then
        # shellcheck disable=SC1091
        . "$ROOT/etc/kubewright/host.env"
    fi
    for list in paths units digests; do [ -f "$RECORD/$list" ] || : >"$RECORD/$list"; done
    if [ "$ROLE" = node ]; then
        [ "${2:-}" != leave ] || leave_cluster "${3:-300}"
        systemctl stop kubelet.service kube-proxy.service flanneld.service 2>/dev/null || :
        remove_containers
    fi
    if [ "$ROLE" = etcd ] && [ "${2:-}" = leave ] && [ ! -e "$STATE/leaving" ] && [ -x "$LIBRARY/etcd-member" ]; then
        "$LIBRARY/etcd-member" leave || die "etcd was not removed (the reason is above)"
    fi
    unused units "$RECORD/units" >"$WORK/units.stale"
    stop_units "$WORK/units.stale"
    [ "$ROLE" != node ] || remove_leftovers
    unused paths "$RECORD/paths" >"$WORK/paths.remove"
    WIPE=yes
    remove_paths "$WORK/paths.remove"
    systemctl daemon-reload
    rm -rf "$RECORD"
    prune_artifacts
    reset_last
    say "$ROLE removed"
}

# api_answers: succeeds when an API answers that knows the node. Waits for an API that is briefly unavailable:
# otherwise the host would go without a drain, and its Node would stay.
api_answers() {
    [ -f "$ROOT/var/lib/kubelet/kubeconfig" ] && [ -x "$LIBRARY/bin/kubectl" ] || return 1
    deadline=$(($(date +%s) + 60))
    until node_api get node "$NODE_NAME" -o name >"$WORK/answer" 2>&1; do
        case $(cat "$WORK/answer") in *NotFound*) return 1 ;; esac
        if [ "$(date +%s)" -ge "$deadline" ]; then
            say "the API does not answer: $NODE_NAME leaves without a drain, and its Node stays" >&2
            return 1
        fi
        sleep 1
    done
}

leave_cluster() { # SECONDS
    api_answers || return 0
    # A control plane sets the annotation when the whole cluster is removed: then no drain is needed.
    leaving=$(node_api get node "$NODE_NAME" -o 'jsonpath={.metadata.annotations.kubewright\.dev/leaving}') || leaving=
    if [ "$leaving" = cluster ]; then
        : >"$STATE/leaving" # for the remaining roles of this host
        return 0
    fi
    drain_node "$1" "the host leaves the cluster"
    [ -n "$PROVIDER_ID" ] || request_deletion
    rm -f "$STATE/cordoned"
}

# request_deletion: a node must not delete its own Node, because the Node that it registers again could have other
# labels and taints. A control plane deletes the Nodes of hosts that ask for it and are no longer in the inventory.
# In a cloud, the cloud's controller deletes the Nodes of machines that no longer exist.
request_deletion() {
    node_api annotate --overwrite node "$NODE_NAME" kubewright.dev/leaving=node >/dev/null || return 0
    deadline=$(($(date +%s) + 30))
    while node_api get node "$NODE_NAME" -o name >/dev/null 2>"$WORK/answer"; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            say "the Node of $NODE_NAME stays; delete it with kubectl delete node $NODE_NAME" >&2
            return 0
        fi
        sleep 1
    done
}

remove_containers() {
    ctr=$LIBRARY/bin/ctr
    [ -x "$ctr" ] && systemctl is-active --quiet containerd.service || return 0
    timeout 30 "$ctr" --namespace k8s.io tasks ls --quiet >"$WORK/tasks" 2>/dev/null || return 0
    while read -r task; do
        timeout 10 "$ctr" --namespace k8s.io tasks delete --force "$task" >/dev/null 2>&1 </dev/null || :
    done <"$WORK/tasks"
}

# remove_leftovers: shims of containers, which outlive containerd, mounts, network devices and tables.
remove_leftovers() {
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" 2>/dev/null) in
        "$STATE"/artifacts/*/containerd-shim-runc-v2) kill -9 "${process##*/}" 2>/dev/null || : ;;
        esac
    done
    while read -r _ mount _; do
        case $mount in
        "$ROOT"/var/lib/kubelet/* | "$ROOT"/run/containerd/* | "$ROOT"/var/lib/containerd/* | "$ROOT"/run/netns/cni-*)
            say "$mount"
            ;;
        esac
    done </proc/self/mounts | sort -r >"$WORK/mounts"
    while read -r mount; do umount "$mount" 2>/dev/null || umount -l "$mount" 2>/dev/null || :; done <"$WORK/mounts"
    for path in "$ROOT"/run/kubewright-*; do
        # The boot program of a cloud runs this function and works in its own directory.
        [ "${path##*/}" = kubewright-boot ] || rm -rf "$path"
    done
    [ -z "$ROOT" ] || return 0
    case $(readlink /etc/protocols) in "$LIBRARY"/*) rm -f /etc/protocols ;; esac # our link
    rm -rf /run/netns/cni-* /run/flannel /run/containerd
    for device in cni0 flannel.1; do
        has_device "$device" || continue
        networkctl delete "$device" 2>/dev/null ||
            ip link delete "$device" 2>/dev/null || say "network device $device was not deleted: delete it by hand"
    done
    remove_tables
}

has_device() { # NAME; by /proc, as a container's /sys may be its machine's
    while read -r name _; do [ "$name" != "$1:" ] || return 0; done </proc/net/dev
    return 1
}

remove_tables() {
    PATH=$PATH:$LIBRARY/netfilter "$LIBRARY/bin/kube-proxy" --cleanup >/dev/null 2>&1 || :
    [ -x "$LIBRARY/netfilter/nft" ] || return 0
    "$LIBRARY/netfilter/nft" list tables >"$WORK/tables" || return 0
    while read -r _ family table; do
        case $table in
        kube-proxy | flannel-ipv4 | flannel-ipv6 | cni_hostport)
            "$LIBRARY/netfilter/nft" delete table "$family" "$table" || :
            ;;
        esac
    done <"$WORK/tables"
}

# reset_last: removes everything of ours when the last role is removed.
reset_last() {
    for other in "$STATE"/roles/*; do [ ! -d "$other" ] || return 0; done
    [ ! -f "$STATE/hostname" ] || [ -n "$ROOT" ] || write_hostname "$(cat "$STATE/hostname")"
    rm -rf "$LIBRARY" "$ROOT/etc/kubewright"
    # Volumes and disks of pods stay, mounted or not.
    for entry in "$STATE"/* "$STATE"/.[!.]*; do
        case ${entry##*/} in disks | volumes) ;; *) rm -rf --one-file-system "$entry" ;; esac
    done
    # A disk may be mounted at one of these directories: then the empty directory stays.
    rmdir "$STATE/disks" "$STATE/volumes" "$STATE" 2>/dev/null || :
}
