# A Debian image for Azure that contains the packages that machines otherwise install at boot, and no secrets.
# The image saves minutes of each boot; a stock Debian image works as well. To use the image, set
# azure.image: {id: …} in the stack file.
#
#   packer init images/azure.pkr.hcl
#   packer build -var subscription=… -var resource_group=… -var location=… images/azure.pkr.hcl
#
# For arm64 machines (azure.image_arm64) use an Arm64 image definition and
#   -var definition=… -var vm_size=Standard_D2ps_v6 -var sku=13-arm64

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
  description = "Existing resource group of the gallery."
}

variable "gallery" {
  type        = string
  description = "Existing compute gallery with a Trusted Launch image definition (generation 2)."
  default     = "kubewright"
}

variable "definition" {
  type    = string
  default = "debian-13"
}

variable "version" {
  type        = string
  description = "Version of the image: three numbers."
  default     = "1.0.0"
}

variable "location" {
  type = string
}

variable "vm_size" {
  type    = string
  default = "Standard_D2s_v5"
}

variable "sku" {
  type    = string
  default = "13-gen2"
}

source "azure-arm" "debian" {
  use_azure_cli_auth = true
  subscription_id    = var.subscription
  location           = var.location
  vm_size            = var.vm_size

  os_type         = "Linux"
  image_publisher = "Debian"
  image_offer     = "debian-13"
  image_sku       = var.sku

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
      # azure-vm-utils names disks by their number (SCSI and NVMe). The boot program needs e2fsprogs and curl.
      "export DEBIAN_FRONTEND=noninteractive",
      "apt-get update",
      "apt-get dist-upgrade -y",
      "apt-get install -y --no-install-recommends azure-vm-utils ca-certificates chrony curl e2fsprogs iproute2",
      "apt-get clean",
      # The agent removes data that is specific to one machine.
      "cloud-init clean --logs",
      "/usr/sbin/waagent -force -deprovision+user",
      "export HISTSIZE=0",
      "sync",
    ]
  }
}
