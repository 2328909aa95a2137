# node
umask 077
work=$(mktemp -d /run/kubewright.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
base64 -d | tar -x -C "$work" || exit 1
cat >"$work/script" <<'KUBEWRIGHT' || exit 1
. "$1/prelude.sh"
authority <<'EOF'
-----BEGIN CERTIFICATE-----
authority
-----END CERTIFICATE-----
EOF
program U S
. "$1/host.sh"
begin node
version kubernetes 1.36.3
module overlay
module br_netfilter
module nf_conntrack
module vxlan
artifact netfilter https://mirror/netfilter/1 f0c7dc03f0131bca30b2d70608d3f4e21258c2fd69d58fe5ec3ad16844d0301b /usr/local/lib/kubewright/netfilter '*'
artifact containerd https://mirror/containerd/2.4.2 9a6072583c380b09d4a1f3b4f1b24e3a7cf47c6d2caf7a831cb921b5bd2a8908 /usr/local/lib/kubewright/bin/containerd
artifact containerd-shim-runc-v2 https://mirror/containerd-shim-runc-v2/2.4.2 40c9387aebe9d12fd90952c2cf0f1581c040f0d679dc1d9c9a015cbf8639292d /usr/local/lib/kubewright/bin/containerd-shim-runc-v2
artifact ctr https://mirror/ctr/2.4.2 3eba321541961c41a75d2b3173fe1c96dd35bf0bd715fc1c848ce850df9bc620 /usr/local/lib/kubewright/bin/ctr
artifact runc https://mirror/runc/1.5.2 51cf4076b13b1e70eb49d3b7f01f2685f3957c1a61274f65192577fe45ffb9c9 /usr/local/lib/kubewright/bin/runc
artifact crictl https://mirror/crictl/1.36.0 9341d3feee8cc18835162e1a520eb360e08df94fdab659ee2f2be685b900d5b7 /usr/local/lib/kubewright/bin/crictl
artifact cni-bridge https://mirror/cni-bridge/1.9.1 eb596b34d81d099e3dced5cd3c6605d9d056df52664a030fb37c3c4bbc5434e0 /usr/local/lib/kubewright/cni/bridge
artifact cni-loopback https://mirror/cni-loopback/1.9.1 d1ce784c25b7c14970d59ad36aeab46b9cd73cc1d441086e0d8f5263ad92ef0e /usr/local/lib/kubewright/cni/loopback
artifact cni-host-local https://mirror/cni-host-local/1.9.1 5acca0dc1b244803da6349266c536d9ddd4ec4eca3458a48ab76842486a48d2b /usr/local/lib/kubewright/cni/host-local
artifact cni-portmap https://mirror/cni-portmap/1.9.1 4b6b49de419305c6741fa45ec695f7b5423c650548a4460e59bf92edf57a66c1 /usr/local/lib/kubewright/cni/portmap
artifact kubelet https://mirror/kubelet/1.36.3 6a150c3a48dfbcc8f10459951af178aa77d93a5f7ecf14e4e96b9b17745e66e0 /usr/local/lib/kubewright/bin/kubelet
artifact kubectl https://mirror/kubectl/1.36.3 983d8f3cf1fcbb0550ddce371833cb2b2247aa5ede04e893b1857163c68b18a5 /usr/local/lib/kubewright/bin/kubectl
artifact flanneld https://mirror/flanneld/0.28.4 98112aa731a772adf2c9c24dfcf3580f26e70c3871dc91f09cf5dd81a8415744 /usr/local/lib/kubewright/bin/flanneld
artifact kube-proxy https://mirror/kube-proxy/1.36.3 8c0fe541c9a50a5bd435a58a8946771f1f985abf9c4f5bbf74c1a5ab7ba88777 /usr/local/lib/kubewright/bin/kube-proxy
directory 0755 root:root /etc/kubewright
directory 0755 root:root /etc/containerd
directory 0755 root:root /etc/containerd/certs.d
directory 0700 root:root /var/lib/containerd
directory 0755 root:root /etc/cni
directory 0755 root:root /etc/cni/net.d
directory 0700 root:root /var/lib/cni
directory 0755 root:root /etc/kubernetes
directory 0755 root:root /etc/kubernetes/pki
directory 0700 root:root /var/lib/kubelet
directory 0755 root:root /var/log/pods
directory 0755 root:root /var/log/containers
directory 0755 root:root /etc/kube-flannel
identity w-1 10.0.0.1
file 0644 root:root /etc/modules-load.d/kubewright.conf <<'EOF'
overlay
br_netfilter
nf_conntrack
vxlan
EOF
file 0644 root:root /etc/sysctl.d/90-kubewright.conf <<'EOF'
net.ipv4.ip_forward = 1
-net.bridge.bridge-nf-call-iptables = 1
-net.bridge.bridge-nf-call-ip6tables = 1
-fs.inotify.max_user_instances = 8192
-fs.inotify.max_user_watches = 524288
-net.netfilter.nf_conntrack_tcp_be_liberal = 1
EOF
file 0600 root:root /etc/kubewright/firewall.nft <<'EOF'
table inet kubewright
delete table inet kubewright
table inet kubewright {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    iifname "lo" accept
    meta l4proto 58 accept
    tcp dport 22 accept comment "SSH: deployment"
    meta l4proto 1 accept comment "path MTU, reachability"
    ip saddr 10.97.0.0/24 tcp dport 10250 accept comment "kubelet: logs, exec, metrics"
    ip saddr 10.244.0.0/16 tcp dport 10250 accept comment "kubelet: logs, exec, metrics"
    ip saddr 10.97.0.0/24 tcp dport 10256 accept comment "kube-proxy: health of balanced services"
    ip saddr 10.97.0.0/24 udp dport 8472 accept comment "flannel vxlan"
    tcp dport 30000-32767 accept comment "services of type NodePort"
    udp dport 30000-32767 accept comment "services of type NodePort"
  }
}
EOF
file 0600 root:root /etc/systemd/system/kubewright-firewall.service <<'EOF'
[Unit]
Description=Kubewright's packet filter
Before=network-pre.target
Wants=network-pre.target
DefaultDependencies=no
After=local-fs.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/kubewright/netfilter/nft -f /etc/kubewright/firewall.nft
ExecReload=/usr/local/lib/kubewright/netfilter/nft -f /etc/kubewright/firewall.nft
ExecStop=/usr/local/lib/kubewright/netfilter/nft delete table inet kubewright

