/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Unwinding in a child: on its own stack it ends at the trampoline, the caller of the
 * start function; in a child that shares its parent's stack, and in the parent after
 * it, it reaches main. A start function is entered as the ABI requires: stack aligned,
 * frame pointer zero, direction flag clear.
 *
 * cflags: -fasynchronous-unwind-tables -Wl,--eh-frame-hdr
 * modes: preload shared static
 */
#define _GNU_SOURCE
#include "flags.h"
#include <link.h>
#include <unwind.h>

#define TOP (child_stack + sizeof child_stack)

int main(void);

enum { DEPTH = 64 };

struct trace {
    int count, end;
    uintptr_t ip[DEPTH], function[DEPTH];
};

#ifndef __GLIBC__
/* The unwinder of a compiler made for glibc 2.35 or later asks this of its
 * libc. What it wants to know musl tells in another way. */
struct found {
    unsigned long long flags;
    const void *start, *end, *link_map, *eh_frame_header, *reserved[7];
};

static int contains(struct dl_phdr_info *info, size_t size, void *found)
{
    const char *wanted = ((struct found *)found)->start, *header = NULL;
    int inside = 0;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const char *start = (char *)info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD)
            inside |= wanted >= start && wanted < start + segment->p_memsz;
        else if (segment->p_type == PT_GNU_EH_FRAME)
            header = start;
    }
    ((struct found *)found)->eh_frame_header = header;
    return inside;
}

int _dl_find_object(void *address, struct found *found);
int _dl_find_object(void *address, struct found *found)
{
    *found = (struct found){ .start = address };
    return dl_iterate_phdr(contains, found) && found->eh_frame_header ? 0 : -1;
}
#endif

static struct trace *shared; /* filled by a child, read by the test */

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *argument)
{
    struct trace *trace = argument;
    uintptr_t ip = _Unwind_GetIP(context);
    if (ip == 0)
        return _URC_NO_REASON; /* how libgcc says that it was the last */
    if (trace->count == DEPTH)
        return _URC_NORMAL_STOP;
    trace->ip[trace->count] = ip;
    trace->function[trace->count++] = _Unwind_GetRegionStart(context);
    return _URC_NO_REASON;
}

__attribute__((noinline)) static void walk(struct trace *trace)
{
    trace->count = 0;
    trace->end = _Unwind_Backtrace(note_frame, trace);
}

/* Functions that need frames, with which the compiler does nothing clever. */
__attribute__((noinline)) static int inner(int depth)
{
    volatile char frame[200];
    frame[depth] = 1;
    if (depth == 0)
        walk(shared);
    else
        inner(depth - 1);
    return frame[depth];
}

static int start(void *argument)
{
    return argument == shared && inner(3) == 1 ? 7 : 1;
}

static void show(const struct trace *trace)
{
    for (int i = 0; i < trace->count; i++)
        printf("# frame %d: %#lx in %#lx\n", i, (unsigned long)trace->ip[i],
            (unsigned long)trace->function[i]);
    printf("# ended with %d\n", trace->end);
}

/* walk, four times inner, start, and the trampoline, which has no caller. */
static void ends_at_trampoline(const char *name, pid_t pid)
{
    const uintptr_t *function = shared->function;
    int good = is(status_of(pid), 7, named("%s: the start function is run", name));
    good &= ok(shared->count == 7 && shared->end == _URC_END_OF_STACK,
        "%s: unwinding passes seven frames and comes to the end of the stack", name);
    good &= ok(function[1] == (uintptr_t)inner && function[4] == (uintptr_t)inner
            && function[5] == (uintptr_t)start,
        "%s: the frames are those of the start function", name);
    good &= ok(function[6] != (uintptr_t)main && shared->ip[6] != 0, "%s: the last frame is the trampoline's", name);
    if (!good)
        show(shared);
    memset(shared, 0, sizeof *shared);
}

static void called(const char *name, uint64_t flags, int own_stack)
{
    struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
    if (own_stack) {
        args.stack = (uintptr_t)child_stack;
        args.stack_size = sizeof child_stack;
    }
    ends_at_trampoline(name, clone3_call(&args, sizeof args, start, shared));
}

/* Ends with 7 if the walk passes the function given and comes to main. */
static int reaches_main(uintptr_t by)
{
    int passed = 0;
    walk(shared);
    for (int i = 0; i < shared->count; i++)
        if (shared->function[i] == by)
            passed = 1;
        else if (shared->function[i] == (uintptr_t)main && passed)
            return 7;
    return 1;
}

__attribute__((noinline, noreturn)) static void end_with_walk(uintptr_t by)
{
    _exit(reaches_main(by));
}

static struct clone_args lent = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

