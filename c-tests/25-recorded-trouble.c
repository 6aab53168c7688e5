/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CLONE3_TRACE in trouble: a writer is killed, many write at once, the trace is full,
 * is no trace, or cannot be opened; the program closes descriptors, has little memory,
 * or has a filter that kills it for a system call that tracing needs. The program runs
 * as without a trace.
 */
#define _GNU_SOURCE
#include "recorded.h"
#include "filter.h"
#include "forbidden.h"
#include <clone3.h>
#include <sys/resource.h>
#include <sys/syscall.h>

pid_t _Fork(void); /* not declared before glibc 2.34 */

enum { WRITERS = 8, EACH = 200, FULL = 5000 };

static int child_ends(int status)
{
    pid_t pid = _Fork();
    if (pid == 0)
        _exit(status);
    return status_of(pid) == status;
}

static int make_many(int count)
{
    int good = 1;
    for (int i = 0; i < count; i++)
        good &= child_ends(i & 127);
    return good ? 0 : 1;
}

static int make_at_once(void)
{
    pid_t pids[WRITERS];
    int good = 1;
    for (int i = 0; i < WRITERS; i++)
        if ((pids[i] = _Fork()) == 0)
            _exit(make_many(repeats(EACH)));
    for (int i = 0; i < WRITERS; i++)
        good &= status_of(pids[i]) == 0;
    return good ? 0 : 1;
}

static void at_once(void)
{
    is(run_recorded("at once", NULL), 0, "several traced processes make children at once");
    if (!ok(read_records(), "the trace of several processes that make children at once is whole"))
        return;
    int wrong = 0, creations = 0;
    for (const struct record *at = NULL; (at = find(at, "create", NULL, 0)); creations++) {
        const struct record *start = find(NULL, "start", NULL, 0);
        while (start && start->origin != at->position)
            start = find(start, "start", NULL, 0);
        wrong += at->state != DONE || !start || start->pid != field(at, "child");
    }
    is(creations, WRITERS * (repeats(EACH) + 1), "each creation of several processes at once has a record");
    is(wrong, 0, "the records of creations at once are complete, and those of the children name them");
    forget_records();
}

/* Creators that wait for a child of vfork() are killed. */
static int kill_creators(void)
{
    int good = 1;
    for (int i = 0; i < 20; i++) {
        int ends[2];
        char byte;
        if (pipe(ends) != 0)
            return 2;
        pid_t pid = _Fork();
        if (pid == 0) {
            if (vfork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (ssize_t said = write(ends[1], "", 1); said == 1;)
                    pause();
            }
            _exit(1);
        }
        close(ends[1]);
        good &= read(ends[0], &byte, 1) == 1;
        kill(pid, SIGKILL);
        good &= status_of(pid) == 128 + SIGKILL && read(ends[0], &byte, 1) == 0;
        close(ends[0]);
        good &= child_ends(5);
    }
    return good ? 0 : 1;
}

static void killed(void)
{
    is(run_recorded("killed", NULL), 0, "traced processes are killed while they make children");
    if (!ok(read_records(), "the trace of processes that were killed is whole"))
        return;
    int open = 0, others = 0;
    for (const struct record *at = NULL; (at = find(at, "create", NULL, 0));) {
        int by_first = at->origin == records->position;
        open += !by_first && at->state == OPEN;
        others += by_first && at->state == OPEN;
    }
    if (!emulated()) /* which makes a child of fork() of one of vfork() */
        ok(open > 0 && open <= 20, "the records of creations by processes that were killed are open (%d)", open);
    is(others, 0, "no other records are open when processes were killed");
    forget_records();
}

static void full(void)
{
    is(run_recorded("full", "CLONE3_TRACE_SIZE=1"), 0, "children are made though the trace is full");
    if (!ok(read_records(), "a trace that is full is whole"))
        return;
    is((long)recorded_size, 1 << 20, "a trace has the size of CLONE3_TRACE_SIZE");
    uint64_t capacity = recorded_word(recorded_bytes + 24), tail = recorded_word(recorded_bytes + 128);
    if (repeats(FULL) < FULL)
        skip("a trace of many creations in one MiB is full", "a slow machine makes fewer");
    else
        is((long)tail, (long)capacity, "a trace of many creations in one MiB is full");
    ok(recorded_word(recorded_bytes + 320) + (unsigned)count_of("create") >= (unsigned)repeats(FULL),
        "what is missing in a trace that is full is counted");
    forget_records();
}

/* A file that is no trace of ours is left alone. */
static void strange(const char *what, const void *content, size_t size)
{
    char path[64];
    static char after[8192];
    snprintf(path, sizeof path, "/tmp/recorded-%d", (int)getpid());
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ssize_t written = write(fd, content, size);
    close(fd);
    ok(written == (ssize_t)size && run_recorded("few", NULL) == 0, "the trace is %s: the program runs",
        what);
    fd = open(path, O_RDONLY);
    ok(read(fd, after, sizeof after) == (ssize_t)size && memcmp(after, content, size) == 0,
        "the trace is %s: nothing is written there", what);
    close(fd);
    unlink(path);
}

