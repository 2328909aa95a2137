"""Providers: the origin of a cluster's machines, and the delivery of bundles to them.

`select` chooses the provider of a stack, `registry` lists the clouds, `cloud` is the code that clouds share.
`metal` is the provider for bare metal: its hosts exist already, so it has no foundation and only delivers
bundles over SSH.

Each cloud is one package with the files below. `tests/unit/providers/test_layout.py` compares the packages
and gives the reason for each difference:

    descriptor      what code for all clouds reads about a cloud: resource types, readers, prices, provider
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
                    names and tags, limits checked before a change, price tables; they import no SDK
    resources, exposure
                    readers of resource inputs for reports and policies; they import no SDK
"""
