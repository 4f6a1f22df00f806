#!/bin/sh
# Makes docs/overview.svg from a real run: the demo's cluster, `pgtend overview` on it, its colours as SVG.
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

demo=$("$PGTEND" demo --keep "$@")
# The last lines are how to look at the cluster and how to remove it.
conninfo=$(printf '%s\n' "$demo" | sed -n "s/^  pgtend overview -d '\(.*\)'\$/\1/p")
remove=$(printf '%s\n' "$demo" | sed -n '/^Remove it:$/{n;p;}')
trap 'sh -c "$remove"' EXIT

COLUMNS=80 "$PGTEND" overview --color always -d "$conninfo" |
    "$tools/bin/python" docs/picture.py '$ pgtend overview' >docs/overview.svg
echo "docs/overview.svg: $(wc -c <docs/overview.svg) bytes"
