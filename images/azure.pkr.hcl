# An image for Kubewright's machines on Azure: Debian with what machines otherwise fetch at boot, and nothing secret.
# It saves minutes of each start; a stock Debian image does as well. Then: azure.image: {id: …} in the stack file.
#
#   packer init images/azure.pkr.hcl
#   packer build -var subscription=… -var resource_group=… -var location=… images/azure.pkr.hcl

packer {
  required_plugins {
    azure = {
      source  = "github.com/hashicorp/azure"
      version = "~> 2.3"
    }
  }
}

variable "subscription" {
  type = string
}

variable "resource_group" {
  type        = string
  description = "An existing group, in which the gallery is."
}

variable "gallery" {
  type        = string
  description = "An existing compute gallery, with a definition of Trusted Launch (generation 2, x64)."
  default     = "kubewright"
}

variable "definition" {
  type    = string
  default = "debian-13"
}

variable "version" {
  type        = string
  description = "Of the image: three numbers."
  default     = "1.0.0"
}

variable "location" {
  type = string
}

source "azure-arm" "debian" {
  use_azure_cli_auth = true
  subscription_id    = var.subscription
  location           = var.location
  vm_size            = "Standard_D2s_v5"

  os_type         = "Linux"
  image_publisher = "Debian"
  image_offer     = "debian-13"
  image_sku       = "13-gen2"

  security_type       = "TrustedLaunch"
  secure_boot_enabled = true
  vtpm_enabled        = true

  shared_image_gallery_destination {
    subscription        = var.subscription
    resource_group      = var.resource_group
    gallery_name        = var.gallery
    image_name          = var.definition
    image_version       = var.version
    replication_regions = [var.location]
  }
}

build {
  sources = ["source.azure-arm.debian"]

  provisioner "shell" {
    execute_command = "sudo -n sh -eu '{{ .Path }}'"
    inline = [
      # Disks by their number (SCSI and NVMe) are azure-vm-utils'; e2fsprogs and curl the boot program's.
      "export DEBIAN_FRONTEND=noninteractive",
      "apt-get update",
      "apt-get dist-upgrade -y",
      "apt-get install -y --no-install-recommends azure-vm-utils ca-certificates chrony curl e2fsprogs iproute2",
      "apt-get clean",
      # What belongs to one machine alone: the agent takes it away.
      "cloud-init clean --logs",
      "/usr/sbin/waagent -force -deprovision+user",
      "export HISTSIZE=0",
      "sync",
    ]
  }
}
