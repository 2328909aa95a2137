"""Providers: the origin of a cluster's machines, and the delivery of bundles to them.

`select` chooses the provider of a stack, `registry` lists the clouds, `cloud` is the code that clouds share.
Each cloud is one package with the same files; `tests/unit/providers/test_layout.py` compares the packages and
lists each difference with its reason:

    descriptor      the cloud for code that must not name one: resource types, readers, prices, the provider
    provider        the class that implements `components.provider.Provider`
    foundation      network, firewall, endpoint, store and identities, created before any machine
    connection      the Pulumi plugin and the options of every resource of the cloud
    network, firewall, endpoint, store, identity, permissions, image, snapshots
                    the parts of the foundation, one file each
    machine, members, pools
                    machines: common inputs, machines with a stable identity, and groups of workers
    boot, boot.sh   the boot program of machines
    wait, wait_commands
                    the program that waits for machines, and its command lines
    addons          Helm releases that integrate the cluster with the cloud
    names, limits, prices
                    without SDK: names and tags, limits checked before a change, price tables
    resources, exposure
                    without SDK: readers of resource inputs for reports and policies

`metal` has no foundation: the hosts exist already, so `provider` delivers bundles through `connections`.
"""
