#!/bin/sh
# A post-renderer for the chart of the EBS CSI driver, which has no setting for it: its controller, which calls
# AWS, runs on the host network of the control planes, because pods on the pod network get no permissions
# of their node (one hop to the metadata service). Fails when the chart has become another.
set -eu
rendered=$(cat)
case $rendered in
*'serviceAccountName: ebs-csi-controller-sa'*) ;;
*)
    echo 'the chart has no controller with the service account ebs-csi-controller-sa any more' >&2
    exit 1
    ;;
esac
printf '%s\n' "$rendered" |
    sed '/^ *serviceAccountName: ebs-csi-controller-sa *$/{p;s/serviceAccountName:.*/hostNetwork: true/;}'
