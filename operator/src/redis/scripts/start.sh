#!/bin/sh
# Starts a node of the cluster. Its address changes with every start of the pod, so it is given
# here and not in the configuration. A replica gives it to its primary too, whose hook looks for it
# there: what the primary sees of the connection may be another. Any image with /bin/sh and a
# server will do.
set -eu
server=$(command -v valkey-server || command -v redis-server) || {
    echo "neither valkey-server nor redis-server is in this image" >&2
    exit 1
}
exec "$server" "${REDIS_CONF:-/etc/warung/redis.conf}" \
    --cluster-announce-ip "$POD_IP" \
    --cluster-announce-hostname "$ANNOUNCE_HOSTNAME" \
    --replica-announce-ip "$POD_IP" \
    "$@"
