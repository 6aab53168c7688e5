/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE3_TRACE and wordexp(): a call that may run commands is a creation whose child the libc
 * keeps to itself, and the commands' programs are in the trace; the words are as without one.
 */
#define _GNU_SOURCE
#include "raw.h"
#include "recorded.h"
#include <link.h>
#include <wordexp.h>

enum { WORDEXP = 17, HOST = 4 };

static int expands(const char *text, int flags, const char *first, size_t count)
{
    wordexp_t words;
    if (wordexp(text, &words, flags) != 0)
        return 0;
    int good = words.we_wordc == count && strcmp(words.we_wordv[0], first) == 0;
    wordfree(&words);
    return good;
}

static int expand_all(void)
{
    wordexp_t words;
    return !expands("'$(echo)' $((1 + 2))", 0, "$(echo)", 2) ? 1
        : !expands("$(echo one) \"`echo two three`\"", 0, "one", 2) ? 2
        : wordexp("$(echo)", &words, WRDE_NOCMD) != WRDE_CMDSUB     ? 3
        : wordexp("a | b", &words, WRDE_NOCMD) != WRDE_BADCHAR      ? 4
                                                                    : 0;
}

/* Whether the shell can have the library: it is for as many bits as this program, and has a
 * loader. The shell of a guest has none. */
static inline int shell_takes_library(void)
{
    static char start[4096];
    int fd = open("/bin/sh", O_RDONLY);
    ssize_t got = read(fd, start, sizeof start);
    close(fd);
    ElfW(Ehdr) *header = (void *)start;
    if (got < (ssize_t)sizeof *header || start[4] != (sizeof(void *) == 8 ? 2 : 1))
        return 0;
    for (int i = 0; i < header->e_phnum; i++) {
        size_t at = header->e_phoff + (size_t)i * header->e_phentsize;
        if (at + sizeof(ElfW(Phdr)) <= (size_t)got && ((ElfW(Phdr) *)(void *)(start + at))->p_type == PT_INTERP)
            return 1;
    }
    return 0;
}

int main(void)
{
    begin(60);
    if (getenv("PART"))
        return expand_all();
    if (cannot_record())
        return done();
#ifdef MODE_STATIC
    skip("wordexp() in a trace", "a static program's is its libc's");
#else
    if (no_threads()) {
        skip("wordexp() in a trace", "where clone3 is refused like this, glibc spawns nothing either");
        return done();
    }
    is(run_recorded("words", NULL), 0, "wordexp() in a traced program does what it should");
    if (!ok(read_records(), "the trace of wordexp() is whole"))
        return done();
#ifdef __GLIBC__
    int calls = 1;
#else
    int calls = 4; /* a shell expands whatever there is */
#endif
    const struct record *create = find(NULL, "create", "call", WORDEXP);
    int found = 0;
    for (const struct record *at = NULL; (at = find(at, "create", "call", WORDEXP));)
        found++;
    is(found, calls, "the trace has the calls of wordexp() that may run commands");
    ok(create && create->state == DONE && field(create, "child") == 0 && field(create, "errno") == 0
            && field(create, "route") == HOST && field(create, "end_ns") >= create->time,
        "a call of wordexp() is a creation of the host's");
    const struct record *shell = create ? find(create, "image", NULL, 0) : NULL;
#ifdef MODE_PRELOAD
    if (shell_takes_library())
        ok(shell && field(shell, "parent") == create->pid, "the trace has the shell that wordexp() runs");
    else
        skip("the trace has the shell that wordexp() runs", "it is static, or for another processor than the library");
#else
    ok(!shell, "the shell that wordexp() runs is not linked with the library");
#endif
    forget_records();
#endif
    return done();
}
