#!/bin/sh
# Whether the server takes connections.
program=$(command -v pg_isready || true)
for other in /usr/lib/postgresql/*/bin/pg_isready /usr/pgsql-*/bin/pg_isready; do
    if [ -z "$program" ] && [ -x "$other" ]; then program=$other; fi
done
[ -n "$program" ] || exit 1
exec "$program" --quiet --timeout=2 --host="${WARUNG_RUN:-/tmp}" --username=postgres
