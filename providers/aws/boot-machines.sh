# shellcheck shell=sh disable=SC2154
# AWS's part of the boot program of control planes, after boot.sh: which machines of pools are new, and the bootstrap
# tokens that they have made (docs/decisions/0030-tokens-of-machines-in-pools.md).

# cloud_new_machines CLUSTER: ids of the machines of pools that run, and were launched in this hour or the hour before.
# Machines cannot change their tags.
cloud_new_machines() {
    aws_call ec2 "$EC2" "Action=DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=running&Filter.2.Name=launch-time&Filter.2.Value.1=$(date -u +%FT%H)%2A&Filter.2.Value.2=$(date -u -d '1 hour ago' +%FT%H)%2A&Filter.3.Name=tag%3Akubewright%3Acluster&Filter.3.Value.1=$1&Filter.4.Name=tag%3Akubewright%3Akind&Filter.4.Value.1=pools&Version=2016-11-15" >"$RUN/machines" || return 1
    tr '<' '\n' <"$RUN/machines" | sed -n 's/^instanceId>//p'
}

# cloud_token MACHINE: prints the token that this machine has made.
cloud_token() { cloud_get "$JOINS/$1" -; }
