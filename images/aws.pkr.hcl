# A Debian image for AWS that contains the binaries of a cluster: new machines join faster and do not need the mirror.
#
#   ./kubewright image store STACKFILE >store.sh     a program that downloads the binaries and verifies their checksums
#   packer init images/aws.pkr.hcl
#   packer build -var region=eu-central-1 -var store=store.sh images/aws.pkr.hcl
#
# For arm64 machines (aws.image_arm64) use `image store STACKFILE --architecture arm64` and
#   -var architecture=arm64 -var instance_type=t4g.large -var name='debian-13-arm64-*'
#
# This file was not tested with an AWS account. The image contains nothing that is specific to a cluster: no key and no
# configuration. The binaries are in the store of the host program, by their sha256, where deliveries find them.

packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.3.9"
    }
  }
}

variable "region" {
  type = string
}

variable "store" {
  type        = string
  description = "Program that fills the store of the host program, printed by `kubewright image store`"
}

variable "owner" {
  type    = string
  default = "136693071363" # Debian
}

variable "name" {
  type    = string
  default = "debian-13-amd64-*"
}

variable "architecture" {
  type    = string
  default = "x86_64"
}

variable "instance_type" {
  type    = string
  default = "t3.large"
}

variable "session_agent_url" {
  type        = string
  default     = ""
  description = "URL of the amazon-ssm-agent .deb, for Session Manager. Default: no agent."
}

variable "session_agent_sha256" {
  type    = string
  default = ""
}

source "amazon-ebs" "debian" {
  region        = var.region
  instance_type = var.instance_type
  ami_name      = "kubewright-{{ timestamp }}"
  ssh_username  = "admin"
  encrypt_boot  = true
  imds_support  = "v2.0"

  source_ami_filter {
    filters = {
      name                = var.name
      architecture        = var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = [var.owner]
    most_recent = true
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = 20
    volume_type           = "gp3"
    encrypted             = true
    delete_on_termination = true
  }

  tags = {
    Name               = "kubewright"
    "kubewright:base"  = "{{ .SourceAMIName }}"
    "kubewright:image" = "{{ timestamp }}"
  }
}

build {
  sources = ["source.amazon-ebs.debian"]

  provisioner "file" {
    source      = var.store
    destination = "/tmp/store.sh"
  }

  provisioner "shell" {
    execute_command = "sudo sh -eu -c '{{ .Vars }} {{ .Path }}'"
    environment_vars = [
      "AGENT_URL=${var.session_agent_url}",
      "AGENT_SHA256=${var.session_agent_sha256}",
    ]
    inline = [
      "apt-get update",
      "DEBIAN_FRONTEND=noninteractive apt-get -y upgrade",
      "DEBIAN_FRONTEND=noninteractive apt-get -y install --no-install-recommends ca-certificates curl e2fsprogs chrony",
      "sh /tmp/store.sh",
      "rm -f /tmp/store.sh",
      "if [ -n \"$AGENT_URL\" ]; then",
      "  curl -fsSLo /tmp/agent.deb \"$AGENT_URL\"",
      "  echo \"$AGENT_SHA256  /tmp/agent.deb\" | sha256sum -c -",
      "  dpkg -i /tmp/agent.deb && rm /tmp/agent.deb",
      "fi",
      # Each new machine creates its own keys and identity and runs cloud-init from the start.
      "cloud-init clean --logs --machine-id",
      "rm -f /etc/ssh/ssh_host_*",
    ]
  }
}
