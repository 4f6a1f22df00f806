#!/bin/sh
# Creates docs/overview.svg from the output of `pgtend overview` on the demo cluster.
#
#   docs/picture.sh [--pg-bin DIR]     arguments go to `pgtend demo`; PGTEND names another binary
#
# Needs Python 3 with venv; fetches the package `rich` into target/picture.
set -eu
cd "$(dirname "$0")/.."

tools=target/picture
[ -x "$tools/bin/python" ] || python3 -m venv "$tools"
"$tools/bin/python" -c 'import rich' 2>/dev/null || "$tools/bin/pip" install --quiet rich==15.0.0

if [ -z "${PGTEND:-}" ]; then
    cargo build --release
    PGTEND=${CARGO_TARGET_DIR:-target}/release/pgtend
fi

# A state folder of its own, so that another kept demo cluster is not used or stopped.
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
trap '"$PGTEND" demo --stop; rm -rf "$XDG_STATE_HOME"' EXIT
connection=$("$PGTEND" demo --keep "$@")
eval "$connection"

COLUMNS=80 "$PGTEND" overview --color always |
    "$tools/bin/python" docs/picture.py '$ pgtend overview' >docs/overview.svg
echo "docs/overview.svg: $(wc -c <docs/overview.svg) bytes"
