# shellcheck shell=sh
# Part of the host program: restarts of the DNS cache. nodeconfig.host_program joins it to host.sh.

# restart_second_cache: the first process of the DNS cache answers while the second restarts, and the reverse.
restart_second_cache() {
    while read -r unit; do
        [ "$unit" = dns-cache-2.service ] || continue
        tries=0
        until is_healthy dns-cache-1.service; do
            tries=$((tries + 1))
            [ "$tries" -le 30 ] || break
            sleep 1
        done
        if [ "$tries" -gt 30 ] && systemctl is-active --quiet "$unit"; then
            # The process with the configuration before answers alone. Its empty record restarts it in the next run.
            : >"$WORK/started.$unit"
            continue
        fi
        timeout 60 systemctl restart "$unit" 2>/dev/null </dev/null || :
    done <"$WORK/restart"
}
