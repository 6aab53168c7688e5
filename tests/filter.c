/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* filter KIND COMMAND [ARG…]: runs a command under one of the seccomp filters
 * of c-tests/filter.h. Exit status as env(1)'s: 125 for a failure of its own,
 * 126 and 127 for a command that cannot be run or found. */
#include "filter.h"
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words)
{
    if (count < 3) {
        fputs("usage: filter KIND COMMAND [ARG...]\nkinds:", stderr);
        for EACH_FILTER(kind)
            fprintf(stderr, " %s", kind->name);
        fputc('\n', stderr);
        return 125;
    }
    const struct filter_kind *kind = find_filter(words[1]);
    int error = kind ? install_filter(kind) : EINVAL;
    if (error) {
        fprintf(stderr, "filter: %s: %s\n", words[1], kind ? strerror(error) : "no such kind");
        return 125;
    }
    execvp(words[2], words + 2);
    error = errno;
    fprintf(stderr, "filter: %s: %s\n", words[2], strerror(error));
    return error == ENOENT ? 127 : 126;
}
