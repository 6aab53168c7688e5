#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# git.sh [threads]: a life of a repository, in commands of git that make all
# their processes from their only thread; or, with an argument, in those that
# fork from a second one (filters) or beside it (fetch, push). Dates and names
# are fixed, so every commit has the same id.
set -eu

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org

# Sets the time of what is done next.
clock=1700000000
tick() {
    clock=$((clock + 60))
    export GIT_AUTHOR_DATE="$clock +0000" GIT_COMMITTER_DATE="$clock +0000"
}

commit() { # file text…
    tick
    printf '%s\n' "${@:2}" > "$1"
    git add "$1"
    git commit -q -m "$1: ${*:2}"
}

repository() {
    git init -q -b main origin
    cd origin
    git config gc.auto 0
    git config pack.threads 2
    local i
    for i in 1 2 3 4 5 6; do commit "file$i" "$(seq "$i" 200)"; done
    tick
    git tag -a -m "the first" v1
}

branches() {
    git checkout -q -b side
    commit file1 side
    commit side "only here"
    git checkout -q main
    commit file2 main
    tick
    git merge -q -m merged side
    git log --graph --format='%h %an %ad %s' --date=unix --shortstat | cut -c 1-60
    tick
    git rebase -q --onto v1 HEAD~1 side
    git checkout -q main
    git rev-parse main side v1
}

children() {
    mkdir -p .git/hooks
    printf '#!/bin/sh\necho "hook: $(git rev-parse --abbrev-ref HEAD)"\n' > .git/hooks/pre-commit
    chmod +x .git/hooks/pre-commit
    commit hooked yes
    rm .git/hooks/pre-commit
    git config alias.words '!f() { git show "HEAD:$1" | wc -w; }; f'
    git words file6
    GIT_EDITOR='printf "edited\n" >' git commit -q --amend
    git log -1 --format=%s%n%H
    git grep -c 1 -- 'file[34]'
    git bisect start HEAD v1 > /dev/null
    git bisect run sh -c '! test -e side' | grep 'first bad commit'
    git bisect reset 2> reset.err || cat reset.err
    rm reset.err
    git archive --format=tar.gz HEAD | tar tzf - | sort
}

clones() {
    git clone -q . ../copy
    git clone -q --bare --no-hardlinks . ../bare.git
    git -C ../copy log --format=%H | sort | cksum
    git -C ../copy submodule -q status
    git -C ../copy stash list
    git -C ../copy ls-remote origin
}

collection() {
    git gc -q
    git count-objects -v | grep -e ^packs -e ^in-pack -e ^garbage
    git fsck --strict
    git -C ../bare.git gc -q --aggressive
    git -C ../bare.git rev-list --count --all
    git status --short
}

filters() {
    git config filter.upper.clean 'tr a-z A-Z'
    git config filter.upper.smudge 'tr A-Z a-z'
    echo '*.up filter=upper' > .gitattributes
    commit text.up "through a filter"
    git cat-file -p HEAD:text.up
    rm text.up
    git checkout -q .
    cat text.up
    git status --short
}

exchange() {
    git clone -q --bare . ../bare.git
    git clone -q "file://$PWD" ../copy
    commit late "after the clones"
    git -C ../copy fetch -q
    git -C ../copy rev-parse origin/main
    git push -q ../bare.git main
    git -C ../bare.git rev-parse main
    git -C ../copy pull -q --ff-only
    git -C ../copy rev-parse HEAD
}

parts=(repository branches children clones collection)
[ $# = 0 ] || parts=(repository filters exchange)
for part in "${parts[@]}"; do
    echo "== $part"
    $part
done
