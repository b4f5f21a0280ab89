#!/bin/sh
# Runs the server of the version that the data is of.
set -eu
umask 077
data=${PGDATA:?}
config=${WARUNG_CONFIG:-/etc/warung}
run=${WARUNG_RUN:-/tmp}

# The operator reads the last words of a pod.
give_up() {
    echo "$1" >&2
    if [ -w /dev/termination-log ]; then echo "$1" >/dev/termination-log; fi
    exit 1
}

version=$(cat "$data/PG_VERSION")
postgres=$(command -v postgres || true)
for program in "/usr/lib/postgresql/$version/bin/postgres" "/usr/pgsql-$version/bin/postgres"; do
    if [ -x "$program" ]; then postgres=$program; fi
done
if [ -n "$postgres" ]; then
    case "$("$postgres" --version)" in
        *") $version" | *") $version"[!0-9]*) ;;
        *) postgres= ;;
    esac
fi
if [ -z "$postgres" ]; then
    give_up "the data is of PostgreSQL $version, and this image has no server of that version: \
name one that has in spec.database.managed.image, or restore a backup into a new shop"
fi

# A volume may come back with wider rights than PostgreSQL takes; the key must be our own file.
chmod 0700 "$data"
cp -f "$config/tls.key" "$run/server.key"
set -- -D "$data" -c config_file="$config/postgresql.conf" \
    -c hba_file="$config/pg_hba.conf" -c ssl_cert_file="$config/tls.crt" \
    -c ssl_key_file="$run/server.key" -c unix_socket_directories="$run" "$@"

# The superuser's password is that of its Secret, once in each pod: another password is another pod.
# Nobody else is connected yet, and no log shows the statement.
if [ ! -e "$run/superuser-is-set" ]; then
    password=$(sed -n "1{s/'/''/g;p;}" "$config/superuser-password")
    if echo "ALTER ROLE postgres PASSWORD '$password';" | "$postgres" --single "$@" \
        -c log_min_error_statement=panic -c log_min_duration_statement=-1 \
        -c log_statement=none postgres >/dev/null; then
        : >"$run/superuser-is-set"
    else
        echo "the superuser's password could not be set; the server starts with the old one" >&2
    fi
    unset password
fi
exec "$postgres" "$@"
