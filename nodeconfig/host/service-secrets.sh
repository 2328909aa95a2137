#!/bin/sh
# Gives a service the secret files that it reads. On disk only root can read them; the copies are in memory and belong
# to the group of the service, which cannot change them.
#
#   service-secrets copy USER PATH…    copies the files to /run/kubernetes/USER
#   service-secrets remove USER        removes the copies
set -eu
umask 077

memory=${KUBEWRIGHT_ROOT:-}/run/kubernetes

# copy_file PATH: the service sees the whole earlier content or the whole new content.
copy_file() {
    copy=$memory/$user/${1##*/}
    install -m 0440 -g "$user" "${KUBEWRIGHT_ROOT:-}$1" "$copy.new"
    mv -f "$copy.new" "$copy"
}

action=$1 user=$2
shift 2
case $action in
copy)
    install -d -m 0755 "$memory"
    install -d -m 0750 -g "$user" "$memory/$user"
    for path; do copy_file "$path"; done
    ;;
remove) rm -rf "${memory:?}/$user" ;;
esac
