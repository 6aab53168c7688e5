/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE3_TRACE_MEMORY: a creation that copies the memory has the size of that and of its page
 * tables, and an end CPU time and most memory; nothing is asked for where it is not set.
 */
#define _GNU_SOURCE
#include "recorded.h"
#include "trace.h"
#include "forbidden.h"
#include <spawn.h>
#include <sys/resource.h>
#include <time.h>

pid_t _Fork(void); /* not declared before glibc 2.34 */
extern char **environ;

enum { UNDERSCORE_FORK = 2, VFORK = 3, MIB = 1 << 20, LARGE = 64 * MIB, WORKS_MS = 30 };

static void works(void)
{
    struct timespec used;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec == 0 && used.tv_nsec < WORKS_MS * 1000000L);
}

static int grows_and_copies(void)
{
    char *large = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (large == MAP_FAILED)
        return 1;
    madvise(large, LARGE, 15 /* MADV_NOHUGEPAGE: page tables of their usual size */);
    memset(large, 1, LARGE);
    pid_t pid = _Fork();
    if (pid == 0)
        _exit(0);
    if (status_of(pid) != 0)
        return 2;
    if ((pid = vfork()) == 0)
        _exit(0);
    works();
    return status_of(pid);
}

static struct trace traced;

/* How many calls a copy and an end take, as a tracer counts them. */
static int copies(void *argument)
{
    (void)argument;
    mark(MARK_BEGIN);
    pid_t pid = _Fork();
    if (pid == 0)
        _exit(0);
    mark(MARK_END);
    return status_of(pid);
}

static int counts(void)
{
    traced = traced_run(copies, NULL);
    return traced.status != 0 ? 120 : traced.calls;
}

static void figures(int is_asked)
{
    const char *when = is_asked ? "with CLONE3_TRACE_MEMORY=1" : "without CLONE3_TRACE_MEMORY";
    is(run_recorded("grows", is_asked ? "CLONE3_TRACE_MEMORY=1" : NULL), 0,
        named("a program of 64 MiB is copied, %s", when));
    if (!ok(read_records(), "the trace of a program of 64 MiB is whole, %s", when))
        return;
    const struct record *copied = find(NULL, "create", "call", UNDERSCORE_FORK);
    const struct record *lent = find(NULL, "create", "call", VFORK);
    uint64_t resident = copied ? field(copied, "resident") : 0, tables = copied ? field(copied, "page_tables") : 0;
    ok(is_asked ? resident >= LARGE && resident < 4ull * LARGE : resident == 0,
        "a creation has what is copied if it is asked for, %s: %llu", when, (unsigned long long)resident);
    ok(is_asked ? tables >= LARGE / 4096 * 8 && tables < MIB : tables == 0,
        "a creation has the page tables that are copied if it is asked for, %s: %llu", when, (unsigned long long)tables);
    ok(lent && field(lent, "resident") == 0, "a creation that copies nothing says so, %s", when);
#ifndef MODE_STATIC
    const struct record *image = find(NULL, "image", NULL, 0), *end = NULL;
    for (const struct record *at = NULL; (at = find(at, "exit", NULL, 0));)
        if (image && at->pid == image->pid)
            end = at;
    uint64_t used = end ? field(end, "user_ns") + field(end, "system_ns") : 0;
    uint64_t most = end ? field(end, "max_resident") : 0;
    ok(end && (is_asked ? used >= WORKS_MS * 900000ull && most >= LARGE : used == 0 && most == 0),
        "an end has CPU time and memory if they are asked for, %s: %llu ns, %llu bytes", when, (unsigned long long)used,
        (unsigned long long)most);
#endif
    forget_records();
}

int main(void)
{
    const char *part = getenv("PART");
    begin(60);
    if (part)
        return strcmp(part, "grows") == 0 ? grows_and_copies() : counts();
    if (cannot_record())
        return done();
    figures(1);
    figures(0);
#ifndef MODE_STATIC
    int untraced = counts(), without = run_recorded("counts", NULL);
    forget_records();
    int with = run_recorded("counts", "CLONE3_TRACE_MEMORY=1");
    forget_records();
    if (untraced == 120) {
        skip("a creation and an end take no call more in a traced program", "no tracing here");
        return done();
    }
    if (clock_is_asked() || !keeps_thread_id())
        skip("a creation and an end take no call more in a traced program", "the clock, or the thread's id, takes one here");
    else
        is(without, untraced, "a creation and an end take no call more in a traced program");
    ok(with > without + 4, "a creation and an end take calls if memory is asked for: %d, not %d", with, without);
#endif
    return done();
}