[Install]
WantedBy=multi-user.target
EOF
file 0600 root:root /etc/containerd/config.toml <<'EOF'
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
path = "/var/lib/containerd/opt"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "registry.k8s.io/pause:3.10.1"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "/etc/containerd/certs.d"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/local/lib/kubewright/cni"]
conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "/usr/local/lib/kubewright/bin/runc"
EOF
file 0755 root:root /usr/local/lib/kubewright/containerd-prepare <<'EOF'
#!/bin/sh
# The cgroup driver is the host's to know: systemd's under cgroup v2, where it owns the tree;
# plain cgroupfs under v1, where systemd manages some controllers only. The kubelet asks containerd.
set -eu
umask 077
systemd=false
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || systemd=true
{
    cat /etc/containerd/config.toml
    echo "SystemdCgroup = $systemd"
} >/run/kubewright-containerd.toml.new
mv /run/kubewright-containerd.toml.new /run/kubewright-containerd.toml
EOF
file 0644 root:root /etc/crictl.yaml <<'EOF'
runtime-endpoint: unix:///run/containerd/containerd.sock
EOF
file 0644 root:root /etc/containerd/certs.d/_default/ca.crt <<'EOF'
-----BEGIN CERTIFICATE-----
x
-----END CERTIFICATE-----
EOF
file 0644 root:root /etc/containerd/certs.d/_default/hosts.toml <<'EOF'
[host."https://10.97.0.1:5000"]
capabilities = ["pull", "resolve"]
ca = "/etc/containerd/certs.d/_default/ca.crt"
EOF
file 0600 root:root /etc/systemd/system/containerd.service <<'EOF'
[Unit]
Description=containerd container runtime
Wants=network.target
After=network.target
RequiresMountsFor=/var/lib/containerd
StartLimitIntervalSec=0

