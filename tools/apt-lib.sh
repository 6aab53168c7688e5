# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# apt-lib.sh: packages of a Debian suite without installing them, through an apt
# that keeps all it has in $work. To be sourced with these set: suite, debian
# (Debian's name of the architecture), work (a directory of our own), and
# cannot() defined, which says why not and exits. That is an exit of the tool only
# where the caller is no subshell.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=http://deb.debian.org/debian
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/tree"
options=(
    -o Dir::State="$work" -o Dir::State::lists="$work/lists" -o Dir::State::status=/dev/null
    -o Dir::Cache="$work/cache" -o Dir::Etc::sourcelist="$work/sources.list"
    -o Dir::Etc::sourceparts=- -o Dir::Etc::preferences=- -o Dir::Etc::preferencesparts=-
    -o APT::Architecture="$debian" -o APT::Architectures="$debian" -o APT::Update::Error-Mode=any
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o APT::Sandbox::User="$(id -un)"
)

lists() { # how the mirror's signature is judged
    echo "deb [arch=$debian $1] $mirror $suite main" > "$work/sources.list"
    apt-get -qq "${options[@]}" update > "$work/log" 2>&1
}
complaint() { grep -m 1 '^E:' "$work/log" || echo 'apt-get failed'; }

field() { apt-cache "${options[@]}" show --no-all-versions "$1" 2>/dev/null | sed -n "s/^$2: //p"; }
# apt-get compares what it downloads with the checksums in the signed lists.
try_unpack() { # package
    (cd "$work" && rm -f ./*.deb && apt-get -qq "${options[@]}" download "$1" &&
        dpkg-deb -x ./*.deb tree) > "$work/log" 2>&1
}
unpack() { # package
    try_unpack "$1" || try_unpack "$1" || cannot "$1: $(tail -n 1 "$work/log")"
}
