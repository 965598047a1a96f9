#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the tarballs named in pins.txt into the cache's dl/, checked by SHA-256, and unpacks them with Debian's patches
# into src/. Uses apt with a private configuration derived from the system's own sources; the system's apt is not changed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

apt_dir=$cache_dir/apt
release=trixie

# Lines of sources.list for the suites SUITE... at the places where the system finds its own release.
apt_sources() {
    local codename keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed="" uri security suite
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    [ -n "$codename" ] || die "/etc/os-release names no VERSION_CODENAME" "run on Debian 12 or newer"
    [ -r "$keyring" ] && signed="[signed-by=$keyring] "
    # What apt would fetch tells where the archives are, in whichever format they are configured, even before the first update.
    apt-get -o Dir::State="$apt_dir/state" update --print-uris 2>/dev/null |
        sed -En "s#^'([^']*)/dists/$codename(-security)?/InRelease' .*#\\1 \\2#p" | sort -u |
        while read -r uri security; do
            for suite in "$@"; do
                [ "${suite%-security}$security" != "$suite" ] || echo "deb-src $signed$uri $suite main"
            done
        done
}

# Makes the private apt configuration for SUITE... and reads their source indexes.
apt_prepare() {
    mkdir -p "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial"
    apt_sources "$@" >"$apt_dir/sources.list"
    [ -s "$apt_dir/sources.list" ] || die "apt on this machine has no Debian archive configured for its own release" \
        "add the release's main component to /etc/apt/sources.list.d, then start again"
    cat >"$apt_dir/apt.conf" <<CONF
Dir::State "$apt_dir/state";
Dir::State::status "/dev/null";
Dir::Cache "$apt_dir/cache";
Dir::Etc::SourceList "$apt_dir/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
    # A foreign archive for the same release has no such suite: what counts is whether the package is found.
    apt-get -c "$apt_dir/apt.conf" -qq update >"$cache_dir/log/apt-update.log" 2>&1 || true
}

# The version to take for NAME VERSION: itself if the archive has it, else the newest revision of the same upstream release.
# With AVOID, which could not be fetched, another revision.
apt_pick_version() {
    local name=$1 want=$2 avoid=${3:-} best="" version
    while read -r version; do
        [ "$version" != "$avoid" ] || continue
        [ "$version" = "$want" ] && { printf '%s' "$want"; return; }
        [ "${version%-*}" = "${want%-*}" ] || continue
        if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best"; then best=$version; fi
    done < <(apt-cache -c "$apt_dir/apt.conf" showsrc --only-source "$name" 2>/dev/null | sed -n 's/^Version: //p')
    printf '%s' "$best"
}

sha256_is() { [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]; }

# Downloads URI to dl/FILE and accepts it only with SHA256.
fetch_one() {
    local uri=$1 file=$2 sha256=$3 part="$cache_dir/dl/.$2.part" try
    for try in 1 2 3; do
        rm -f "$part"
        if /usr/lib/apt/apt-helper -c "$apt_dir/apt.conf" download-file "$uri" "$part" "SHA256:$sha256" \
            >>"$cache_dir/log/fetch.log" 2>&1 && sha256_is "$part" "$sha256"; then
            mv "$part" "$cache_dir/dl/$file"
            return
        fi
        say "fetching $file: try $try of 3 failed"
        sleep "$((try * 2))"
    done
    rm -f "$part"
    return 1
}

# Fetches every pinned tarball of NAME at VERSION, and writes one resolved line for each. Leaves the version tried in `version`.
fetch_package() {
    local name=$1 want=$2 uris pinned file sha256 uri resolved=()
    version=$(apt_pick_version "$name" "$want" "${3:-}")
    [ -n "$version" ] || return 1
    [ "$version" = "$want" ] || say "note: the archive has moved from $name $want to $version (same upstream release): taking it"
    uris=$(apt-get -c "$apt_dir/apt.conf" -qq --print-uris --only-source source "$name=$version" 2>/dev/null | grep '^.http\|^.file')
    while read -r uri file _ sha256; do
        case $file in *.asc) continue ;; *.orig.tar.* | *.debian.tar.*) ;; *) continue ;; esac
        uri=${uri#\'} uri=${uri%\'} sha256=${sha256#SHA256:}
        case $file in *.debian.tar.*) grep -q "^$name .*\.debian\.tar" "$pins_file" || continue ;; esac
        pinned=$(awk -v n="$name" -v f="$file" '$1 == n && $3 == f { print $4 }' "$pins_file")
        [ -z "$pinned" ] || [ "$pinned" = "$sha256" ] || die "$file has SHA-256 $sha256 in the archive, but $pinned in pins.txt" \
            "do not build: find out which of the two is right, and change pins.txt only then"
        if ! sha256_is "$cache_dir/dl/$file" "$sha256"; then
            say "fetching $file"
            fetch_one "$uri" "$file" "$sha256" || return 1
        fi
        resolved+=("$name $version $file $sha256")
    done <<<"$uris"
    printf '%s\n' "${resolved[@]}"
}

