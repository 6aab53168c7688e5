/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE3_TRACE: each creation is a record with its call, child and errno; a child with
 * its own memory has a record of its start, and one on lent memory names its creation
 * as well. The program's object is a record, and each creation's caller is the place in it
 * that made the call.
 */
#define _GNU_SOURCE
#include "recorded.h"
#include "libc.h"
#include <clone3.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

pid_t _Fork(void); /* not declared before glibc 2.34 */
extern char **environ;

/* The numbers of enum Call in trace/src/names.rs. */
enum { FORK = 1, UNDERSCORE_FORK, VFORK, CLONE, CLONE3, CLONE3_CALL, SYSCALL, POSIX_SPAWN };
enum { SPAWNED = 41, EXIT = 64 };

static char stack[64 << 10] __attribute__((aligned(16)));
static struct clone_args copied = { .exit_signal = SIGCHLD };
static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

static int end_with(void *status)
{
    return (int)(intptr_t)status;
}

/* Functions from which calls are recorded lie together, so that callers can be told. */
#define CALLER __attribute__((noinline, section("callers")))
extern const char __start_callers[], __stop_callers[], __ehdr_start[];

CALLER static pid_t spawn(const char *path, int *error)
{
    char *const argv[] = { "sh", "-c", "exit 8", NULL };
    pid_t pid = -1;
    *error = posix_spawn(&pid, path, NULL, NULL, argv, environ);
    return pid;
}

/* What the child that is made n-th ends with is n. */
CALLER static int make_all(void)
{
    int good = 1, error;
    pid_t pid;
#ifndef MODE_STATIC /* whose libc's own reaches _Fork() */
    if ((pid = fork()) == 0)
        _exit(FORK);
    good &= status_of(pid) == FORK;
#endif
    if ((pid = _Fork()) == 0)
        _exit(UNDERSCORE_FORK);
    good &= status_of(pid) == UNDERSCORE_FORK;
    if ((pid = vfork()) == 0)
        _exit(VFORK);
    good &= status_of(pid) == VFORK;
    pid = clone(end_with, stack + sizeof stack, SIGCHLD, (void *)CLONE);
    good &= status_of(pid) == CLONE;
    if ((pid = clone3(&copied, sizeof copied)) == 0)
        _exit(CLONE3);
    good &= status_of(pid) == CLONE3;
    pid = clone3_call(&lent, sizeof lent, end_with, (void *)CLONE3_CALL);
    good &= status_of(pid) == CLONE3_CALL;
    if ((pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == 0)
        _exit(SYSCALL);
    good &= status_of(pid) == SYSCALL;
    good &= status_of(spawn("/bin/sh", &error)) == POSIX_SPAWN && error == 0;
    good &= spawn("/nowhere/sh", &error) == -1 && error == ENOENT;
    lent.flags |= CLONE_SIGHAND | CLONE_CLEAR_SIGHAND;
    good &= clone3_call(&lent, sizeof lent, end_with, NULL) == -1;
    return good ? 0 : 1;
}

/* Whether the return address of a call is in the functions above, in this program wherever it
 * lay. */
static int is_from_callers(const struct record *record)
{
    const struct record *module = find(NULL, "module", NULL, 0);
    if (!module || module > record)
        return 0;
    uint64_t base = field(module, "base"), offset = field(record, "caller") - base;
    /* A program that is not position-independent lies where its file says. */
    const char *here = base ? __ehdr_start : NULL;
    uint64_t from = (uint64_t)(__start_callers - here), to = (uint64_t)(__stop_callers - here);
    if (offset <= from || offset > to)
        printf("# caller at %#llx, not in %#llx-%#llx\n", (unsigned long long)offset,
            (unsigned long long)from, (unsigned long long)to);
    return offset > from && offset <= to;
}

static void creations(void)
{
    is(run_recorded("make", NULL), 0, "children of a traced program are made as without a trace");
    if (!ok(read_records(), "the trace of a program that makes children is whole"))
        return;
    const struct record *image = find(NULL, "image", NULL, 0), *at = image;
    ok(image && image == records && image->origin == image->position && image->pid == image->tid,
        "the first record of a trace is the image's");
    for (int call = FORK; call <= POSIX_SPAWN; call++) {
#ifdef MODE_STATIC
        if (call == FORK)
            continue;
#endif
        const struct record *create = find(at, "create", "call", (uint64_t)call);
        if (!ok(create && create->state == DONE && create->origin == image->position
                    && create->pid == image->pid && (int)field(create, "child") > 0
                    && field(create, "errno") == 0 && field(create, "exit_signal") == SIGCHLD
                    && field(create, "end_ns") > create->time && field(create, "thread") == 0,
                "the trace has a complete record of call %d", call)) {
            show_records();
            continue;
        }
        ok(is_from_callers(create), "the record of call %d has the place of the call", call);
        if (!getenv("FILTERED") && !emulated())
            is((long)field(create, "route"), 1, named("the record of call %d has clone3(2) for its route", call));
        uint64_t flags = field(create, "flags");
        ok(!(flags & CLONE_VM) == (call != VFORK && call != CLONE3_CALL && call != POSIX_SPAWN),
            "the record of call %d has the flags of that call", call);
        const struct record *start = find(image, "start", NULL, 0);
        while (start && start->origin != create->position)
            start = find(start, "start", NULL, 0);
        if (flags & CLONE_VM)
            ok(!start, "a child of call %d, which shares the memory, has no record of a start", call);
        else
            ok(start && start->pid == field(create, "child")
                    && field(start, "parent_origin") == image->position,
                "a child of call %d has a record of its start, which names the creation", call);
        at = create;
    }
#if !defined(MODE_STATIC)
    const struct record *end = find(NULL, "exit", "status", VFORK);
    const struct record *vforked = find(NULL, "create", "call", VFORK);
    ok(end && vforked && end->origin == vforked->position && end->pid == field(vforked, "child"),
        "the end of a child of vfork() names the record that it came from");
    end = find(NULL, "exit", "status", FORK);
    ok(end && end->pid == field(find(NULL, "create", "call", FORK), "child"), "the end of a child of fork() names the record that it came from");
#endif
    const struct record *exec = find(NULL, "exec", "call", SPAWNED), *create;
    create = find(NULL, "create", "call", POSIX_SPAWN);
    ok(exec && create && exec->state == OPEN && field(exec, "create") == create->position
            && exec->pid == field(create, "child") && field(exec, "ran_ns") >= create->time
            && string_is(exec, 0, "/bin/sh", 7) && string_is(exec, 1, "sh\0-c\0exit 8", 12),
        "a spawned child has a record of its exec");
    const struct record *failed = find(create, "create", "call", POSIX_SPAWN);
    exec = find(exec, "exec", "call", SPAWNED);
    ok(failed && failed->state == DONE && (int)field(failed, "child") == -1
            && field(failed, "errno") == ENOENT && field(failed, "stage") != 0,
        "the record of a failed spawn has errno and step");
    ok(exec && exec->state == DONE && field(exec, "errno") == ENOENT
            && field(exec, "create") == failed->position,
        "the record of a failed spawn's exec has the errno");
    failed = find(failed, "create", "call", CLONE3_CALL);
    ok(failed && (int)field(failed, "child") == -1 && field(failed, "errno") == EINVAL,
        "the record of a refused creation has the errno");
    ok(is_from_callers(failed), "the record of a refused creation has the place of the call");
    const struct record *module = find(NULL, "module", NULL, 0);
    char path[64]; /* which a static program may not know */
    uint32_t length;
    snprintf(path, sizeof path, "%s", string_of(image, 0, &length));
    ok(count_of("module") == 1 && module->origin == image->position
            && string_is(module, 0, path, length)
            && field(module, "start") < field(module, "end"),
        "the program's object is recorded once, and no other");
    is(count_of("create"), POSIX_SPAWN + 2 - (find(NULL, "create", "call", FORK) ? 0 : 1),
        "the trace has no other creations");
    forget_records();
}

/* Children of children, and creations in atfork handlers. */
static int nest(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        if ((pid = vfork()) == 0) {
            if ((pid = vfork()) == 0)
                _exit(3);
            _exit(pid > 0 ? 4 : 5);
        }
        if (status_of(pid) != 4)
            _exit(6);
        if ((pid = fork()) == 0)
            exit(7);
        exit(status_of(pid) == 7 ? 8 : 9);
    }
    return status_of(pid) == 8 ? 0 : 1;
}

