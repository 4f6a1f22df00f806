#!/bin/sh
# Prints reports on both servers.
set -eu

for host in primary standby; do
    for report in overview slots; do
        printf '\n$ pgtend %s --host %s\n\n' "$report" "$host"
        pgtend "$report" --host "$host"
    done
done
