/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE3_TRACE and what a program does wrong or at a limit: invalid pointers, more
 * strings than fit on the stack in a vfork child, an environment of the maximal size, a
 * limit of file sizes, a trace that another user could truncate, a creation without a
 * record.
 */
#define _GNU_SOURCE
#include "recorded.h"
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { VARIABLES = 300, WORDS = 80, ROUNDS = 40 };

extern char **environ;
static char *empty[] = { NULL };
static char *program[] = { "true", NULL };
static void *bad = (void *)4096;

/* Each function says EFAULT of a bad pointer. The number of the first that does not. */
static int gives_bad_pointers(void)
{
    int status;
    pid_t pid;
#define WANT_EFAULT(number, call) \
    do { \
        errno = 0; \
        if ((call) != -1 || errno != EFAULT) \
            return number; \
    } while (0)
#define WITH_A_CHILD(number, call) \
    do { \
        if ((pid = fork()) == 0) \
            _exit(0); \
        siginfo_t about; \
        waitid(P_PID, (id_t)pid, &about, WEXITED | WNOWAIT); \
        WANT_EFAULT(number, call); \
        waitpid(pid, &status, WNOHANG); \
    } while (0)
    WITH_A_CHILD(1, waitpid(pid, bad, 0));
    WITH_A_CHILD(2, wait(bad));
    WITH_A_CHILD(3, wait4(pid, bad, 0, NULL));
    WITH_A_CHILD(4, waitid(P_PID, (id_t)pid, bad, WEXITED));
    char *half[] = { "A=1", bad, NULL };
    char **unreadable = bad;
    WANT_EFAULT(5, execve("/bin/true", program, half));
    WANT_EFAULT(6, execve("/bin/true", program, unreadable));
    WANT_EFAULT(7, execve("/bin/true", unreadable, empty));
    WANT_EFAULT(8, execve(bad, program, empty));
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, program, half) != EFAULT)
        return 9;
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, program, unreadable) != EFAULT)
        return 10;
    return 0;
}

static int mappings(void)
{
    int count = 0, byte;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && (byte = getc(maps)) != EOF)
        count += byte == '\n';
    if (maps)
        fclose(maps);
    return count;
}

static long pages(void)
{
    long size = -1;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld", &size) != 1)
        size = -1;
    if (file)
        fclose(file);
    return size;
}

#define X1 "a"
#define X4 X1, X1, X1, X1
#define X16 X4, X4, X4, X4

static int make_vforks(char **strings, int execs)
{
    int good = 1;
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            if (execs)
                execle("/bin/true", "true", X16, X16, X16, X16, X16, (char *)NULL, strings);
            execve("/no/such/program", program, strings);
            _exit(0);
        }
        good &= status_of(pid) == 0;
    }
    return good;
}

/* What the children of vfork() map for their execs does not stay in their parent. */
static int lends(void)
{
    static char *strings[VARIABLES + 1];
    for (int i = 0; i < VARIABLES; i++)
        strings[i] = "VARIABLE=1";
    int good = make_vforks(strings, 0) && make_vforks(strings, 1);
    long before[] = { mappings(), pages() };
    good &= make_vforks(strings, 0) && make_vforks(strings, 1);
    long after[] = { mappings(), pages() };
    if (before[1] < 0)
        return 77;
    printf("# %ld mappings, %ld pages; then %ld, %ld\n", before[0], before[1], after[0], after[1]);
    return !good ? 1 : after[0] - before[0] > 4 || after[1] - before[1] > ROUNDS / 2 ? 2 : 0;
}

static void bad_pointers(void)
{
    is(run_recorded("bad pointers", NULL), 0, "a traced program gets EFAULT for bad pointers, as others do");
    ok(read_records() && find(NULL, "exec", "errno", EFAULT), "the trace has the executions with bad pointers");
    forget_records();
    int status = run_recorded("lends", NULL);
    if (status == 77)
        skip("children of vfork() in a traced program leave no memory behind", "there is no /proc");
    else
        is(status, 0, "children of vfork() in a traced program leave no memory behind");
    forget_records();
}

static char *many[4096];

static int takes_many(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        syscall(SYS_execve, "/bin/true", program, many);
        _exit(7);
    }
    return status_of(pid) == 0;
}

