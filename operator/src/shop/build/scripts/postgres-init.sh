#!/bin/sh
# Makes the data of a new PostgreSQL, once. Any image with /bin/sh and the programs will do; where
# they are not on PATH, Debian's folders are looked through.
set -eu
umask 077
data=${PGDATA:?}
config=${WARUNG_CONFIG:-/etc/warung}

if [ -s "$data/PG_VERSION" ]; then
    echo "data of PostgreSQL $(cat "$data/PG_VERSION") found"
    exit 0
fi

# Whatever lies here is not ours to remove.
if [ -d "$data" ] && ! rmdir "$data" 2>/dev/null; then
    echo "$data is not empty, and no data of PostgreSQL: look what it is, then empty it" >&2
    exit 1
fi

newest() {
    command -v "$1" 2>/dev/null && return
    found=
    for program in /usr/lib/postgresql/*/bin/"$1" /usr/pgsql-*/bin/"$1"; do
        if [ -x "$program" ]; then found=$program; fi
    done
    echo "$found"
}

initdb=$(newest initdb)
if [ -z "$initdb" ]; then
    echo "this image has no initdb: name one with the programs of PostgreSQL" >&2
    exit 1
fi

# Under another name until it is whole: a start that was cut short begins anew.
fresh=$data.new
rm -rf "$fresh"
make() {
    "$initdb" --pgdata="$fresh" --username=postgres --pwfile="$config/superuser-password" \
        --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 "$@" --data-checksums
}
# Some images have no locale but C.
make --locale=C.UTF-8 || { rm -rf "$fresh" && make --locale=C; }
sync
mv "$fresh" "$data"
