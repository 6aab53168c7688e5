# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=sh
# rustflags.sh: options for all of cargo's calls of rustc, beside those of the user's. To be
# sourced.

# add_rustflags FLAG…: FLAGs that .cargo/config.toml has for cargo as it is, and LDFLAGS. Where
# RUSTFLAGS are in the environment they replace those of the file.
add_rustflags() {
    linked=
    for flag in ${LDFLAGS:-}; do
        # The library needs lld, which reads several version scripts.
        case $flag in -fuse-ld=*) ;; *) linked="$linked -Clink-arg=$flag" ;; esac
    done
    # shellcheck disable=SC2086 # a list of options without spaces in them
    set -- "$@" $linked
    if [ -n "${CARGO_ENCODED_RUSTFLAGS:-}" ]; then
        for flag in "$@"; do CARGO_ENCODED_RUSTFLAGS=$CARGO_ENCODED_RUSTFLAGS$(printf '\037')$flag; done
    elif [ -n "${RUSTFLAGS:-}$linked" ]; then
        export RUSTFLAGS="${RUSTFLAGS:-} $*"
    fi
}