[Service]
Type=notify
EnvironmentFile=-/etc/kubewright/host.env
Environment=PATH=/usr/local/lib/kubewright/bin:/usr/local/lib/kubewright/netfilter:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HTTP2_READ_IDLE_TIMEOUT_SECONDS=10 HTTP2_PING_TIMEOUT_SECONDS=5
ExecStartPre=/usr/local/lib/kubewright/containerd-prepare
KillMode=process
Delegate=yes
OOMScoreAdjust=-999
LimitNOFILE=1048576
LimitNPROC=infinity
TasksMax=infinity
ExecStart=/usr/local/lib/kubewright/bin/containerd \
  --config=/run/kubewright-containerd.toml
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
EOF
file 0755 root:root /usr/local/lib/kubewright/write-conflist <<'EOF_'
#!/bin/sh
# Writes the pods' network configuration from the subnet that flannel was given.
set -eu
. /run/flannel/subnet.env
# flannel names the bridge's address, the first of the subnet; IPAM wants the subnet itself.
address=${FLANNEL_SUBNET%/*}
subnet=${address%.*}.$((${address##*.} - 1))/${FLANNEL_SUBNET#*/}
umask 022
mkdir -p /etc/cni/net.d
cat >/etc/cni/net.d/.kubewright <<EOF
{
  "cniVersion": "1.0.0",
  "name": "kubewright",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isDefaultGateway": true,
      "hairpinMode": true,
      "mtu": $FLANNEL_MTU,
      "ipam": {
        "type": "host-local",
        "ranges": [
          [
            {
              "subnet": "$subnet"
            }
          ]
        ]
      }
    },
    {
      "type": "portmap",
      "backend": "nftables",
      "capabilities": {
        "portMappings": true
      }
    }
  ]
}
EOF
mv /etc/cni/net.d/.kubewright /etc/cni/net.d/10-kubewright.conflist
EOF_
file 0600 root:root /etc/kubernetes/kubelet.json <<'EOF'
{
  "apiVersion": "kubelet.config.k8s.io/v1beta1",
  "kind": "KubeletConfiguration",
  "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
  "failCgroupV1": false,
  "failSwapOn": false,
  "memorySwap": {
    "swapBehavior": "NoSwap"
  },
  "authentication": {
    "anonymous": {
      "enabled": false
    },
    "webhook": {
      "enabled": true
    },
    "x509": {
      "clientCAFile": "/etc/kubernetes/pki/kubernetes-ca.crt"
    }
  },
  "authorization": {
    "mode": "Webhook"
  },
  "readOnlyPort": 0,
  "healthzBindAddress": "127.0.0.1",
  "enableProfilingHandler": false,
  "rotateCertificates": true,
  "serverTLSBootstrap": true,
  "tlsMinVersion": "VersionTLS12",
  "tlsCipherSuites": [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
  ],
  "seccompDefault": true,
  "protectKernelDefaults": false,
  "clusterDomain": "cluster.local",
  "clusterDNS": [
    "10.96.0.10"
  ],
  "resolvConf": "/run/kubewright-resolv.conf",
  "registerWithTaints": [],
  "maxPods": 110,
  "podPidsLimit": 4096,
  "systemReserved": {
    "cpu": "200m",
    "memory": "250Mi"
  },
  "kubeReserved": {
    "cpu": "200m",
    "memory": "250Mi"
  },
  "enforceNodeAllocatable": [
    "pods"
  ],
  "evictionHard": {
    "memory.available": "1Gi",
    "nodefs.available": "1Gi",
    "nodefs.inodesFree": "5%",
    "imagefs.available": "1Gi",
    "imagefs.inodesFree": "5%"
  },
  "evictionMinimumReclaim": {
    "memory.available": "100Mi",
    "nodefs.available": "500Mi",
    "imagefs.available": "500Mi"
  },
  "mergeDefaultEvictionSettings": true,
  "containerLogMaxSize": "10Mi",
  "containerLogMaxFiles": 5
}
EOF
file 0600 root:root /etc/kubernetes/bootstrap-kubelet.conf <<'EOF'
{
  "apiVersion": "v1",
  "kind": "Config",
  "clusters": [
    {
      "name": "kubernetes",
      "cluster": {
        "certificate-authority": "/etc/kubernetes/pki/kubernetes-ca.crt",
        "server": "https://10.97.0.10:6443"
      }
    }
  ],
  "users": [
    {
      "name": "user",
      "user": {
        "tokenFile": "/etc/kubernetes/pki/bootstrap.token"
      }
    }
  ],
  "contexts": [
    {
      "name": "default",
      "context": {
        "cluster": "kubernetes",
        "user": "user"
      }
    }
  ],
  "current-context": "default"
}
EOF
file 0755 root:root /usr/local/lib/kubewright/kubelet-prepare <<'EOF'
#!/bin/sh
# What only the host knows. A stub resolver on loopback is of no use inside a pod's network.
set -eu
resolver=/run/systemd/resolve/resolv.conf
[ -e "$resolver" ] || resolver=/etc/resolv.conf
[ -e "$resolver" ] || resolver=/dev/null
ln -sfn "$resolver" /run/kubewright-resolv.conf
# The kubelet writes this one from the bootstrap file, so a new endpoint there must reach it.
# Its client certificate is kept elsewhere and stays.
rm -f /var/lib/kubelet/kubeconfig
EOF
file 0644 root:root /etc/kubewright/kubelet-minor <<'EOF'
1.36
EOF
file 0600 root:root /etc/systemd/system/kubelet.service <<'EOF'
[Unit]
Description=Kubernetes node agent
Wants=network.target containerd.service kube-apiserver.service
After=network.target containerd.service kube-apiserver.service
RequiresMountsFor=/var/lib/kubelet
StartLimitIntervalSec=0