/* The biggest environment that the kernel takes is taken though the library would add to it. */
static int is_at_the_limit(void)
{
    static char text[1024];
    struct rlimit stack = { 512 << 10, RLIM_INFINITY };
    int count = 0;
    memset(text, 'y', sizeof text - 1);
    if (setrlimit(RLIMIT_STACK, &stack) != 0)
        return 77;
    for (many[0] = text; takes_many(); many[count] = text)
        if (++count == 4095)
            return 77;
    /* As much as fits into what is left. */
    for (int length = 1023; length > 0 && !takes_many(); length -= 8)
        many[count] = text + sizeof text - 1 - length;
    pid_t pid = fork();
    if (pid == 0) {
        execve("/bin/true", program, many);
        _exit(1);
    }
    if (status_of(pid) != 0)
        return 1;
    return posix_spawn(&pid, "/bin/true", NULL, NULL, program, many) != 0 ? 2 : status_of(pid);
}

static volatile uint32_t *recording;

static void pause_recording(void)
{
    *recording = 0;
}

static void go_on(void)
{
    *recording = 1;
}

/* A child whose creation finds no recording, which goes on then. */
static int makes_unrecorded(void)
{
    int fd = open(getenv("CLONE3_TRACE"), O_RDWR);
    char *header = mmap(NULL, HEADER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || header == MAP_FAILED)
        return 1;
    recording = (volatile uint32_t *)(header + 256);
    if (*recording != 1)
        return 2;
    /* The creation's record is begun before the handlers run. */
    pause_recording();
    pthread_atfork(go_on, NULL, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(0);
        _exit(status_of(grandchild));
    }
    return status_of(pid);
}

static void unrecorded(void)
{
#ifdef MODE_STATIC
    skip("a child whose creation has no record", "a static program's fork() is its libc's");
#else
    is(run_recorded("unrecorded", NULL), 0, "a traced program makes a child while nothing is recorded");
    if (ok(read_records() && count_of("create") == 1, "the trace has the one creation that was recorded")) {
        const struct record *image = find(NULL, "image", NULL, 0);
        const struct record *start = find(NULL, "start", NULL, 0);
        const struct record *create = find(NULL, "create", NULL, 0);
        const struct record *second = start ? find(start, "start", NULL, 0) : NULL;
        ok(start && start->pid != image->pid && create->pid == start->pid,
            "what a child without a recorded creation records has its own process id");
        ok(start && create->origin == start->position && second && second->origin == create->position,
            "what a child without a recorded creation records names its start");
    }
    forget_records();
#endif
}

static int has_status(pid_t pid, int status)
{
    return status_of(pid) == status;
}

static void limited(void)
{
    struct rlimit limit = { 1 << 20, 1 << 20 };
    snprintf(recorded_path, sizeof recorded_path, "/tmp/recorded-%d", (int)getpid());
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("CLONE3_TRACE", recorded_path, 1);
        setenv("PART", "nothing", 1);
        setrlimit(RLIMIT_FSIZE, &limit);
        execl("/proc/self/exe", "part", (char *)NULL);
        _exit(99);
    }
    ok(has_status(pid, 5), "a program whose files may not be so big runs without a trace");
    ok(access(recorded_path, F_OK) != 0, "no trace is left behind where files may not be so big");
    unlink(recorded_path);
}

/* A trace of this mode and owner is not written to. */
static void not_taken(const char *what, mode_t mode, uid_t owner)
{
    char before[HEADER], after[HEADER];
    int good = run_recorded("nothing", NULL) == 5;
    int fd = open(recorded_path, O_RDONLY);
    good &= read(fd, before, HEADER) == HEADER && fchmod(fd, mode) == 0;
    if (owner && fchown(fd, owner, (gid_t)-1) != 0) {
        skip(what, "only root gives files away");
    } else {
        good &= run_recorded("nothing", NULL) == 5;
        good &= pread(fd, after, HEADER, 0) == HEADER && memcmp(before, after, HEADER) == 0;
        ok(good, "%s", what);
    }
    close(fd);
    unlink(recorded_path);
}

static void limits(void)
{
    limited();
    not_taken("a trace that its group can truncate is not written to", 0660, 0);
    not_taken("a trace that anybody can truncate is not written to", 0606, 0);
    not_taken("a trace of another user is not written to", 0600, 12345);
    int status = run_recorded("at the limit", NULL);
    if (status == 77)
        skip("a traced program executes with the biggest environment there can be", "its size was not found");
    else
        is(status, 0, "a traced program executes with the biggest environment there can be");
    forget_records();
}

static int be_part(const char *part)
{
    return strcmp(part, "bad pointers") == 0   ? gives_bad_pointers()
        : strcmp(part, "lends") == 0           ? lends()
        : strcmp(part, "unrecorded") == 0      ? makes_unrecorded()
        : strcmp(part, "at the limit") == 0    ? is_at_the_limit()
                                               : 5;
}

int main(void)
{
    const char *part = getenv("PART");
    begin(120);
    if (part)
        return be_part(part);
    if (cannot_record())
        return done();
    bad_pointers();
    unrecorded();
    limits();
    return done();
}
