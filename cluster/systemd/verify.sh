#!/usr/bin/env bash
# Has systemd-analyze read the units, as if the program, the user and the environment files were there. Exit status 0: no remark at all; 69: there
# is no systemd-analyze here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v systemd-analyze >/dev/null || {
    echo "verify: there is no systemd-analyze here: apt-get install systemd" >&2
    exit 69
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
program=$(type -P true)
for unit in *.service; do
    # It wants to see a program that is there, and of a template an instance.
    sed "s|/usr/local/bin/fature|$program|" "$unit" >"$scratch/${unit/@./@one.}"
done
status=0
systemd-analyze verify --man=no "$scratch"/*.service >"$scratch/remarks" 2>&1 || status=$?
# It also reads the units that these want, and has remarks on this machine's own: those do not count.
if grep -F -e fature -e "$scratch" "$scratch/remarks" >&2; then exit 1; fi
if ((status != 0)); then
    echo "verify: systemd-analyze failed with exit status $status:" >&2
    cat "$scratch/remarks" >&2
    exit 1
fi
for unit in "$scratch"/*.service; do
    # 0 is safe, 10 is open to everything.
    systemd-analyze security --offline=true --threshold=30 --no-pager "$unit" >"$scratch/security" 2>&1 || {
        echo "verify: ${unit##*/} may do more than it should:" >&2
        grep -E '✗|overall' "$scratch/security" >&2 || cat "$scratch/security" >&2
        exit 1
    }
done
