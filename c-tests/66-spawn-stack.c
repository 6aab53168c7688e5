/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How much of the caller's stack a spawn uses, including the child's part: less than
 * libclone3_posix(7) and clone3_spawn(3) say. Handlers spawn on alternate stacks of 8
 * KiB, of which a frame with AVX-512 registers takes nearly half.
 *
 * filtered: preload
 */
#define _GNU_SOURCE
#include "spawning.h"
#include "raw.h"
#include <clone3.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>

/* As libclone3_posix(7) and clone3_spawn(3) have it. */
#ifdef __x86_64__
enum { MOST = 2048 };
#else
enum { MOST = 3072 };
#endif
enum { SIZE = 64 << 10, PAINT = 0xa5 };

static char *stack, *top;
static int (*spawner)(void);
static int status;

static char *const seven[] = { "sh", "-c", "exit 7", NULL };
static actions_t many, closing;
static attr_t attributes;
static clone3_spawn_t plan;
static pid_t pid;

static int by_path(void) { return posix_spawn(&pid, "/bin/sh", NULL, NULL, seven, environ); }
static int by_name(void) { return posix_spawnp(&pid, "sh", NULL, NULL, seven, environ); }
static int with_objects(void) { return posix_spawn(&pid, "/bin/sh", &many, &attributes, seven, environ); }
static int closing_all(void) { return posix_spawn(&pid, "/bin/sh", &closing, NULL, seven, environ); }
static int by_plan(void) { return clone3_spawn(&pid, "/bin/sh", &plan, seven, environ, NULL); }
static int by_no_plan(void) { return clone3_spawn(&pid, "/bin/sh", NULL, seven, environ, NULL); }
static int failing(void) { return posix_spawn(&pid, "/nowhere", NULL, NULL, seven, environ) == ENOENT ? 0 : 1; }

/* On the painted stack. The frame of this is the caller's. */
static void on_signal(int signal)
{
    (void)signal;
    top = __builtin_frame_address(0);
    pid = -1;
    status = spawner();
}

static void measure(const char *name, int (*function)(void), size_t most)
{
    stack_t painted = { .ss_sp = stack, .ss_size = SIZE }, none = { .ss_flags = SS_DISABLE };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    spawner = function;
    function(); /* what is done once, such as resolving symbols, is done */
    if (pid > 0)
        status_of(pid);
    memset(stack, PAINT, SIZE);
    sigaltstack(&painted, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    sigaltstack(&none, NULL);
    char *lowest = stack;
    while (lowest < top && (unsigned char)*lowest == PAINT)
        lowest++;
    ok(status == 0 && (pid < 0 || status_of(pid) == 7), "%s works on an alternate stack", name);
    ok((size_t)(top - lowest) <= most, "%s takes %zu bytes of the stack, not more than %zu", name, (size_t)(top - lowest), most);
}

/* In a process of its own. */
static int closes_by_list(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 436 /* close_range */, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof code / sizeof *code, code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        return 0;
    for (int fd = 20; fd < 80; fd++)
        dup2(2, fd);
    measure("posix_spawn() that reads the list of descriptors", closing_all, MOST);
    return 1;
}

int main(void)
{
    begin(60);
    stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    posix_spawn_file_actions_init(&many);
    posix_spawn_file_actions_adddup2(&many, 1, 5);
    posix_spawn_file_actions_addopen(&many, 6, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addclose(&many, 7);
    posix_spawn_file_actions_init(&closing);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_RESETIDS);
    clone3_spawn_init(&plan, sizeof plan);
    clone3_spawn_set_fds(&plan, (int[]){ 0, 2, 1 }, 3);
    measure("posix_spawn()", by_path, MOST);
    measure("posix_spawnp()", by_name, MOST);
    measure("posix_spawn() with actions and attributes", with_objects, MOST);
    measure("posix_spawn() that fails", failing, MOST);
    measure("clone3_spawn()", by_no_plan, MOST);
    measure("clone3_spawn() with a list of descriptors", by_plan, MOST);
    static const struct clone3_spawn_mount all[] = { { .type = "tmpfs", .target = "/tmp", .data = "size=8k" },
        { .source = "/usr", .target = "/tmp", .flags = MS_BIND | MS_REC } };
    clone3_spawn_init(&plan, sizeof plan);
    clone3_spawn_add_flags(&plan, CLONE_NEWNS);
    clone3_spawn_set_mounts(&plan, all, 2);
    if (clone3_spawn(&pid, "/bin/sh", &plan, seven, environ, NULL) != 0)
        skip("clone3_spawn() with mounts", "only root may mount, since Linux 5.2");
    else {
        status_of(pid);
        measure("clone3_spawn() with mounts", by_plan, MOST);
    }
    if (!posix_spawn_file_actions_addclosefrom_np)
        skip("posix_spawn() with closefrom", "no such action here");
    else {
        posix_spawn_file_actions_addclosefrom_np(&closing, 10);
        measure("posix_spawn() with closefrom", closing_all, MOST);
        if (emulated() || !closes_by_list())
            skip("posix_spawn() that reads the list of descriptors", "no filters here");
    }
    return done();
}
