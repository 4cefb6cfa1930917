#!/bin/sh
# Over the network PostgreSQL takes nobody without TLS, whatever a client asks for.
set -eu
sed -i 's/^host\([[:space:]]\)/hostssl\1/' "$PGDATA/pg_hba.conf"