# True if every pinned file is in dl/ already: then apt is not asked at all.
pins_all_present() {
    local name version file sha256
    while read -r name version file sha256; do
        sha256_is "$cache_dir/dl/$file" "$sha256" || return 1
    done < <(grep -v '^#' "$pins_file")
}

fetch_all() {
    local resolved name want version
    resolved=$(resolved_file)
    [ -f "$resolved" ] && return
    if pins_all_present; then
        grep -v '^#' "$pins_file" | tr -s ' ' >"$resolved.part"
    else
        apt_prepare "$release" "$release-security"
        : >"$resolved.part"
        while read -r name want; do
            fetch_package "$name" "$want" >>"$resolved.part" || fetch_from_sid "$name" "$want" >>"$resolved.part"
        done < <(awk '!/^#/ && !seen[$1]++ { print $1, $2 }' "$pins_file")
    fi
    mv "$resolved.part" "$resolved"
}

# The second choice, when the release does not have NAME VERSION, or not all its files: sid's revision of the same upstream release.
fetch_from_sid() {
    local failed=$version
    say "note: $release does not give $1 ${failed:-$2}; asking sid"
    apt_prepare "$release" "$release-security" sid
    fetch_package "$1" "$2" "$failed" || die "no archive gives the source of $1 ${2%-*}" \
        "check the network and apt's proxy settings ($cache_dir/log has apt's words), then start again; or put the files that pins.txt names for $1 into $cache_dir/dl"
}

# Unpacks NAME into src/ and applies Debian's patches.
unpack_one() {
    local name=$1 dest=$2 part orig debian patch
    [ -d "$dest" ] && return
    part=$cache_dir/tmp/unpack-$name.$$
    rm -rf "$part"
    mkdir -p "$part"
    orig=$(awk -v n="$name" '$1 == n && $3 ~ /\.orig\.tar/ { print $3 }' "$(resolved_file)")
    debian=$(awk -v n="$name" '$1 == n && $3 ~ /\.debian\.tar/ { print $3 }' "$(resolved_file)")
    say "unpacking $orig"
    tar -xf "$cache_dir/dl/$orig" -C "$part" --strip-components=1
    [ -z "$debian" ] || tar -xf "$cache_dir/dl/$debian" -C "$part"
    if [ -f "$part/debian/patches/series" ]; then
        while read -r patch _; do
            case $patch in '' | '#'*) continue ;; esac
            patch -d "$part" -p1 -s -f --no-backup-if-mismatch <"$part/debian/patches/$patch" >>"$cache_dir/log/patch-$name.log" 2>&1 ||
                die "Debian's patch $patch does not apply to $orig" "see $cache_dir/log/patch-$name.log"
        done <"$part/debian/patches/series"
    fi
    mv "$part" "$dest"
}

# NAME FOLDER for each package, computed from what was fetched.
list_sources() {
    local name version key
    while read -r name version; do
        key=$(grep "^$name " "$(resolved_file)" | key_of)
        printf '%s %s/src/%s-%s-%s\n' "$name" "$cache_dir" "$name" "${version%-*}" "$key"
    done < <(awk '!seen[$1]++ { print $1, $2 }' "$(resolved_file)")
}

# Fetches and unpacks, then leaves the list of folders in $1: once that file is there, the next start asks nothing else.
make_sources() {
    local list=$1 name dest
    [ -f "$list" ] && return
    fetch_all
    while read -r name dest; do
        unpack_one "$name" "$dest"
    done < <(list_sources)
    list_sources >"$list.part"
    mv "$list.part" "$list"
}

main() {
    case ${1:-} in
    --help | -h)
        echo "usage: fetch.sh [NAME]    fetch and unpack all pinned sources; with NAME, print where that one is"
        return ;;
    esac
    [ $# -le 1 ] || die "too many arguments: $*" "see fetch.sh --help"
    [ -z "${1:-}" ] || grep -q "^$1 " "$pins_file" || die "pins.txt has no package named '$1'" "names are in the first column of $pins_file"
    local list
    list=$cache_dir/src/list-$(key_of </dev/null "$pins_file").txt
    if [ ! -f "$list" ]; then
        cache_init
        with_lock fetch make_sources "$list"
    fi
    [ -z "${1:-}" ] || awk -v n="$1" '$1 == n { print $2 }' "$list"
}

main "$@"
