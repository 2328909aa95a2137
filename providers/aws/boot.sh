# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# AWS's part of the boot program: identity, calls of S3, EC2 and Auto Scaling, data volume.
# Variables: REGION, STORE (URL of the bucket), EC2, AUTOSCALING and METADATA (URLs), GROUP (the Auto Scaling
# group, or words ZONE=GROUP), VOLUME (id of the volume, or empty) and CA_FILE (certificate authority of private endpoints, or empty).
# curl signs the calls (7.87 or newer: older versions omit the session token from the signature). Credentials
# reach curl by stdin, because every process can read the arguments of a command.

aws_quietly() { curl --silent --show-error --connect-timeout 5 "$@"; }

aws_session() { # a token of the metadata service, for one hour
    aws_token=$(aws_quietly --fail --noproxy '*' --max-time 10 -X PUT \
        -H 'X-aws-ec2-metadata-token-ttl-seconds: 3600' "$METADATA/latest/api/token")
}

aws_asked() { # PATH: what the metadata service says there
    printf 'header = "X-aws-ec2-metadata-token: %s"\n' "$aws_token" |
        aws_quietly --fail --noproxy '*' --max-time 10 -K - "$METADATA/latest/$1"
}

aws_word() { # NAME: a word of the credentials
    printf '%s' "$aws_credentials" | tr -d '\n' | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"
}

# aws_signed SERVICE HASH ARGUMENTS: a call with new credentials of the role, which expire after a few hours.
# HASH is the sha256 of the body.
aws_signed() {
    aws_service=$1 aws_hash=$2
    shift 2
    aws_session || return 1
    aws_role=$(aws_asked meta-data/iam/security-credentials/) || return 1
    aws_credentials=$(aws_asked "meta-data/iam/security-credentials/$aws_role") || return 1
    printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
        "$(aws_word AccessKeyId)" "$(aws_word SecretAccessKey)" "$(aws_word Token)" |
        aws_quietly --max-time 300 ${CA_FILE:+--cacert "$CA_FILE"} --aws-sigv4 "aws:amz:$REGION:$aws_service" \
            -H "x-amz-content-sha256: $aws_hash" -K - "$@"
}

aws_sum() { sha256sum | cut -d ' ' -f 1; }

# aws_call SERVICE URL FORM: a call of the query API; prints the answer, also of an error. FORM is sorted and
# encoded, as the signature requires.
aws_call() {
    aws_signed "$1" "$(printf '%s' "$3" | aws_sum)" --fail-with-body -X POST --data "$3" "$2/"
}

cloud_identity() {
    aws_session || return 1
    aws_instance=$(aws_asked meta-data/instance-id) || return 1
    aws_zone=$(aws_asked meta-data/placement/availability-zone) || return 1
    for aws_pair in $GROUP; do
        case $aws_pair in "$aws_zone="*) GROUP=${aws_pair#*=} ;; esac
    done
    BOOT_ADDRESS=$(aws_asked meta-data/local-ipv4) || return 1
    BOOT_NAME=${BOOT_NAME:-$aws_instance}
    BOOT_ID=aws:///$aws_zone/$aws_instance
}

cloud_get() { # KEY FILE
    aws_signed s3 "$(printf '' | aws_sum)" --fail -o "$2" "$STORE/$1"
}

cloud_artifact() { cloud_get "artifacts/$1" "$2"; }

cloud_put() { # KEY FILE
    aws_signed s3 "$(aws_sum <"$2")" --fail -H 'Content-Type: text/plain' --upload-file "$2" "$STORE/$1"
}

# cloud_join FILE: gives the bootstrap token in FILE to the control planes. Below JOINS the machine can write only the
# object with its own name.
cloud_join() { cloud_put "$JOINS/$BOOT_NAME" "$1"; }

# cloud_volume: attaches the volume and prints its device. Fails while the previous machine has it attached: the boot
# service tries again, and the deployer learns the reason.
cloud_volume() {
    aws_device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(printf '%s' "$VOLUME" | tr -d -)
    aws_deadline=$(($(date +%s) + 45))
    until [ -e "$aws_device" ]; do
        if [ "$(date +%s)" -ge "$aws_deadline" ]; then
            echo "$VOLUME was not attached in 45 s; look at who has it" >&2
            return 1
        fi
        aws_call ec2 "$EC2" "Action=AttachVolume&Device=%2Fdev%2Fxvdu&InstanceId=$aws_instance&Version=2016-11-15&VolumeId=$VOLUME" \
            >"$RUN/attach" || echo "$VOLUME is not free yet: $(tr -d '\n' <"$RUN/attach" | sed 's/.*<Code>//; s/<.*//'); asking again" >&2
        aws_tries=0
        until [ -e "$aws_device" ] || [ "$aws_tries" -ge 10 ]; do
            sleep 1
            aws_tries=$((aws_tries + 1))
        done
    done
    printf '%s\n' "$aws_device"
}

# cloud_leaving: whether the group terminates the machine (the hook `leaving` waits), or EC2 reclaims it (spot).
cloud_leaving() {
    aws_session || return 1
    [ "$(aws_asked meta-data/autoscaling/target-lifecycle-state 2>/dev/null)" = Terminated ] ||
        aws_asked meta-data/spot/instance-action >/dev/null 2>&1
}

# aws_hook HOOK: completes a lifecycle hook. No hook may be waiting, for example after a manual start.
aws_hook() {
    aws_answer=$(aws_call autoscaling "$AUTOSCALING" "Action=CompleteLifecycleAction&AutoScalingGroupName=$GROUP&InstanceId=$aws_instance&LifecycleActionResult=CONTINUE&LifecycleHookName=$1&Version=2011-01-01") || case $aws_answer in
        *'No active Lifecycle Action'*) ;;
        *)
            printf '%s\n' "$aws_answer" >&2
            return 1
            ;;
    esac
}

cloud_left() { aws_hook leaving; }

# cloud_renew: extends the wait of the hook `leaving` by its timeout (providers/aws/machine.py).
cloud_renew() {
    aws_call autoscaling "$AUTOSCALING" "Action=RecordLifecycleActionHeartbeat&AutoScalingGroupName=$GROUP&InstanceId=$aws_instance&LifecycleHookName=leaving&Version=2011-01-01"
}

# cloud_unhealthy: the group replaces the machine.
cloud_unhealthy() {
    aws_call autoscaling "$AUTOSCALING" "Action=SetInstanceHealth&HealthStatus=Unhealthy&InstanceId=$aws_instance&ShouldRespectGracePeriod=false&Version=2011-01-01" >/dev/null
}

# cloud_ready: completes the hook `joining`, for which the group of a pool waits before it replaces a machine.
cloud_ready() {
    case $KIND in pools) aws_hook joining ;; esac
}
