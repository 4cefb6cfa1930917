#!/usr/bin/env bash
# Installs the Debian packages that building and running needs, and only those that are missing.
# With --test also what the tests and the scripts beside this one call; with --bench the HTTP/2 load generator. Without root it prints the command to run and stops.
set -euo pipefail

packages=(curl libpq-dev libhiredis-dev libnghttp2-dev pkg-config postgresql postgresql-contrib redis-server)
case "${1:-}" in
--test) packages+=(bsdextrautils iproute2 jq nghttp2-client nghttp2-server openssl procps python3 systemd util-linux) ;;
--bench) packages+=(nghttp2-client nghttp2-server) ;;
esac

if ! command -v swift >/dev/null; then
    echo "bootstrap: swift is not on the PATH; install Swift 6.2 or newer from https://www.swift.org/install/linux/" >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null; then
    echo "bootstrap: this is not Debian or Ubuntu; install the counterparts of: ${packages[*]}" >&2
    # The build says itself which library it misses; the program says which server.
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ "$status" == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi
if ((EUID != 0)); then
    echo "bootstrap: these packages are missing; run this, then try again:" >&2
    echo "    sudo apt-get update && sudo apt-get install --yes --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "bootstrap: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