static void nested(void)
{
#if defined(MODE_STATIC) && defined(__GLIBC__)
    if (glibc_minor() < 34) {
        skip("children of children", "fork() in a static program is glibc's own, which calls no _Fork() before 2.34");
        return;
    }
#endif
    is(run_recorded("nest", NULL), 0, "children of children of a traced program are made as without a trace");
    if (!ok(read_records(), "the trace of children of children is whole"))
        return;
    const struct record *image = records, *first = find(NULL, "create", NULL, 0);
    const struct record *second = find(first, "create", NULL, 0);
    const struct record *third = find(second, "create", NULL, 0);
    const struct record *fourth = find(third, "create", NULL, 0);
    int good = first && second && third && fourth && first->origin == image->position
        && second->origin == first->position && third->origin == second->position
        && fourth->origin == first->position && third->pid == field(second, "child");
    if (!ok(good, "the record of each creation names the record that its creator came from"))
        show_records();
    for (const struct record *at = NULL; (at = find(at, "create", NULL, 0));)
        if (!ok(at->state == DONE, "the record of the creation at position %llu is complete", (unsigned long long)at->position))
            show_records();
    const struct record *end = NULL;
    int ends = 0;
    while ((end = find(end, "exit", "call", EXIT)))
        ends++;
    is(ends, 3, "each exit() has a record");
    forget_records();
}

int main(void)
{
    const char *part = getenv("PART");
    begin(60);
    if (part)
        return strcmp(part, "make") == 0 ? make_all() : nest();
    if (cannot_record())
        return done();
    creations();
    nested();
    return done();
}
