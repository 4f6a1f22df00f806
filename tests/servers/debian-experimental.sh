#!/bin/bash
# Unpacks a major of PostgreSQL from Debian's suite experimental, with the libraries of sid, into a folder of its own:
# a server for tests on a machine whose C library is older. Nothing is installed on the machine.
#
# Usage: debian-experimental.sh MAJOR FOLDER
#
# FOLDER/bin has the programs. FOLDER appears complete or not at all. Needs apt-get, dpkg-deb and patchelf, Debian's
# archive keyring and x86-64. Exit 1: the reason is on stderr.
set -euo pipefail

major=$1 target=$2
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}
for tool in apt-get apt-cache dpkg-deb patchelf; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || fail "$keyring is missing"
[ "$(uname -sm)" = 'Linux x86_64' ] || fail 'this machine is not Linux on x86-64'

mkdir -p "$(dirname "$target")"
target=$(cd "$(dirname "$target")" && pwd)/$(basename "$target")
# Two test runs may need the folder at once.
exec 9>"$target.lock"
flock 9
if [ -e "$target" ]; then exit 0; fi

staging=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$staging"' EXIT
# apt must not touch the machine's own lists, and runs its downloads as another user.
chmod 755 "$staging"
apt=$staging/apt
mkdir -p "$apt"/lists/partial "$apt"/archives/partial "$staging"/packages
: >"$apt/status"
for suite in sid experimental; do
    echo "deb [signed-by=$keyring] http://deb.debian.org/debian $suite main"
done >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dir::State "$apt";
Dir::State::lists "lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
CONF
export APT_CONFIG=$apt/apt.conf
timeout 300 apt-get -q update >"$staging/log" 2>&1 || fail "$(tail -n 3 "$staging/log")"

# The libraries on which the server depends, directly or not.
libraries=$(apt-cache depends -t experimental --recurse --no-pre-depends --no-recommends --no-suggests --no-conflicts \
    --no-breaks --no-replaces --no-enhances "postgresql-$major" |
    grep -E '^(lib|zlib)' | grep -vE 'llvm|perl|-common$|-modules|-bin$|-l10n$|^libc-|installer' | sort -u)
[ -n "$libraries" ] || fail "Debian experimental has no postgresql-$major"
(
    cd "$staging/packages"
    # shellcheck disable=SC2086 # one word per package
    timeout 600 apt-get -q download -t experimental "postgresql-$major" "postgresql-client-$major" $libraries
) >"$staging/log" 2>&1 || fail "$(tail -n 3 "$staging/log")"

mkdir "$staging/server" "$staging/libraries" "$staging/server/lib"
for package in "$staging"/packages/*.deb; do
    case $package in
    */postgresql-*) dpkg-deb -x "$package" "$staging/server" ;;
    *) dpkg-deb -x "$package" "$staging/libraries" ;;
    esac
done

# Copies the libraries that are needed. The programs find them in FOLDER/lib, the C library's loader included.
server=$staging/server/usr/lib/postgresql/$major
rm -rf "$server"/lib/bitcode "$server"/lib/llvmjit*
copy_needed() {
    local file=$1 name found
    for name in $(patchelf --print-needed "$file" 2>/dev/null); do
        if [ -e "$staging/server/lib/$name" ]; then continue; fi
        found=$(find "$staging/libraries" -name "$name" -print -quit)
        [ -n "$found" ] || fail "no package has $name, which $(basename "$file") needs"
        cp -L "$found" "$staging/server/lib/$name"
        copy_needed "$staging/server/lib/$name"
    done
}
for file in "$server"/bin/* "$server"/lib/*.so "$server"/lib/**/*.so; do
    if [ -f "$file" ]; then copy_needed "$file"; fi
done
loader=ld-linux-x86-64.so.2
[ -e "$staging/server/lib/$loader" ] || cp -L "$(find "$staging/libraries" -name "$loader" -print -quit)" \
    "$staging/server/lib/$loader"
for file in "$server"/bin/*; do
    # Some are scripts.
    patchelf --print-interpreter "$file" >/dev/null 2>&1 || continue
    patchelf --force-rpath --set-rpath "$target/lib" --set-interpreter "$target/lib/$loader" "$file"
done
for file in "$staging"/server/lib/*.so*; do
    if [ "$(basename "$file")" != "$loader" ]; then patchelf --force-rpath --set-rpath "$target/lib" "$file"; fi
done
for file in "$server"/lib/*.so; do
    patchelf --force-rpath --set-rpath "$target/lib" "$file"
done
ln -s "usr/lib/postgresql/$major/bin" "$staging/server/bin"
chmod -R a+rX "$staging/server"
mv "$staging/server" "$target"
"$target/bin/postgres" --version
