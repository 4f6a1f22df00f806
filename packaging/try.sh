#!/bin/bash
# Tries what packaging/release.sh made, where nothing else is installed. Without a server only what needs none is tried.
#
#   packaging/try.sh DIR [CONNINFO]     the release's folder; a server over TCP
#
# Wants root (chroot); debootstrap and lintian where they are there. What cannot run is said to be "not run".
set -euo pipefail
shopt -s inherit_errexit

[ $# -ge 1 ] || { echo "usage: $0 DIR [CONNINFO]" >&2; exit 2; }
release=$(cd "$1" && pwd) conninfo=${2:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/pgtend-try.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
chmod 755 "$work"

step() { printf '\n==> %s\n' "$*"; }
not_run() { printf 'not run: %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
one() { set -- "$release"/$1; [ $# = 1 ] && [ -f "$1" ] || fail "$release holds not one of these: $*"; printf '%s\n' "$1"; }
# With a server, the report; without, at least a refusal that is pgtend's own.
overview() {
    if [ -n "$conninfo" ]; then
        "$@" overview -d "$conninfo" >"$work/overview" || fail "$* overview"
        grep -q . "$work/overview" || fail 'an empty overview'
        head -n 4 "$work/overview"
    else
        not_run 'overview (no CONNINFO)'
    fi
}

step 'Checksums'
(cd "$release" && sha256sum --check SHA256SUMS)
archive=$(one '*.tar.gz') package=$(one '*.deb')

step 'The archive, in a root that holds nothing but the binary'
[ "$(id -u)" = 0 ] || { not_run 'the rest (not root)'; exit 0; }
tar --extract --file "$archive" --directory "$work"
tree=$(echo "$work"/pgtend-*)
# One that is not static would not start there.
mkdir -m 755 "$work/empty" && mkdir -m 1777 "$work/empty/tmp"
cp "$tree/pgtend" "$work/empty/"
bare() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot --userspec=65532:65532 "$work/empty" /pgtend "$@"; }
bare --version
bare explain unused-index >/dev/null
overview bare
for file in pages/man/pgtend.1 pages/pgtend.bash pages/_pgtend pages/pgtend.fish LICENSE-MIT LICENSE-APACHE; do
    [ -s "$tree/$file" ] || fail "$file is not in the archive"
done

step 'The package: contents'
dpkg-deb --info "$package" | sed -n '/^ Package/,$p'
dpkg-deb --contents "$package"
if command -v lintian >/dev/null; then
    lintian --tag-display-limit 0 --info --fail-on error,warning --allow-root "$package"
else
    not_run 'lintian (not there)'
fi

step 'The package, in a root of the smallest Debian'
if ! command -v debootstrap >/dev/null; then
    not_run 'debootstrap is not there'
    exit 0
fi
debian=$(. /etc/os-release && echo "$VERSION_CODENAME")
debootstrap --variant=minbase "$debian" "$work/debian" >"$work/log" 2>&1 || fail "debootstrap: $(tail -n 3 "$work/log")"
within() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$work/debian" "$@"; }
cp "$package" "$work/debian/pgtend.deb"
within dpkg --install /pgtend.deb
within pgtend --version
overview within pgtend
for page in pgtend pgtend-slots-drop; do
    [ -s "$work/debian/usr/share/man/man1/$page.1.gz" ] || fail "no manual page $page"
done
completed=$(within bash -c '. /usr/share/bash-completion/completions/pgtend
    COMP_WORDS=(pgtend overv) COMP_CWORD=1
    _pgtend pgtend overv pgtend && echo "${COMPREPLY[@]}"')
[ "$completed" = overview ] || fail "bash completes \"pgtend overv\" with \"$completed\""
for shell in zsh:share/zsh/vendor-completions/_pgtend fish:share/fish/vendor_completions.d/pgtend.fish; do
    if command -v "${shell%%:*}" >/dev/null; then
        "${shell%%:*}" -n "$work/debian/usr/${shell#*:}"
    else
        not_run "the completions of ${shell%%:*} (it is not there)"
    fi
done
within pgtend config check --config /etc/pgtend/config.toml
echo '# of the administrator' >>"$work/debian/etc/pgtend/config.toml"
within dpkg --install /pgtend.deb >/dev/null
grep -q 'of the administrator' "$work/debian/etc/pgtend/config.toml" || fail 'installing again took the configuration back'
for enabled in "$work"/debian/etc/systemd/system/*/pgtend-check.*; do
    [ ! -e "$enabled" ] || fail 'the package turned its timer on'
done
within dpkg --remove pgtend >/dev/null
[ -e "$work/debian/etc/pgtend/config.toml" ] || fail 'removing took the configuration away'
within dpkg --purge pgtend >/dev/null
[ ! -e "$work/debian/etc/pgtend" ] || fail 'purging left the configuration'
[ ! -e "$work/debian/usr/bin/pgtend" ] || fail 'the program is still there'

step 'Units'
if command -v systemd-analyze >/dev/null; then
    mkdir "$work/units"
    cp "$tree"/packaging/systemd/* "$work/units/"
    sed -i "s,/usr/bin/pgtend,$tree/pgtend," "$work"/units/*.service
    systemd-analyze verify --man=no "$work"/units/*.timer "$work"/units/*.service
else
    not_run 'systemd-analyze is not there'
fi
echo
echo 'all tried'
