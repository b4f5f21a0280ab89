#!/bin/sh
# Before a node stops: if it is a primary, its most advanced replica takes over first. Without this
# nobody serves its slots until the others have noticed, some seconds later. Always ends well and
# within 10 s or so: a node that cannot hand over has to stop all the same.
cli=$(command -v valkey-cli || command -v redis-cli) || exit 0
bound=
if command -v timeout >/dev/null; then bound="timeout 2"; fi
port=${REDIS_PORT:-6379}
user=${REDIS_USER:-warung}
REDISCLI_AUTH=$(cat "${REDIS_PASSWORD_FILE:-/etc/warung/secret/password}") || exit 0
export REDISCLI_AUTH
return=$(printf '\r')
newline='
'

ask() { # host port words...
    host=$1
    to=$2
    shift 2
    $bound "$cli" -h "$host" -p "$to" --user "$user" --no-auth-warning "$@" 2>/dev/null
}

# Sets role, and heir_ip and heir_port of the replica that has most of the data.
look() {
    role= heir_ip= heir_port= most=-1
    info=$(ask "$POD_IP" "$port" INFO replication)
    IFS=$newline
    for line in $info; do
        line=${line%"$return"}
        case $line in
        role:*) role=${line#role:} ;;
        slave[0-9]*:ip=*,state=online,*)
            rest=${line#*:ip=}
            offset=${rest#*,offset=}
            offset=${offset%%,*}
            if [ "$offset" -gt "$most" ]; then
                most=$offset
                heir_ip=${rest%%,*}
                heir_port=${rest#*,port=}
                heir_port=${heir_port%%,*}
            fi
            ;;
        esac
    done
    unset IFS
}

attempt=0
while [ "$attempt" -lt 2 ]; do
    look
    [ "$role" = master ] || exit 0
    [ -n "$heir_ip" ] || exit 0
    ask "$heir_ip" "$heir_port" CLUSTER FAILOVER >/dev/null
    look_again=0
    while [ "$look_again" -lt 40 ]; do
        sleep 0.1 2>/dev/null || sleep 1
        look
        [ "$role" = master ] || exit 0
        look_again=$((look_again + 1))
    done
    attempt=$((attempt + 1))
done
exit 0
