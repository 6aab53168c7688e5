/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* modes: preload shared
 *
 * A stream of popen() behaves as one of the host libc's own popen(): its orientation,
 * who waits for the command, what its functions return. The CONTROL build shows what
 * that is. POSIX leaves much of it open, and programs rely on what their libc does.
 */
#define _GNU_SOURCE
#include "spawning.h"
#include "makers.h"
#include <dlfcn.h>
#include <pthread.h>
#include <wchar.h>

#ifdef __GLIBC__
#define ON(glibc, musl) glibc
#else
#define ON(glibc, musl) musl
#endif

static void orientation(void)
{
    FILE *stream = popen("echo x", "r");
    int at_first = fwide(stream, 0), asked = fwide(stream, 1);
    say("%d %d", at_first, asked);
    pclose(stream);
}

/* What is left of a command: none, running, or a zombie, which is reaped. */
static const char *left(void)
{
    int got = waitpid(-1, NULL, WNOHANG);
    if (got == 0 && waitpid(-1, NULL, 0) > 0)
        return "running";
    return got > 0 ? "zombie" : "none";
}

static void closed_by_fclose(void)
{
    char command[500];
    struct stat file;
    char *path = in_scratch("written");
    snprintf(command, sizeof command, "sleep 0.3; cat > %s; exit 3", path);
    FILE *stream = popen(command, "w");
    fputs("hello\n", stream);
    int status = fclose(stream);
    say("%d, %ld bytes, ", status, stat(path, &file) ? -1 : (long)file.st_size);
    say("%s", left());
    stream = popen("kill -9 $$", "r");
    while (fgetc(stream) != EOF)
        ;
    say("; %d, ", fclose(stream));
    usleep(200000);
    say("%s", left());
}

/* The C library's file. */
static const char *libc_file(void)
{
    Dl_info info = { 0 };
    return dladdr(dlsym(RTLD_DEFAULT, "getpid"), &info) ? info.dli_fname : NULL;
}

/* As an object does that looks the libc's own up in its file, or is bound to it. */
static void closed_by_the_libc(void)
{
    int (*closers[2])(FILE *) = { NULL, NULL };
    void *libc = dlopen(libc_file(), RTLD_LAZY | RTLD_NOLOAD);
    for (int i = 0; i < 2; i++) {
        void *found = libc ? dlsym(libc, i ? "pclose" : "fclose") : NULL;
        memcpy(&closers[i], &found, sizeof found);
    }
    for (int i = 0; i < 2; i++) {
        /* An older child that has ended, which is not the stream's. */
        pid_t other = fork();
        if (other == 0)
            _exit(9);
        siginfo_t ended;
        waitid(P_PID, (id_t)other, &ended, WEXITED | WNOWAIT);
        FILE *stream = popen("exit 4", "r");
        while (fgetc(stream) != EOF)
            ;
        usleep(200000);
        say("%s%d ", i ? ", " : "", closers[i] ? closers[i](stream) : -2);
        say("%d ", status_of(other));
        say("%s", left());
    }
    if (libc)
        dlclose(libc);
}

static void positions(void)
{
    char line[100] = "";
    FILE *stream = popen("seq 3", "r");
    errno = 0;
    say("%ld", ftell(stream));
    say(" %s", errno == ESPIPE ? "ESPIPE" : error_name(errno));
    errno = 0;
    if (!fgets(line, sizeof line, stream))
        say(" unread");
    say(", %d", fseek(stream, 0, SEEK_CUR));
    say(" %s", errno == ESPIPE ? "ESPIPE" : error_name(errno));
    say(", flush %d", fflush(stream));
    rewind(stream);
    say(", %s", fgets(line, sizeof line, stream) ? trim(line) : "nothing");
    say(", %d", pclose(stream));
}

static void wrong_direction(void)
{
    FILE *stream = popen("cat", "r");
    pclose(popen("exit 0", "w"));
    errno = 0;
    say("%d", fputc('x', stream));
    say(" %s %d", error_name(errno), ferror(stream) != 0);
    pclose(stream);
    stream = popen("cat >/dev/null", "w");
    errno = 0;
    say(", %d", fgetc(stream));
    say(" %s %d", error_name(errno), ferror(stream) != 0);
    say(", %d", pclose(stream));
}

