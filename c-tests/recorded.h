/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* recorded.h: runs the test's own program again with CLONE3_TRACE, in one of its roles,
 * and reads the records. Fields are found by the table in the trace's header. */
#ifndef RECORDED_H
#define RECORDED_H

#include "tap.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

enum { HEADER = 4096, SLOT = 128, MOST_RECORDS = 40000 };
enum { FREE, OPEN, DONE, MORE };

struct record {
    uint64_t position;
    int state;
    char kind[16];
    uint32_t pid, tid, marks;
    uint64_t origin, time;
    const char *slot;
};

static char recorded_path[64];
static char *recorded_bytes;
static size_t recorded_size;
static struct record records[MOST_RECORDS];
static int record_count;

static inline uint64_t recorded_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Whether traces cannot be tested here, which is said. */
static inline int cannot_record(void)
{
#if defined(MODE_STATIC) && !defined(__GLIBC__)
    skip("traces", "a static program of musl's does not say whether it has privileges");
    return 1;
#else
    if (emulated())
        skip("traces", "qemu-user executes no programs of its processor's");
    return emulated();
#endif
}

/* A part of this program under a trace of its own: its exit status. */
static inline int run_recorded(const char *part, const char *more)
{
    snprintf(recorded_path, sizeof recorded_path, "/tmp/recorded-%d", (int)getpid());
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("CLONE3_TRACE", recorded_path, 1);
        setenv("PART", part, 1);
        if (more)
            putenv(strdup(more));
        execl("/proc/self/exe", "part", part, "two words", (char *)NULL);
        _exit(99);
    }
    return status_of(pid);
}

static inline void forget_records(void)
{
    free(recorded_bytes);
    recorded_bytes = NULL;
    record_count = 0;
    unlink(recorded_path);
}

/* Field of a record, "child" of a create; all ones for what there is not. */
static inline uint64_t field(const struct record *record, const char *name)
{
    char wanted[64];
    unsigned at, bits;
    char sign;
    snprintf(wanted, sizeof wanted, "%s.%s ", record->kind, name);
    const char *line = recorded_bytes + 640;
    while (line && strncmp(line, wanted, strlen(wanted)) != 0)
        line = (line = strchr(line, '\n')) ? line + 1 : NULL;
    if (!line || sscanf(line + strlen(wanted), "%u %c%u", &at, &sign, &bits) != 3)
        return ~0ull;
    uint64_t value = recorded_word(record->slot + at);
    if (bits == 64)
        return value;
    value &= (1ull << bits) - 1;
    return sign == 'i' ? (uint64_t)(int64_t)(int32_t)value : value;
}

/* The n-th string of a record, and its bytes. */
static inline const char *string_of(const struct record *record, int n, uint32_t *length)
{
    static char whole[1 << 16];
    uint32_t lengths[4], before = 0, all = 0;
    memcpy(lengths, record->slot + 112, sizeof lengths);
    for (int i = 0; i < 4; i++) {
        before += i < n ? lengths[i] : 0;
        all += lengths[i];
    }
    for (uint32_t slot = 0; slot * 120 < all && slot * 120 + 120 < sizeof whole; slot++)
        memcpy(whole + slot * 120, record->slot + SLOT * (slot + 1) + 8, 120);
    *length = lengths[n];
    whole[before + lengths[n]] = 0;
    return whole + before;
}

static inline int string_is(const struct record *record, int n, const char *wanted, size_t size)
{
    uint32_t length;
    const char *string = string_of(record, n, &length);
    int good = length == size && memcmp(string, wanted, size) == 0;
    if (!good)
        printf("# string %d of a record of %s has %u bytes: %s\n", n, record->kind, length, string);
    return good;
}

/* Reads the trace: whether it is a whole one. */
static inline int read_records(void)
{
    static const char *const kinds[] = { "", "create", "start", "exec", "image", "exit", "wait",
        "module", "gap" };
    struct stat is;
    int fd = open(recorded_path, O_RDONLY);
    if (fd < 0 || fstat(fd, &is) != 0)
        return 0;
    recorded_size = (size_t)is.st_size;
    recorded_bytes = malloc(recorded_size + 1);
    size_t got = 0;
    for (ssize_t n; (n = read(fd, recorded_bytes + got, recorded_size - got)) > 0;)
        got += (size_t)n;
    close(fd);
    if (got != recorded_size || recorded_size < HEADER || memcmp(recorded_bytes, "CLONE3TR", 8) != 0)
        return 0;
    uint64_t capacity = recorded_word(recorded_bytes + 24), tail = recorded_word(recorded_bytes + 128);
    for (uint64_t at = 0; at < tail && at < capacity && record_count < MOST_RECORDS;) {
        struct record *record = &records[record_count++];
        const char *slot = recorded_bytes + HEADER + at * SLOT;
        uint64_t owner = recorded_word(slot), head = recorded_word(slot + 8);
        uint64_t slots = owner >> 32 & 0xffff;
        uint16_t kind = (uint16_t)head;
        *record = (struct record){ .position = at + 1, .state = owner >> 48 & 3, .slot = slot,
            .pid = (uint32_t)(head >> 32), .tid = (uint32_t)owner, .marks = (uint32_t)head >> 16,
            .time = recorded_word(slot + 16), .origin = recorded_word(slot + 24) };
        strcpy(record->kind, kind < 9 ? kinds[kind] : "?");
        if (slots == 0 || (record->state != OPEN && record->state != DONE)) {
            printf("# position %llu: state %d, %llu slots\n", (unsigned long long)at, record->state,
                (unsigned long long)slots);
            return 0;
        }
        at += slots;
    }
    return 1;
}

/* The first record of a kind after another one (NULL: of all) for which a field has a value
 * (NULL: any). */
static inline const struct record *find(
    const struct record *after, const char *kind, const char *name, uint64_t value)
{
    for (const struct record *at = after ? after + 1 : records; at < records + record_count; at++)
        if (strcmp(at->kind, kind) == 0 && (!name || field(at, name) == value))
            return at;
    return NULL;
}

static inline int count_of(const char *kind)
{
    int count = 0;
    for (const struct record *at = NULL; (at = find(at, kind, NULL, 0));)
        count++;
    return count;
}

static inline void show_records(void)
{
    for (const struct record *at = records; at < records + record_count; at++)
        printf("# %llu %s %s pid %u origin %llu call %lld child %lld errno %lld\n",
            (unsigned long long)at->position, at->state == OPEN ? "open" : "done", at->kind, at->pid,
            (unsigned long long)at->origin, (long long)field(at, "call"), (long long)field(at, "child"),
            (long long)field(at, "errno"));
}

#endif
