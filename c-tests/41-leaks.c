/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fifty thousand children, and as many failing calls, leak nothing in their creator: no
 * mapping, no memory, no descriptor, no zombie.
 *
 * filtered: preload
 * modes: preload shared static api api-static
 */
#define _GNU_SOURCE
#include "makers.h"
#include "raw.h"
#include <fcntl.h>

static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
RETURNING(by_vfork, vfork())
RETURNING(by_clone3_lent, clone3(&lent, sizeof lent))

static pid_t by_call_lent(child_fn *run, void *argument)
{
    return clone3_call(&lent, sizeof lent, run, argument);
}

static pid_t by_call_shared(child_fn *run, void *argument)
{
    struct clone_args args = { .flags = CLONE_VM, .exit_signal = SIGCHLD,
        .stack = (uintptr_t)clone_stack, .stack_size = sizeof clone_stack };
    return clone3_call(&args, sizeof args, run, argument);
}

static pid_t with_pidfd(child_fn *run, void *argument)
{
    int fd = -1;
    struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD,
        .pidfd = (uintptr_t)&fd };
    pid_t pid = clone3_call(&args, sizeof args, run, argument);
    return close(fd) == 0 ? pid : -1;
}

static const struct maker others[] = {
    { .name = "vfork", .make = by_vfork },
    { .name = "clone3 with VM and VFORK", .make = by_clone3_lent },
    { .name = "clone3_call with VM and VFORK", .make = by_call_lent },
    { .name = "clone3_call with VM", .make = by_call_shared }, /* from here on not under qemu-user */
    { .name = "clone3_call with PIDFD", .make = with_pidfd },
};

static int end_with_7(void *unused) { (void)unused; return 7; }

/* What this process has, read without allocating anything. */
struct belongings { long mappings, descriptors, kilobytes; };

static long read_file(const char *path, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    close(fd);
    return (long)used;
}

static struct belongings take_stock(void)
{
    static char text[1 << 17];
    struct belongings all = { 0, 0, 0 };
    read_file("/proc/self/maps", text, sizeof text);
    for (char *at = text; (at = strchr(at, '\n')); at++)
        all.mappings++;
    read_file("/proc/self/status", text, sizeof text);
    char *line = strstr(text, "VmRSS:");
    all.kilobytes = line ? atol(line + 6) : 0;
    for (int fd = 0; fd < 1024; fd++)
        all.descriptors += fcntl(fd, F_GETFD) >= 0;
    return all;
}

static void many(const struct maker *maker, int count)
{
    int good = 0;
    for (int i = 0; i < count; i++)
        good += status_of(maker->make(end_with_7, NULL)) == 7;
    is(good, count, named("%d children by %s end as they should", count, maker->name));
}

__attribute__((noinline)) static int fails(struct clone_args *args)
{
    return clone3(args, sizeof *args) == -1
        && clone3_call(args, sizeof *args, end_with_7, NULL) == -1;
}

/* Calls that make no child, for one reason or another. */
static void many_failures(int count)
{
    struct clone_args bad[] = { { .flags = CLONE_DETACHED }, { .flags = CLONE_SIGHAND },
        { .flags = CLONE_VM }, { .exit_signal = 99 },
        { .flags = CLONE_VM | CLONE_VFORK | CLONE_THREAD } };
    const int kinds = sizeof bad / sizeof *bad;
    int good = 0;
    for (int i = 0; i < count; i++)
        good += fails(&bad[i % kinds]);
    is(good, count, named("%d calls that make no child fail", count));
}

static void all_ways(int count)
{
    const size_t end = emulated() ? 3 : sizeof others / sizeof *others;
    for EACH_MAKER(maker)
        many(maker, count);
    for (size_t i = 0; i < end; i++)
        many(&others[i], count);
    many_failures(count);
}

int main(void)
{
    const int ways = sizeof makers / sizeof *makers + sizeof others / sizeof *others;
    begin_group(100);
    all_ways(10); /* what is made once is made now */
    struct belongings before = take_stock();
    all_ways((emulated() ? 1000 : repeats(50000)) / ways);
    struct belongings after = take_stock();
    is(after.mappings, before.mappings, "thousands of children leave no mapping");
    is(after.descriptors, before.descriptors, "thousands of children leave no descriptor");
    /* The kernel counts in batches, one for each processor. */
    long grown = after.kilobytes - before.kilobytes;
    if (!ok(grown < 1024, "thousands of children leave no memory in use"))
        printf("# %ld KiB more\n", grown);
    ok(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD, "thousands of children leave no child");
    return done();
}