static void unread(void)
{
    static char much[1 << 20];
    FILE *stream = popen("exec <&-; exit 6", "w");
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    errno = 0;
    usleep(200000);
    size_t written = fwrite(much, 1, sizeof much, stream);
    say("%s %s", written < sizeof much ? "short" : "whole", errno == EPIPE ? "EPIPE" : error_name(errno));
    say(" %d", ferror(stream) != 0);
    say(", %d", pclose(stream));
    signal(SIGPIPE, before);
}

static void buffers(void)
{
    char line[1000] = "";
    FILE *stream = popen("read -r a; echo $a; read -r b; echo $b >&2", "w");
    setvbuf(stream, NULL, _IONBF, 0);
    pclose(stream);
    stream = popen("printf 'ab\\ncd\\n'; exit 1", "r");
    setvbuf(stream, NULL, _IOLBF, 0);
    say("%c", fgetc(stream));
    say(" %c", ungetc('z', stream));
    say(" %s", fgets(line, sizeof line, stream) ? trim(line) : "nothing");
    say(" %zu", fread(line, 1, sizeof line, stream));
    say(" %d %d", feof(stream) != 0, ferror(stream));
    say(", %d", pclose(stream));
}

static void large(void)
{
    static char bytes[300000];
    size_t count = 0, good = 0;
    char *path = in_scratch("large"), command[500];
    struct stat file = { 0 };
    snprintf(command, sizeof command, "cat > %s", path);
    FILE *stream = popen(command, "w");
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 % 251);
    for (size_t at = 0, piece = 1; at < sizeof bytes; at += piece, piece = piece * 3 % 9973 + 1)
        count += fwrite(bytes + at, 1, at + piece < sizeof bytes ? piece : sizeof bytes - at, stream);
    say("%zu %d", count, pclose(stream));
    stat(path, &file);
    snprintf(command, sizeof command, "cat %s", path);
    stream = popen(command, "r");
    for (int c; (c = fgetc(stream)) != EOF; good++)
        if (good >= sizeof bytes || c != (unsigned char)bytes[good])
            break;
    say(", %ld %zu %d", (long)file.st_size, good, pclose(stream));
}

static void not_a_command(void)
{
    FILE *file = fopen("/dev/null", "r");
    errno = 0;
    int status = pclose(file);
    say("%d %s", status, status ? error_name(errno) : "");
}

static void ignored_part(void)
{
    signal(SIGCHLD, SIG_IGN);
    FILE *stream = popen("exit 3", "r");
    errno = 0;
    int status = pclose(stream);
    say("pclose %d %s", status, error_name(errno));
    errno = 0;
    status = system("exit 3");
    say(", system %d %s", status, error_name(errno));
}
static void ignored(void) { apart(ignored_part); }

static void reaped_elsewhere(void)
{
    FILE *stream = popen("exit 3", "r");
    waitpid(-1, NULL, 0);
    errno = 0;
    int status = pclose(stream);
    say("%d %s", status, error_name(errno));
}

static void modes(void)
{
    static const char *const each[] = { "", "x", "e", "rw", "r+", "rb", "re", "er", "we", "wr" };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        errno = 0;
        FILE *stream = popen("cat", each[i]);
        say("%s'%s' %s", i ? ", " : "", each[i], error_name(stream ? 0 : errno));
        if (stream) {
            say(" %d", (fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC) != 0);
            say("%d", fcntl(fileno(stream), F_GETFL) & O_ACCMODE);
            pclose(stream);
        }
    }
}

static void no_descriptor_part(void)
{
    struct rlimit limit = { 0, 100 };
    limit.rlim_cur = (rlim_t)dup(0);
    close((int)limit.rlim_cur);
    FILE *stream = NULL;
    for (int more = 0; more < 3 && !stream; more++, limit.rlim_cur++) {
        setrlimit(RLIMIT_NOFILE, &limit);
        errno = 0;
        stream = popen("exit 3", "r");
        say("%s%s", more ? ", " : "", error_name(stream ? 0 : errno));
        if (stream)
            say(" %d", pclose(stream));
    }
}
static void no_descriptor(void) { apart(no_descriptor_part); }

static void no_shell_part(void)
{
    if (chroot("/proc/self/fdinfo")) {
        say("SKIP only root can do without a shell");
        return;
    }
    errno = 0;
    FILE *stream = popen("exit 0", "r");
    say("popen %s", error_name(stream ? 0 : errno));
    say(", left %s", left());
    say(", system %d", system("exit 3"));
}
static void no_shell(void) { apart(no_shell_part); }

