# shellcheck shell=sh disable=SC2034,SC2154
# Azure's part of the boot program of control planes, after boot.sh: which machines of pools are new, and the bootstrap
# tokens that they have made (docs/decisions/0030-tokens-of-machines-in-pools.md).
# Variables: MANAGEMENT (URL of Azure Resource Manager), MANAGEMENT_RESOURCE (the resource that tokens for it are for,
# encoded for a URL), GROUP (id of the resource group of the cluster) and DOMAIN (of the certificates with which the
# metadata services sign documents).

# cloud_new_machines CLUSTER: names of the machines of pools that run and are new, with a token that they have made.
cloud_new_machines() {
    (
        export STORE STORAGE JOINS METADATA IDENTITY MANAGEMENT MANAGEMENT_RESOURCE GROUP DOMAIN RUN CA_FILE
        boot_joins
    )
}

# cloud_token MACHINE: prints the token that this machine has made.
cloud_token() { cat "$RUN/joins/$1.token"; }