/* Each keeps a frame of its own between main and the child. */
#define RETURNING_WAY(name, call)                                              \
    __attribute__((noinline)) static void name(void)                           \
    {                                                                          \
        pid_t pid = (call);                                                    \
        if (pid == 0)                                                          \
            end_with_walk((uintptr_t)name);                                    \
        if (!is(status_of(pid), 7, #call ": unwinding in the child reaches main")) \
            show(shared);                                                      \
        if (!is(reaches_main((uintptr_t)name), 7, #call ": unwinding in the parent after it reaches main"))         \
            show(shared);                                                      \
    }
RETURNING_WAY(by_vfork, vfork())
RETURNING_WAY(by_clone3, clone3(&lent, sizeof lent))
RETURNING_WAY(by_fork, fork())

/* int entry(void *where): notes the stack pointer as it was before the call,
 * the frame pointer and the flags of the processor in three words there. */
int entry(void *where);

#if defined(__x86_64__)
__asm__(".text\n.type entry, @function\nentry:\n"
        "  lea 8(%rsp), %rax\n"
        "  mov %rax, (%rdi)\n"
        "  mov %rbp, 8(%rdi)\n"
        "  pushf\n"
        "  pop %rax\n"
        "  mov %rax, 16(%rdi)\n"
        "  mov $7, %eax\n"
        "  ret\n"
        ".size entry, . - entry\n");
enum { DIRECTION = 0x400 };
#elif defined(__i386__)
__asm__(".text\n.type entry, @function\nentry:\n"
        "  mov 4(%esp), %ecx\n"
        "  lea 4(%esp), %eax\n"
        "  mov %eax, (%ecx)\n"
        "  mov %ebp, 4(%ecx)\n"
        "  pushf\n"
        "  pop %eax\n"
        "  mov %eax, 8(%ecx)\n"
        "  mov $7, %eax\n"
        "  ret\n"
        ".size entry, . - entry\n");
enum { DIRECTION = 0x400 };
#elif defined(__aarch64__)
__asm__(".text\n.type entry, %function\nentry:\n"
        "  mov x1, sp\n"
        "  stp x1, x29, [x0]\n"
        "  str xzr, [x0, #16]\n"
        "  mov w0, #7\n"
        "  ret\n"
        ".size entry, . - entry\n");
enum { DIRECTION = 0 };
#elif defined(__riscv)
__asm__(".text\n.type entry, %function\nentry:\n"
        "  sd sp, (a0)\n"
        "  sd s0, 8(a0)\n"
        "  sd zero, 16(a0)\n"
        "  li a0, 7\n"
        "  ret\n"
        ".size entry, . - entry\n");
enum { DIRECTION = 0 };
#endif

static void entered_well(const char *name, pid_t pid, const uintptr_t *seen, uintptr_t top)
{
    is(status_of(pid), 7, named("%s: the function is entered", name));
    ok(seen[0] != 0 && seen[0] % 16 == 0, "%s: the function is entered with the stack aligned", name);
    if (top)
        ok(seen[0] <= top && top - seen[0] < 32, "%s: the function is entered at the stack's top", name);
    is((long)seen[1], 0, named("%s: the function is entered with a frame pointer of zero", name));
    is(seen[2] & DIRECTION, 0, named("%s: the function is entered with the direction flag clear", name));
}

static void entries(void)
{
    uintptr_t *seen = shared->ip;
    for (size_t off = 0; off < 24; off += 8) {
        struct clone_args args = { .exit_signal = SIGCHLD, .stack = (uintptr_t)child_stack,
            .stack_size = sizeof child_stack - off };
        char names[3][80];
        snprintf(names[0], sizeof *names, "clone3_call with a stack that ends %zu bytes off", off);
        snprintf(names[1], sizeof *names, "clone with a stack that ends %zu bytes off", off);
        snprintf(names[2], sizeof *names, "clone3_call with VM and a stack that ends %zu bytes off", off);
        entered_well(names[0], clone3_call(&args, sizeof args, entry, seen), seen,
            (uintptr_t)TOP - off);
        entered_well(names[1], clone(entry, TOP - off, SIGCHLD, seen), seen, (uintptr_t)TOP - off);
        if (emulated())
            continue;
        args.flags = CLONE_VM;
        entered_well(names[2], clone3_call(&args, sizeof args, entry, seen), seen,
            (uintptr_t)TOP - off);
    }
    struct clone_args args = { .exit_signal = SIGCHLD };
    entered_well("clone3_call without a stack", clone3_call(&args, sizeof args, entry, seen), seen, 0);
    args.flags = CLONE_VM | CLONE_VFORK;
    entered_well("clone3_call with VM and VFORK on the parent's stack", clone3_call(&args, sizeof args, entry, seen), seen, 0);
    memset(shared, 0, sizeof *shared);
}

int main(void)
{
    begin(60);
    shared = shared_with_children(sizeof *shared);
    called("clone3_call with copied memory", 0, 0);
    called("clone3_call with copied memory and a stack", 0, 1);
    called("clone3_call with VM and VFORK", CLONE_VFORK | CLONE_VM, 0);
    called("clone3_call with VM, VFORK and a stack", CLONE_VFORK | CLONE_VM, 1);
    ends_at_trampoline("clone()", clone(start, TOP, SIGCHLD, shared));
    if (emulated()) {
        skip("unwinding in children with CLONE_VM", "qemu-user refuses it");
    } else {
        called("clone3_call with VM and a stack", CLONE_VM, 1);
        ends_at_trampoline("clone() with VM", clone(start, TOP, CLONE_VM | SIGCHLD, shared));
    }
    by_vfork();
    by_clone3();
    by_fork();
    entries();
    return done();
}
