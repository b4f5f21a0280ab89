#!/bin/sh
# Ready, or alive, as long as it answers; while it loads its data it does not.
cli=$(command -v valkey-cli || command -v redis-cli) || exit 1
REDISCLI_AUTH=$(cat "${REDIS_PASSWORD_FILE:-/etc/warung/secret/password}") || exit 1
export REDISCLI_AUTH
answer=$("$cli" -h "$POD_IP" -p "${REDIS_PORT:-6379}" --user "${REDIS_USER:-warung}" \
    --no-auth-warning PING 2>/dev/null)
[ "$answer" = PONG ]
