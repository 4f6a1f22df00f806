#!/bin/bash
# Tests a release of packaging/release.sh in roots where nothing else is installed. Without CONNINFO, the tests that need a server
# are not run.
#
#   packaging/try.sh DIR [CONNINFO]     the folder of the release; a server over TCP
#
# Requires root (chroot), and uses debootstrap and lintian if they are installed. Prints "not run" for each skipped test.
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
one() { set -- "$release"/$1; [ $# = 1 ] && [ -f "$1" ] || fail "$release does not contain exactly one of: $*"; printf '%s\n' "$1"; }
# Runs `overview` on the server, if there is one.
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

step 'Archive, in a root with only the binary'
[ "$(id -u)" = 0 ] || { not_run 'the rest (not root)'; exit 0; }
tar --extract --file "$archive" --directory "$work"
tree=$(echo "$work"/pgtend-*)
# A dynamically linked binary would not start in this root.
mkdir -m 755 "$work/empty" && mkdir -m 1777 "$work/empty/tmp"
cp "$tree/pgtend" "$work/empty/"
bare() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot --userspec=65532:65532 "$work/empty" /pgtend "$@"; }
bare --version
bare explain unused-index >/dev/null
overview bare
for file in pages/man/pgtend.1 pages/pgtend.bash pages/_pgtend pages/pgtend.fish LICENSE-MIT LICENSE-APACHE; do
    [ -s "$tree/$file" ] || fail "$file is not in the archive"
done

step 'Package: contents'
dpkg-deb --info "$package" | sed -n '/^ Package/,$p'
dpkg-deb --contents "$package"
if command -v lintian >/dev/null; then
    lintian --tag-display-limit 0 --info --fail-on error,warning --allow-root "$package"
else
    not_run 'lintian (not installed)'
fi

step 'Package, in a minimal Debian root'
if ! command -v debootstrap >/dev/null; then
    not_run 'debootstrap (not installed)'
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
        not_run "completions of ${shell%%:*} (not installed)"
    fi
done
within pgtend config check --config /etc/pgtend/config.toml
echo '# changed by the administrator' >>"$work/debian/etc/pgtend/config.toml"
within dpkg --install /pgtend.deb >/dev/null
grep -q 'changed by the administrator' "$work/debian/etc/pgtend/config.toml" || fail 'reinstalling reverted the configuration'
for enabled in "$work"/debian/etc/systemd/system/*/pgtend-check.*; do
    [ ! -e "$enabled" ] || fail 'the package enabled its timer'
done
within dpkg --remove pgtend >/dev/null
[ -e "$work/debian/etc/pgtend/config.toml" ] || fail 'removing the package removed the configuration'
within dpkg --purge pgtend >/dev/null
[ ! -e "$work/debian/etc/pgtend" ] || fail 'purging the package left the configuration'
[ ! -e "$work/debian/usr/bin/pgtend" ] || fail 'purging the package left the program'

step 'Units'
if command -v systemd-analyze >/dev/null; then
    mkdir "$work/units"
    cp "$tree"/packaging/systemd/* "$work/units/"
    sed -i "s,/usr/bin/pgtend,$tree/pgtend," "$work"/units/*.service
    systemd-analyze verify --man=no "$work"/units/*.timer "$work"/units/*.service
else
    not_run 'systemd-analyze (not installed)'
fi
echo
echo 'no failures'
