# SPDX-License-Identifier: Apache-2.0
# Shared by the commands of ./dev (sourced, not run). The working folder is the top of the tree.
. "$(dirname "${BASH_SOURCE[0]}")/../cache.sh"
log_dir=$top_dir/build/log

# usage_error MESSAGE
usage_error() {
    printf 'dev %s: %s\n  remedy: ./dev %s --help\n' "$(basename "$0" .sh)" "$1" "$(basename "$0" .sh)" >&2
    exit 2
}

# step TITLE LOG COMMAND...: one line on the terminal while COMMAND runs into LOG; its end is shown if it fails.
step() {
    local title=$1 log=$2 start=$SECONDS status=0 pid last
    shift 2
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    if [ -t 2 ]; then
        while kill -0 "$pid" 2>/dev/null; do
            last=$(tail -n 1 "$log" | cut -c1-60)
            printf '\r\033[K%s: %s' "$title" "$last" >&2
            sleep 0.3
        done
        printf '\r\033[K' >&2
    fi
    wait "$pid" || status=$?
    if [ "$status" != 0 ]; then
        tail -n 30 "$log" >&2
        die "$title failed with exit code $status" "the full output is in $log"
    fi
    say "$title: done in $((SECONDS - start)) s"
}

# Packages, sources, third-party libraries and tools; a moment when everything is there.
ensure_deps() {
    "$toolchain_dir/setup.sh"
    uboot_tools=$("$toolchain_dir/uboot.sh" tools)
    device_prefix=$("$toolchain_dir/thirdparty.sh" device)
    host_prefix=$("$toolchain_dir/thirdparty.sh" host)
    web_packages=$("$toolchain_dir/web.sh")
}

# configure_preset NAME: makes its build folder if there is none.
configure_preset() {
    [ -f "build/$1/build.ninja" ] || step "configure $1" "$log_dir/configure-$1.log" cmake --preset "$1"
}

# build_preset NAME [ARGUMENTS...]: configures when needed, builds what changed.
build_preset() {
    local preset=$1
    shift
    configure_preset "$preset"
    step "build $preset" "$log_dir/build-$preset.log" cmake --build --preset "$preset" "$@"
}

# run_program FILE ARGUMENTS...: the Python program behind a command.
run_program() {
    local program=$1
    shift
    [ -f "$top_dir/$program" ] || die "$program is not in this tree" "use a complete checkout"
    exec python3 "$top_dir/$program" "$@"
}
