#!/usr/bin/env bash
# For the image of PostgreSQL, when it makes its data: over the network it takes nobody without TLS, whatever a client asks for.
set -euo pipefail
sed -i 's/^host\([[:space:]]\)/hostssl\1/' "$PGDATA/pg_hba.conf"