/* With descriptors 0 and 1 free, the pipe gets them. */
static void low_numbers_part(void)
{
    char line[100] = "", other[100] = "";
    int keep = fcntl(2, F_DUPFD_CLOEXEC, 60);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    FILE *first = popen("echo a; exit 1", "r"), *second = popen("echo b; exit 2", "r");
    say("%s", first && fgets(line, sizeof line, first) ? trim(line) : "nothing");
    say("%s", second && fgets(other, sizeof other, second) ? trim(other) : "nothing");
    say(" %d", pclose(first));
    say(" %d", pclose(second));
    char command[500];
    snprintf(command, sizeof command, "cat > %s", in_scratch("low"));
    first = popen(command, "w");
    second = popen("exit 7", "w");
    fputs("xyz", first);
    say(" %d", pclose(second));
    say(" %d", pclose(first));
    struct stat file = { 0 };
    stat(in_scratch("low"), &file);
    say(" %ld", (long)file.st_size);
    dup2(keep, 2);
}
static void low_numbers(void) { apart(low_numbers_part); }

static void stays_open_over_exec(void)
{
    char command[200];
    FILE *plain = popen("cat", "w"), *shy = popen("cat", "we");
    snprintf(command, sizeof command, "test -e /proc/self/fd/%d", fileno(plain));
    say("%d", system(command));
    snprintf(command, sizeof command, "test -e /proc/self/fd/%d", fileno(shy));
    say(" %d", WEXITSTATUS(system(command)));
    say(", %d", pclose(shy));
    say(" %d", pclose(plain));
}

static void many(void)
{
    enum { STREAMS = 40 };
    FILE *streams[STREAMS];
    char line[400] = "";
    int good = 0;
    for (int i = 0; i < STREAMS; i++)
        streams[i] = popen("read -r a; exit 3", "w");
    FILE *last = popen("ls /proc/self/fd | wc -l", "r");
    char *read = fgets(line, sizeof line, last);
    pclose(last);
    /* 0 to 2, the directory's, and what the test has open */
    say("%s", read && atoi(line) < 20 ? "few" : "many");
    /* The newest first, which ends also where later commands hold earlier pipes open. */
    for (int i = STREAMS - 1; i >= 0; i--)
        good += pclose(streams[i]) == 3 << 8;
    say(" %d", good);
}

/* A child that closes its copy of the stream has no command to wait for. */
static void closed_in_child(void)
{
    FILE *stream = popen("read -r a; exit 5", "w");
    pid_t pid = fork();
    if (pid == 0) {
        errno = 0;
        int status = pclose(stream);
        say("%d %s", status, error_name(errno));
        _exit(0);
    }
    say(" %d", status_of(pid));
    say(", %d", pclose(stream));
}

static void flushed_at_exit(void)
{
    char command[500];
    struct stat file = { 0 };
    snprintf(command, sizeof command, "cat > %s", in_scratch("flushed"));
    pid_t pid = fork();
    if (pid == 0) {
        FILE *stream = popen(command, "w");
        fputs("words", stream);
        exit(0);
    }
    say("%d", status_of(pid));
    for (int i = 0; i < 100 && file.st_size == 0; i++) {
        usleep(50000);
        stat(in_scratch("flushed"), &file);
    }
    say(" %ld", (long)file.st_size);
}

static void descriptor_closed(void)
{
    FILE *stream = popen("exit 3", "r");
    close(fileno(stream));
    errno = 0;
    int status = pclose(stream);
    usleep(200000);
    say("%d %s", status, status < 0 ? error_name(errno) : "");
    say("%s", left());
}

#ifdef __GLIBC__
static void *reads_on(void *stream)
{
    return (void *)(long)fgetc(stream);
}
#endif

static void cancelled(void)
{
#ifdef __GLIBC__
    pthread_t thread;
    void *value = NULL;
    char line[100] = "";
    if (no_threads()) {
        say("SKIP %s", no_threads());
        return;
    }
    FILE *stream = popen("echo $$; exec sleep 60", "r");
    char *read = fgets(line, sizeof line, stream);
    if (pthread_create(&thread, NULL, reads_on, stream))
        abort();
    usleep(200000);
    pthread_cancel(thread);
    pthread_join(thread, &value);
    say("%s", value == PTHREAD_CANCELED ? "cancelled" : "not");
    if (read && atoi(line) > 0)
        kill(atoi(line), SIGKILL);
    say(", %d", pclose(stream));
#else
    say("SKIP reading from a stream is no cancellation point in musl");
#endif
}

