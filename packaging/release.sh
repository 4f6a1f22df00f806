#!/bin/bash
# What a release consists of, into target/dist/release: an archive, a Debian package, their checksums.
# Wants cargo-deb. A release is made of a clean tree whose changelog knows the version; --draft does without both.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

draft=
case ${1:-} in
--draft) draft=yes ;;
'') ;;
*) fail "usage: $0 [--draft]" ;;
esac

command -v cargo-deb >/dev/null || fail 'cargo-deb is missing: cargo install cargo-deb --locked'
version=$(cargo metadata --locked --no-deps --format-version 1 | sed -E 's/.*"name":"pgtend","version":"([^"]+)".*/\1/')
if [ -z "$draft" ]; then
    [ -z "$(git status --porcelain)" ] || fail 'the tree is not clean'
    grep -q "^## $version " CHANGELOG.md || fail "CHANGELOG.md has no section for $version"
fi

cargo build --locked --profile dist --bin pgtend
dist=target/dist pages=target/dist/pages release=target/dist/release
rm -rf "$pages" "$release"
mkdir -p "$pages/man" "$release"
"$dist/pgtend" man --dir "$pages/man"
"$dist/pgtend" completions bash >"$pages/pgtend.bash"
"$dist/pgtend" completions zsh >"$pages/_pgtend"
"$dist/pgtend" completions fish >"$pages/pgtend.fish"

name=pgtend-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
tar --create --gzip --owner=0 --group=0 --sort=name --file "$release/$name.tar.gz" \
    --transform "s,^$dist/,," --transform "s,^,$name/," \
    "$dist/pgtend" "$pages" README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE
cargo deb --locked --no-build --profile dist --output "$release/"
(cd "$release" && sha256sum -- *.tar.gz *.deb >SHA256SUMS)
ls -l "$release"
