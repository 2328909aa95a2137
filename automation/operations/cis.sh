# shellcheck shell=sh
# Facts of a host that the checks of the command `cis` judge. Changes nothing; needs coreutils and systemd. Every
# section begins with a line `@name argument`. The caller appends calls of these functions and `finish`.
#
# KUBEWRIGHT_ROOT is a prefix for every path (tests).
LC_ALL=C
export LC_ALL
ROOT=${KUBEWRIGHT_ROOT:-}

inspect() { # PATTERN: mode, owner and path of every file that matches
    # The pattern is expanded here, on the host.
    for path in $ROOT$1; do
        [ -e "$path" ] || continue
        printf '@file %s %s\n' "$(stat -L -c '%a %U:%G' "$path")" "${path#"$ROOT"}"
    done
}

process() { # NAME of a service: its command line, and etcd's options in its environment
    pid=$(systemctl show --property=MainPID --value "$1.service") || pid=
    case $pid in '' | 0) return 0 ;; esac
    [ -r "$ROOT/proc/$pid/cmdline" ] || return 0
    printf '@process %s\n' "$1"
    tr '\000' '\n' <"$ROOT/proc/$pid/cmdline"
    tr '\000' '\n' <"$ROOT/proc/$pid/environ" | while IFS= read -r variable; do
        case $variable in ETCD_[A-Z]*) printf '%s\n' "$variable" ;; esac
    done
}

configuration() { # PATTERN of configuration files without secrets
    for path in $ROOT$1; do
        [ -f "$path" ] || continue
        printf '@configuration %s\n' "${path#"$ROOT"}"
        cat "$path"
        printf '\n'
    done
}

digest() { # FILE
    [ -f "$ROOT$1" ] || return 0
    sum=$(sha256sum <"$ROOT$1")
    printf '@digest %s %s\n' "${sum%% *}" "$1"
}

providers() { # FILE with an EncryptionConfiguration: the names of the providers in their order, without keys
    [ -f "$ROOT$1" ] || return 0
    printf '@providers %s\n' "$1"
    while IFS= read -r line; do
        for name in providers secretbox aescbc aesgcm kms identity; do
            case $line in *[!A-Za-z]"$name:"* | *"\"$name\":"*) printf '%s\n' "$name" ;; esac
        done
    done <"$ROOT$1"
}

finish() { printf '@end\n'; }
