#!/bin/sh
# Runs the server of the version that the data is of.
set -eu
umask 077
data=${PGDATA:?}
config=${WARUNG_CONFIG:-/etc/warung}
run=${WARUNG_RUN:-/tmp}

version=$(cat "$data/PG_VERSION")
postgres=$(command -v postgres || true)
for program in "/usr/lib/postgresql/$version/bin/postgres" "/usr/pgsql-$version/bin/postgres"; do
    if [ -x "$program" ]; then postgres=$program; fi
done
if [ -z "$postgres" ]; then
    echo "the data is of PostgreSQL $version, and this image has no server of that version" >&2
    exit 1
fi

# A volume may come back with wider rights than PostgreSQL takes; the key must be our own file.
chmod 0700 "$data"
cp -f "$config/tls.key" "$run/server.key"
exec "$postgres" -D "$data" -c config_file="$config/postgresql.conf" \
    -c hba_file="$config/pg_hba.conf" -c ssl_cert_file="$config/tls.crt" \
    -c ssl_key_file="$run/server.key" -c unix_socket_directories="$run" "$@"