static void strangers(void)
{
    static union {
        char bytes[8192];
        uint64_t words[1024];
        uint32_t halves[2048];
    } file;
    strange("empty", "", 0);
    strange("short", "CLONE3TR", 8);
    memset(&file, 0xff, sizeof file);
    strange("of ones", &file, sizeof file);
    memset(&file, 0, sizeof file);
    strange("of zeroes", &file, sizeof file);
    memcpy(file.bytes, "CLONE3TR", 8);
    uint32_t fields[] = { 1, 0x01020304, 4096, 128 };
    memcpy(file.bytes + 8, fields, sizeof fields);
    file.words[3] = 33;
    strange("larger than its file", &file, sizeof file);
    file.words[3] = ~0ull;
    strange("larger than memory", &file, sizeof file);
    file.words[3] = 0;
    strange("without slots", &file, sizeof file);
    file.words[3] = 32;
    file.halves[2] = 2;
    strange("of another version", &file, sizeof file);
    /* One of ours, in which nothing is what it may be. */
    file.halves[2] = 1;
    memset(file.bytes + 128, 0xff, sizeof file.bytes - 128);
    file.halves[64] = 1;
    char path[64];
    snprintf(path, sizeof path, "/tmp/recorded-%d", (int)getpid());
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ssize_t written = write(fd, &file, sizeof file);
    close(fd);
    ok(written == sizeof file && run_recorded("few", NULL) == 0,
        "the trace is of ones behind its first words: the program runs");
    unlink(path);
    ok(mkfifo(path, 0600) == 0 && run_recorded("few", NULL) == 0, "the trace is a pipe: the program runs");
    unlink(path);
    ok(mkdir(path, 0700) == 0 && run_recorded("few", NULL) == 0, "the trace is a directory: the program runs");
    rmdir(path);
    ok(symlink("/nowhere/at all", path) == 0 && run_recorded("few", NULL) == 0, "the trace is a link to nothing: the program runs");
    unlink(path);
}

static int has_few(void)
{
    int fd = open("/dev/null", O_RDONLY), good = fd == 3; /* nothing is left open */
    for (int i = 0; i < 64; i++)
        if (i != 1 && i != 2)
            close(i);
    return good && child_ends(3) ? 0 : 1;
}

static int has_little_memory(void)
{
    struct rlimit limit = { 1 << 20, 1 << 20 };
    return setrlimit(RLIMIT_DATA, &limit) == 0 && child_ends(4) ? 0 : 1;
}

/* Ends the process for what opens, maps, asks for a time or for an id. */
static int under_filter(void)
{
    static const uint16_t killing[] = {
#ifdef SYS_clock_gettime
        SYS_clock_gettime,
#endif
        SYS_openat, SYS_close, SYS_madvise, SYS_getrusage, SYS_prctl, SYS_getpid, SYS_gettid,
        SYS_getppid, SYS_getcwd, SYS_fallocate, SYS_ftruncate,
    };
    int asked = clock_is_asked(), count = sizeof killing / sizeof *killing;
    child_ends(1); /* what is found out by the first */
    if (forbid(killing + asked, count - asked))
        return 77;
    int good = child_ends(6);
    _exit(good ? 0 : 1);
}

static void others(void)
{
    is(run_recorded("few", NULL), 0, "a traced program that closes all descriptors makes children");
    ok(read_records() && find(NULL, "create", NULL, 0), "the trace of a program that closes all descriptors has the child");
    forget_records();
    is(run_recorded("little", NULL), 0, "a traced program that can have no more memory makes children");
    ok(read_records() && find(NULL, "create", NULL, 0), "the trace of a program that can have no more memory has the child");
    forget_records();
    int status = run_recorded("filter", NULL);
    if (!keeps_thread_id())
        skip("a traced program behind a filter that kills for what a trace could need", "without libpthread this libc has no thread id: gettid(2) is called");
    else if (emulated() || status == 77)
        skip("a traced program behind a filter that kills for what a trace could need", "there are none here");
    else if (is(status, 0, "a traced program makes children behind a filter that kills for what a trace could need"))
        ok(read_records() && find(find(NULL, "create", NULL, 0), "create", NULL, 0),
            "the trace of a program behind such a filter has the child");
    forget_records();
}

static int be_part(const char *part)
{
    return strcmp(part, "at once") == 0 ? make_at_once()
        : strcmp(part, "killed") == 0   ? kill_creators()
        : strcmp(part, "full") == 0     ? make_many(repeats(FULL))
        : strcmp(part, "few") == 0      ? has_few()
        : strcmp(part, "little") == 0   ? has_little_memory()
                                        : under_filter();
}

int main(void)
{
    const char *part = getenv("PART");
    begin(120);
    if (part)
        return be_part(part);
    if (cannot_record())
        return done();
    at_once();
    killed();
    full();
    strangers();
    others();
    return done();
}
