#!/bin/bash
# What a release consists of: an archive and a Debian package of the one static binary, their checksums, the notes.
#
#   packaging/release.sh [--draft] [--output DIR]     [default: target/dist/release]
#
# Wants cargo-deb, musl-gcc, and Rust's target of the same name. A release is made of a clean tree whose changelog knows the
# version; --draft does without both. `packaging/try.sh DIR` then tries what was made.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

draft= release=target/dist/release
while [ $# != 0 ]; do
    case $1 in
    --draft) draft=yes ;;
    --output)
        [ $# -ge 2 ] || fail '--output wants a folder'
        release=$2
        shift
        ;;
    *) fail "usage: $0 [--draft] [--output DIR]" ;;
    esac
    shift
done

target=$(uname -m)-unknown-linux-musl
command -v cargo-deb >/dev/null || fail 'cargo-deb is missing: cargo install cargo-deb --locked'
command -v musl-gcc >/dev/null || fail 'musl-gcc is missing: apt-get install musl-tools'
[ -d "$(rustc --print target-libdir --target "$target")" ] || fail "Rust's $target is missing: rustup target add $target"

version=$(cargo metadata --locked --no-deps --format-version 1 | sed -E 's/.*"name":"pgtend","version":"([^"]+)".*/\1/')
# The section of the changelog, without its heading.
notes() {
    awk -v heading="$1" '/^## / { inside = ($2 == heading); next } inside' CHANGELOG.md
}
if [ -z "$draft" ]; then
    [ -z "$(git status --porcelain)" ] || fail 'the tree is not clean'
    grep -qE "^## $version - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md || fail "CHANGELOG.md has no section \"$version - DAY\""
    section=$version
else
    section=Unreleased
fi
[ -n "$(notes "$section" | grep .)" ] || fail "CHANGELOG.md says nothing under $section"

cargo build --locked --profile dist --bin pgtend --target "$target"
binary=${CARGO_TARGET_DIR:-target}/$target/dist/pgtend
! readelf --program-headers "$binary" | grep -q INTERP || fail "$binary is not static"

# The same tree gives the same files, whenever they are packed. Not told to cargo: C would be compiled anew for each commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

# What is made of the binary, for the package and the archive alike.
pages=target/pages
rm -rf "$pages" "$release"
mkdir -p "$pages/man" "$release"
"$binary" man --dir "$pages/man"
"$binary" completions bash >"$pages/pgtend.bash"
"$binary" completions zsh >"$pages/_pgtend"
"$binary" completions fish >"$pages/pgtend.fish"
"$binary" config init - >"$pages/config.toml"
cat >"$pages/changelog" <<END
pgtend ($version-1) unstable; urgency=medium

  * Version $version; what changed stands in changelog.gz beside this file.

 -- $(sed -nE 's/^maintainer = "(.*)"$/\1/p' Cargo.toml)  $(LC_ALL=C date --utc --date "@$SOURCE_DATE_EPOCH" -R)
END
gzip --no-name --best <CHANGELOG.md >"$pages/changelog-upstream.gz"
notes "$section" >"$release/NOTES.md"

name=pgtend-$version-linux-$(uname -m)
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime "@$SOURCE_DATE_EPOCH" \
    --transform "s,^$(dirname "$binary")/,," --transform "s,^target/,," --transform "s,^,$name/," \
    "$binary" "$pages" packaging/systemd packaging/cron packaging/kubernetes \
    README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE |
    gzip --no-name --best >"$release/$name.tar.gz"
cargo deb --locked --no-build --profile dist --target "$target" --output "$release/"
(cd "$release" && sha256sum -- *.tar.gz *.deb >SHA256SUMS)
ls -l "$release"