static void ordinary(void)
{
    int status = system("exit 7");
    say("%d", status);
    say(" %d", system("kill -TERM $$"));
    say(" %d", system("nowhere-to-be-found 2>/dev/null"));
    say(" %d", system(NULL) != 0);
    FILE *stream = popen("exit 3", "r");
    say(", %d", pclose(stream));
    stream = popen("kill -KILL $$", "w");
    say(" %d", pclose(stream));
}

static const struct spawn_case cases[] = {
    { "statuses of system() and popen() are the command's", ordinary, "1792 15 32512 1, 768 9", NULL },
    { "the orientation of a stream of popen()", orientation, ON("-1 -1", "0 1"), NULL },
    { "fclose() of a stream of popen()", closed_by_fclose,
      ON("768, 6 bytes, none; 9, none", "0, -1 bytes, running; 0, zombie"), NULL },
    { "the libc's own fclose() and pclose() of a stream of popen()", closed_by_the_libc,
      ON("1024 9 none, 1024 9 none", "0 9 zombie, 1024 9 none"), NULL },
    { "positions in a stream of popen()", positions, ON("-1 ESPIPE, -1 ESPIPE, flush 0, 2, 0", "-1 ESPIPE, -1 ESPIPE, flush 0, nothing, 0"), NULL },
    { "a stream of popen() used in the wrong direction", wrong_direction, ON("-1 EBADF 1, -1 EBADF 1, 0", "-1 0 1, -1 0 1, 0"), NULL },
    { "writing to a command of popen() that does not read", unread, "short EPIPE 1, 1536", NULL },
    { "setvbuf() of a stream of popen()", buffers, "a z zb 3 1 0, 256", NULL },
    { "popen() passes on more than a pipe holds", large, "300000 0, 300000 300000 0", NULL },
    { "pclose() of a file that is no command", not_a_command, ON("0 ", "-1 ECHILD"), NULL },
    { "pclose() and system() where SIGCHLD is ignored", ignored, "pclose -1 ECHILD, system -1 ECHILD", NULL },
    { "pclose() of a command that was already waited for", reaped_elsewhere, "-1 ECHILD", NULL },
    { "modes of popen()", modes,
      ON("'' EINVAL, 'x' EINVAL, 'e' EINVAL, 'rw' EINVAL, 'r+' EINVAL, 'rb' EINVAL, 're' 0 10, 'er' 0 10, 'we' 0 11, 'wr' EINVAL",
         "'' EINVAL, 'x' EINVAL, 'e' EINVAL, 'rw' 0 00, 'r+' 0 00, 'rb' 0 00, 're' 0 10, 'er' EINVAL, 'we' 0 11, 'wr' 0 01"),
      NULL },
    { "popen() where no descriptor is left", no_descriptor, "EMFILE, EMFILE, 0 768", "musl's posix_spawn takes a pipe as well" },
    { "popen() and system() where there is no shell", no_shell, "popen ENOENT, left none, system 32512", "musl's system() gives -1" },
    { "popen() whose pipe is on descriptors 0 and 1", low_numbers, "ab 256 512 1792 0 3", NULL },
    { "a stream of popen() stays open over exec, unless its mode has \"e\"", stays_open_over_exec, "0 1, 0 0", NULL },
    { "earlier streams are closed in a command of popen()", many, "few 40", "musl 1.2.2 leaves them open" },
    { "a stream of popen() that a fork child closes", closed_in_child, "-1 ECHILD 0, 1280", NULL },
    { "a stream of popen() is flushed at exit", flushed_at_exit, "0 5", NULL },
    { "a stream of popen() whose descriptor was closed", descriptor_closed, ON("-1 EBADFzombie", "768 none"), NULL },
    { "a thread that is cancelled while it reads from popen()", cancelled, "cancelled, 9", NULL },
};

int main(void)
{
    begin_spawn_cases(90);
#if defined CONTROL && defined __GLIBC__
    if (getenv("FILTERED") && !filtered("enosys")) { /* it knows no other answer */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            printf("%s\tSKIP the host libc's own does not work behind this filter\n", cases[i].name);
        remove_scratch();
        return 0;
    }
#endif
    run_spawn_cases(cases, sizeof cases / sizeof *cases);
#ifdef CONTROL
    return 0;
#else
    return done();
#endif
}
