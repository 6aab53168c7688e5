# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# rustflags.sh: the options that rustc gets beside those of cargo's configuration. To be
# sourced in the project's directory.

# Names for the directories of the source, of the crates and of what cargo makes, in place of
# the builder's own, so that what is built depends on none of them. The last that fits counts.
remapped() {
    local said source crates
    said=$(${CARGO:-cargo} metadata --locked --no-deps --format-version 1) || return
    of() { sed -nE "s/.*\"$1\":\"(([^\"\\]|\\\\.)*)\".*/\1/p" <<< "$said" | sed 's/\\\(["\\]\)/\1/g'; }
    source=/usr/src/libclone3 crates=/usr/src/crates
    printf '%s\n' "$(of workspace_root)=$source"
    # Where cargo unpacks what it downloads: a directory for each registry, made by the first
    # build.
    [ -d "${CARGO_HOME:-$HOME/.cargo}/registry/src" ] || ${CARGO:-cargo} fetch --locked > /dev/null || return
    printf '%s\n' "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/ | sed "s|/\$|=$crates|"
    printf '%s\n' "$(of workspace_root)/vendor=$crates" "$(of target_directory)=$source/target"
}

# rustflags [FLAG…]: sets cargo_options to the options by which cargo passes them on. In the
# environment RUSTFLAGS replace those of configuration files; they stay, and get FLAGs that
# .cargo/config.toml has.
rustflags() {
    local flag flags=() users=()
    for flag in ${LDFLAGS:-}; do
        # The library needs lld, which reads several version scripts.
        case $flag in -fuse-ld=*) ;; *) flags+=("-Clink-arg=$flag") ;; esac
    done
    while IFS= read -r flag; do flags+=("--remap-path-prefix=$flag"); done < <(remapped)
    cargo_options=()
    if [ -n "${CARGO_ENCODED_RUSTFLAGS:-}${RUSTFLAGS:-}" ]; then
        read -ra users <<< "${RUSTFLAGS:-}"
        flags=("${users[@]}" "$@" "${flags[@]}")
        [ -z "${CARGO_ENCODED_RUSTFLAGS:-}" ] || flags=("$CARGO_ENCODED_RUSTFLAGS" "${flags[@]:${#users[@]}}")
        CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${flags[*]}")
        export CARGO_ENCODED_RUSTFLAGS
    else
        flags=("${flags[@]//\\/\\\\}")
        flags=("${flags[@]//\"/\\\"}")
        cargo_options=(--config "target.'cfg(all())'.rustflags=[$(printf '"%s", ' "${flags[@]}")]")
    fi
}
