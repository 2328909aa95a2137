# shellcheck shell=sh
# Part of the host program: restarts of the DNS cache. nodeconfig.host_program joins it to host.sh.

# restart_second_cache: the first process of the DNS cache answers while the second restarts, and the reverse.
restart_second_cache() {
    while read -r unit; do
        [ "$unit" = dns-cache-2.service ] || continue
        tries=0
        until is_healthy dns-cache-1.service || [ "$tries" -ge 30 ]; do
            tries=$((tries + 1))
            sleep 1
        done
        timeout 60 systemctl restart "$unit" 2>/dev/null </dev/null || :
    done <"$WORK/restart"
}