[Service]
Type=exec
EnvironmentFile=-/etc/kubewright/host.env
Environment=PATH=/usr/local/lib/kubewright/bin:/usr/local/lib/kubewright/netfilter:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HTTP2_READ_IDLE_TIMEOUT_SECONDS=10 HTTP2_PING_TIMEOUT_SECONDS=5
ExecStartPre=/usr/local/lib/kubewright/kubelet-prepare
KillMode=process
Delegate=yes
OOMScoreAdjust=-999
CPUAccounting=true
MemoryAccounting=true
ExecStart=/usr/local/lib/kubewright/bin/kubelet \
  --config=/etc/kubernetes/kubelet.json \
  --kubeconfig=/var/lib/kubelet/kubeconfig \
  --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \
  --cert-dir=/var/lib/kubelet/pki \
  --hostname-override=${NODE_NAME} \
  --node-ip=${NODE_IP}
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
EOF
file 0600 root:root /etc/kubernetes/flannel.conf <<'EOF'
{
  "apiVersion": "v1",
  "kind": "Config",
  "clusters": [
    {
      "name": "kubernetes",
      "cluster": {
        "certificate-authority": "/etc/kubernetes/pki/kubernetes-ca.crt",
        "server": "https://10.97.0.10:6443"
      }
    }
  ],
  "users": [
    {
      "name": "user",
      "user": {
        "client-certificate": "/etc/kubernetes/pki/flannel.crt",
        "client-key": "/etc/kubernetes/pki/flannel.key"
      }
    }
  ],
  "contexts": [
    {
      "name": "default",
      "context": {
        "cluster": "kubernetes",
        "user": "user"
      }
    }
  ],
  "current-context": "default"
}
EOF
file 0644 root:root /etc/kube-flannel/net-conf.json <<'EOF'
{
  "Network": "10.244.0.0/16",
  "EnableNFTables": true,
  "Backend": {
    "Type": "vxlan"
  }
}
EOF
file 0644 root:root /etc/systemd/network/10-kubewright-flannel.link <<'EOF'
[Match]
OriginalName=flannel.*

[Link]
MACAddressPolicy=none
EOF
file 0600 root:root /etc/systemd/system/flanneld.service <<'EOF'
[Unit]
Description=flannel pod network
Wants=network.target kubewright-firewall.service kube-apiserver.service
After=network.target kubewright-firewall.service kube-apiserver.service
StartLimitIntervalSec=0

[Service]
Type=notify
EnvironmentFile=-/etc/kubewright/host.env
Environment=PATH=/usr/local/lib/kubewright/bin:/usr/local/lib/kubewright/netfilter:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HTTP2_READ_IDLE_TIMEOUT_SECONDS=10 HTTP2_PING_TIMEOUT_SECONDS=5
ExecStartPost=/usr/local/lib/kubewright/write-conflist
ExecStart=/usr/local/lib/kubewright/bin/flanneld \
  --kube-subnet-mgr \
  --kubeconfig-file=/etc/kubernetes/flannel.conf \
  --net-config-path=/etc/kube-flannel/net-conf.json \
  --subnet-file=/run/flannel/subnet.env \
  --iface=${NODE_IP} \
  --ip-masq \
  --healthz-ip=127.0.0.1
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
EOF
file 0600 root:root /etc/kubernetes/kube-proxy.conf <<'EOF'
{
  "apiVersion": "v1",
  "kind": "Config",
  "clusters": [
    {
      "name": "kubernetes",
      "cluster": {
        "certificate-authority": "/etc/kubernetes/pki/kubernetes-ca.crt",
        "server": "https://10.97.0.10:6443"
      }
    }
  ],
  "users": [
    {
      "name": "user",
      "user": {
        "client-certificate": "/etc/kubernetes/pki/kube-proxy.crt",
        "client-key": "/etc/kubernetes/pki/kube-proxy.key"
      }
    }
  ],
  "contexts": [
    {
      "name": "default",
      "context": {
        "cluster": "kubernetes",
        "user": "user"
      }
    }
  ],
  "current-context": "default"
}
EOF
file 0600 root:root /etc/kubernetes/kube-proxy.json <<'EOF'
{
  "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
  "kind": "KubeProxyConfiguration",
  "clientConnection": {
    "kubeconfig": "/etc/kubernetes/kube-proxy.conf"
  },
  "mode": "nftables",
  "clusterCIDR": "10.244.0.0/16",
  "nodePortAddresses": [
    "primary"
  ],
  "metricsBindAddress": "127.0.0.1:10249",
  "healthzBindAddress": "0.0.0.0:10256",
  "enableProfiling": false,
  "conntrack": {
    "maxPerCore": 0,
    "min": 0,
    "tcpEstablishedTimeout": "0s",
    "tcpCloseWaitTimeout": "0s"
  }
}
EOF
file 0644 root:root /usr/local/lib/kubewright/protocols <<'EOF'
icmp 1 ICMP
tcp 6 TCP
udp 17 UDP
ipv6-icmp 58 IPv6-ICMP
sctp 132 SCTP
EOF
file 0600 root:root /etc/systemd/system/kube-proxy.service <<'EOF'
[Unit]
Description=Kubernetes service proxy
Wants=network.target kube-apiserver.service
After=network.target kube-apiserver.service
StartLimitIntervalSec=0

