# shellcheck shell=sh
# Prepares a host as kubeadm's guide requires: binaries, a container runtime, the kubelet's unit with
# kubeadm's drop-in, and IP forwarding. benchmarks/ready/kubeadm.py sets the variables in capitals in the
# lines before these. FILES has a line `name url sha256` for each binary.
set -eu
umask 022
BIN=/usr/local/bin CNI=/opt/cni/bin TOOLS=/usr/local/netfilter
mkdir -p "$BIN" "$CNI" "$TOOLS" /etc/containerd/certs.d/_default /etc/systemd/system/kubelet.service.d \
    /etc/kube-flannel /etc/cni/net.d /var/cache/ready
printf '%s\n' "$AUTHORITY" >/etc/containerd/certs.d/_default/ca.crt
export CA=/etc/containerd/certs.d/_default/ca.crt

# Download two files at a time with apt's helper and verify them, as Kubewright's host program does.
cat >/var/cache/ready/fetch <<'FETCH'
set -eu
/usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root -o "Acquire::https::CaInfo=$CA" \
    download-file "$2" "/var/cache/ready/$1" "SHA256:$3" >/dev/null
chmod 0755 "/var/cache/ready/$1"
FETCH
printf '%s\n' "$FILES" | xargs -P 2 -L 1 sh /var/cache/ready/fetch
for file in /var/cache/ready/*; do
    name=${file##*/}
    case $name in
    fetch) ;;
    netfilter) tar -x -f "$file" -C "$TOOLS" ;;
    cni-*) mv "$file" "$CNI/${name#cni-}" ;;
    *) mv "$file" "$BIN/$name" ;;
    esac
done

cat >/etc/containerd/certs.d/_default/hosts.toml <<EOT
[host."$REGISTRY"]
capabilities = ["pull", "resolve"]
ca = "$CA"
EOT
systemd=false
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || systemd=true
cat >/etc/containerd/config.toml <<EOT
version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "$SANDBOX"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "$BIN/runc"
SystemdCgroup = $systemd
EOT
cat >/etc/systemd/system/containerd.service <<EOT
[Unit]
After=network.target
[Service]
Type=notify
Environment=PATH=$BIN:$TOOLS:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=$BIN/containerd
Delegate=yes
KillMode=process
Restart=always
LimitNOFILE=1048576
TasksMax=infinity
[Install]
WantedBy=multi-user.target
EOT
# The two files of the official packages (kubernetes/release, cmd/krel/templates/latest).
cat >/etc/systemd/system/kubelet.service <<EOT
[Unit]
After=network.target
StartLimitIntervalSec=0
[Service]
Environment=PATH=$BIN:$TOOLS:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=$BIN/kubelet
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
EOT
cat >/etc/systemd/system/kubelet.service.d/10-kubeadm.conf <<EOT
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=
ExecStart=$BIN/kubelet \$KUBELET_KUBECONFIG_ARGS \$KUBELET_CONFIG_ARGS \$KUBELET_KUBEADM_ARGS
EOT
# Both programs run flannel as a service, so kubeadm's cluster needs no pod and no image for flannel.
cat >/usr/local/bin/write-conflist <<'EOT'
#!/bin/sh
set -eu
. /run/flannel/subnet.env
address=${FLANNEL_SUBNET%/*}
subnet=${address%.*}.$((${address##*.} - 1))/${FLANNEL_SUBNET#*/}
cat >/etc/cni/net.d/.new <<CONF
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
 {"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true, "mtu": $FLANNEL_MTU,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$subnet"}]]}},
 {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": true}}]}
CONF
mv /etc/cni/net.d/.new /etc/cni/net.d/10-pods.conflist
EOT
chmod 0755 /usr/local/bin/write-conflist
printf '%s\n' "$NETWORK" >/etc/kube-flannel/net-conf.json
cat >/etc/systemd/system/flanneld.service <<EOT
[Unit]
After=network.target
StartLimitIntervalSec=0
[Service]
Type=notify
Environment=NODE_NAME=$NODE PATH=$BIN:$TOOLS:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=$BIN/flanneld --kube-subnet-mgr --kubeconfig-file=/etc/kubernetes/flannel.conf \\
  --net-config-path=/etc/kube-flannel/net-conf.json --iface=$ADDRESS --ip-masq --healthz-ip=127.0.0.1
ExecStartPost=/usr/local/bin/write-conflist
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
EOT
printf '[Match]\nOriginalName=flannel.*\n\n[Link]\nMACAddressPolicy=none\n' >/etc/systemd/network/10-flannel.link
echo 'net.ipv4.ip_forward = 1' >/etc/sysctl.d/90-kubernetes.conf
sysctl --quiet --system || :
systemctl daemon-reload
systemctl enable --quiet --now containerd.service
systemctl enable --quiet kubelet.service flanneld.service