[Service]
Type=exec
EnvironmentFile=-/etc/kubewright/host.env
Environment=PATH=/usr/local/lib/kubewright/bin:/usr/local/lib/kubewright/netfilter:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HTTP2_READ_IDLE_TIMEOUT_SECONDS=10 HTTP2_PING_TIMEOUT_SECONDS=5
ExecStartPre=/bin/sh -c '[ -e /etc/protocols ] || ln -sf /usr/local/lib/kubewright/protocols /etc/protocols'
ExecStart=/usr/local/lib/kubewright/bin/kube-proxy \
  --config=/etc/kubernetes/kube-proxy.json \
  --hostname-override=${NODE_NAME}
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
EOF
secret 0644 root:root /etc/kubernetes/pki/kubernetes-ca.crt
secret 0600 root:root /etc/kubernetes/pki/bootstrap.token
secret 0644 root:root /etc/kubernetes/pki/flannel.crt
secret 0600 root:root /etc/kubernetes/pki/flannel.key
secret 0644 root:root /etc/kubernetes/pki/kube-proxy.crt
secret 0600 root:root /etc/kubernetes/pki/kube-proxy.key
service systemd-sysctl.service 60 restart true \
  /etc/sysctl.d/90-kubewright.conf
service kubewright-firewall.service 60 reload true \
  /etc/kubewright/firewall.nft
service containerd.service 60 restart '/usr/local/lib/kubewright/bin/ctr version' \
  /usr/local/lib/kubewright/bin/containerd \
  /etc/containerd/config.toml \
  /usr/local/lib/kubewright/containerd-prepare
service kubelet.service 180 restart 'local_health http://127.0.0.1:10248/healthz && node_ready' \
  /usr/local/lib/kubewright/bin/kubelet \
  /etc/kubernetes/kubelet.json \
  /etc/kubernetes/bootstrap-kubelet.conf \
  /usr/local/lib/kubewright/kubelet-prepare \
  /etc/kubernetes/pki/kubernetes-ca.crt
service flanneld.service 120 restart '[ -s /run/flannel/subnet.env ]' \
  /usr/local/lib/kubewright/bin/flanneld \
  /etc/kube-flannel/net-conf.json \
  /etc/kubernetes/flannel.conf \
  /usr/local/lib/kubewright/write-conflist \
  /etc/kubernetes/pki/kubernetes-ca.crt
service kube-proxy.service 60 restart 'local_health http://127.0.0.1:10256/healthz' \
  /usr/local/lib/kubewright/bin/kube-proxy \
  /usr/local/lib/kubewright/netfilter \
  /etc/kubernetes/kube-proxy.json \
  /etc/kubernetes/kube-proxy.conf \
  /etc/kubernetes/pki/kubernetes-ca.crt
drain 300 /usr/local/lib/kubewright/bin/containerd /usr/local/lib/kubewright/bin/containerd-shim-runc-v2 /usr/local/lib/kubewright/bin/runc /etc/kubewright/kubelet-minor
commit
KUBEWRIGHT
sh "$work/script" "$work" </dev/null
