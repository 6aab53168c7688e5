/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Thread-local storage of bare threads: images, zeroes, alignment, of the program
 * and of an object opened before; what the stack protector needs; what the C
 * library keeps there.
 * cflags: -fstack-protector-all
 * variants: -DDYNAMIC; -DSTATIC_TLS -ftls-model=initial-exec
 *
 * archs: x86_64 aarch64 i686
 * modes: preload shared static api
 */
#define _GNU_SOURCE
#include "bare-threads.h"
#include <ctype.h>
#include <dlfcn.h>
#include <locale.h>
#include <sys/mman.h>

#ifdef STATIC_TLS
enum { PLUGIN_ZEROES = 300, PLUGIN_ALIGN = 32 };
#else
enum { PLUGIN_ZEROES = 3000, PLUGIN_ALIGN = 512 };
#endif

#if defined(__i386__) && !defined(__GLIBC__) && !defined(MODE_STATIC)
/* What gcc calls there, and takes from a library that musl has no need of. */
void __stack_chk_fail(void);
__attribute__((visibility("hidden"))) void __stack_chk_fail_local(void) { __stack_chk_fail(); }
#endif

#ifdef PLUGIN

/* As STATIC_TLS the object's storage is at a fixed distance from the thread pointer,
 * in what little glibc keeps free there. */
__thread int plugin_number = 31;
__thread char plugin_zeroes[PLUGIN_ZEROES];
__thread char plugin_aligned[PLUGIN_ALIGN] __attribute__((aligned(PLUGIN_ALIGN))) = "plugin";

/* 0 if all is as it was when the program began; changes it all. */
long plugin_looks(void)
{
    long wrong = 0;
    for (size_t i = 0; i < sizeof plugin_zeroes; i++)
        wrong += plugin_zeroes[i] != 0;
    wrong += plugin_number != 31;
    wrong += strcmp(plugin_aligned, "plugin") != 0;
    wrong += (uintptr_t)plugin_aligned % PLUGIN_ALIGN != 0;
    memset(plugin_zeroes, 1, sizeof plugin_zeroes);
    plugin_number = 32;
    plugin_aligned[0] = 'P';
    return wrong;
}

#else

static __thread int number = 4711;
static __thread char zeroes[5000];
static __thread char page[4096] __attribute__((aligned(4096))) = "a page";
static int target;
static __thread int *pointer = &target; /* relocated in the image */
static __thread long double wide = 1.5L;

static long looks(void)
{
    long wrong = 0;
    for (size_t i = 0; i < sizeof zeroes; i++)
        wrong += zeroes[i] != 0;
    wrong += number != 4711;
    wrong += strcmp(page, "a page") != 0;
    wrong += (uintptr_t)page % 4096 != 0;
    wrong += pointer != &target;
    wrong += wide != 1.5L;
    wrong += (uintptr_t)&wide % _Alignof(long double) != 0;
    return wrong;
}

static void *looks_and_changes(void *argument)
{
    long wrong = looks();
    (void)argument;
    for (size_t i = 0; i < sizeof zeroes; i++)
        zeroes[i] = (char)i;
    memset(page, 'x', sizeof page);
    number = 5;
    pointer = NULL;
    wide = 0;
    errno = 99;
    return (void *)wrong;
}

static void images(void)
{
    long wrong = 0;
    looks_and_changes(NULL);
    is(run_thread(NULL, looks_and_changes, NULL), 0, "the thread-local storage of a bare thread is the program's image");
    for (int i = 0; i < repeats(500); i++)
        wrong += run_thread(NULL, looks_and_changes, NULL);
    is(wrong, 0, "the thread-local storage of a bare thread is the program's image where others were before");
    ok(number == 5 && page[4095] == 'x', "the creator of bare threads keeps its thread-local storage");
    clone3_thread_t threads[100];
    void *value;
    for (int i = 0; i < 100; i++)
        wrong += clone3_thread_create(&threads[i], NULL, looks_and_changes, NULL);
    for (int i = 0; i < 100; i++)
        wrong += clone3_thread_join(threads[i], &value) + (long)value;
    is(wrong, 0, "each of a hundred bare threads at once has its own thread-local storage");
}

static void *inner(void *argument)
{
    (void)argument;
    return (void *)(run_thread(NULL, looks_and_changes, NULL) + looks());
}

static void *by_pthread(void *attr)
{
    looks_and_changes(NULL);
    return (void *)run_thread(attr, looks_and_changes, NULL);
}

static void creators(void)
{
    static char own[65536] __attribute__((aligned(64)));
    clone3_thread_attr_t attr = defaults();
    pthread_t thread;
    void *value = &attr;
    is(run_thread(NULL, inner, NULL), 0, "a bare thread made by a bare thread has its own thread-local storage");
    if (!has_pthreads()) {
        skip("a bare thread made by a pthread has its own thread-local storage", "the libc makes none here");
    } else {
        if (pthread_create(&thread, NULL, by_pthread, NULL) || pthread_join(thread, &value))
            abort();
        is((long)value, 0, "a bare thread made by a pthread has its own thread-local storage");
    }
    attr.stack = own;
    attr.stack_size = sizeof own;
    is(run_thread(&attr, looks_and_changes, NULL), 0, "a bare thread on its creator's stack has its own thread-local storage");
    attr = defaults();
    attr.stack_size = 1 << 20;
    is(run_thread(&attr, looks_and_changes, NULL), 0, "a bare thread on a large stack has its own thread-local storage");
}

/* <ctype.h>, MB_CUR_MAX, strtol() and getcpu are not promised, but what a handler
 * would call without a thought shall not crash. */
static void *uses_the_libc(void *argument)
{
    long wrong = 0;
    (void)argument;
    wrong += !isalpha('a') || isalpha('1') || toupper('b') != 'B' || tolower('C') != 'c';
    wrong += MB_CUR_MAX < 1;
    wrong += strtol("-12", NULL, 10) != -12;
    errno = 0;
    wrong += close(-1) != -1 || errno != EBADF;
    wrong += raise(SIGCONT) != 0; /* by the id the libc keeps */
    wrong += pthread_getspecific(0) != NULL;
    return (void *)wrong;
}

/* Its creator's might be freed. */
static void *has_the_locale_of_the_process(void *argument)
{
    long wrong = uselocale(NULL) != LC_GLOBAL_LOCALE;
    (void)argument;
#ifdef __GLIBC__
    const unsigned short *own = *__ctype_b_loc();
    uselocale(LC_GLOBAL_LOCALE); /* sets the tables */
    wrong += own != *__ctype_b_loc();
#endif
    return (void *)wrong;
}

/* First of all, when what is known of the libc is learnt. */
static void creators_locale(void)
{
    locale_t own = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
    if (own) {
        uselocale(own);
        is(run_thread(NULL, has_the_locale_of_the_process, NULL), 0,
           "a bare thread does not have its creator's thread locale");
        ok(uselocale(LC_GLOBAL_LOCALE) == own, "the creator of a bare thread keeps its thread locale");
        freelocale(own);
    } else {
        skip("a bare thread does not have its creator's thread locale", "no C.UTF-8");
    }
}

static void *asks_for_its_processor(void *argument)
{
    (void)argument;
    unsigned cpu = ~0u;
    syscall(SYS_getcpu, &cpu, NULL, NULL);
    return (void *)(long)((unsigned)sched_getcpu() == cpu);
}

static void libc(void)
{
    clone3_thread_attr_t attr = defaults();
    cpu_set_t set;
    is(run_thread(NULL, uses_the_libc, NULL), 0, "ctype, MB_CUR_MAX, strtol(), errno, raise() and pthread_getspecific() work in a bare thread");
    setlocale(LC_ALL, "C.UTF-8");
    is(run_thread(NULL, uses_the_libc, NULL), 0, "ctype, MB_CUR_MAX, strtol(), errno, raise() and pthread_getspecific() work in a bare thread after setlocale()");
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1 && !emulated()) {
        int last = CPU_SETSIZE - 1;
        while (!CPU_ISSET(last, &set))
            last--;
        CPU_ZERO(&set);
        CPU_SET(last, &set);
        attr.affinity = &set;
        attr.affinity_size = sizeof set;
        is(run_thread(&attr, asks_for_its_processor, NULL), 1, "sched_getcpu() in a bare thread asks the kernel");
    } else {
        skip("sched_getcpu() in a bare thread asks the kernel", "one processor only");
    }
}

__attribute__((noinline)) static void overflows(volatile char *place, int count)
{
    char local[16];
    for (int i = 0; i < count; i++)
        ((volatile char *)local)[i] = 1;
    *place = local[0];
}

static void *is_protected(void *count)
{
    char place;
    overflows(&place, (int)(long)count);
    return NULL;
}

static void protector(void)
{
    is(run_thread(NULL, is_protected, (void *)16), 0, "functions with a stack protector return in a bare thread");
    pid_t pid = fork();
    if (pid == 0) {
        close(2); /* glibc has something to say */
        signal(SIGABRT, SIG_DFL);
        run_thread(NULL, is_protected, (void *)48);
        _exit(0);
    }
    int status = status_of(pid);
    ok(status > 128, "a function with a stack protector whose canary is overwritten ends the process of a bare thread");
}

#ifndef MODE_STATIC

static long (*plugin_looks)(void);

static void *looks_into_plugin(void *argument)
{
    (void)argument;
    return (void *)plugin_looks();
}

static void *waits_and_looks(void *argument)
{
    waits(argument);
    return (void *)plugin_looks();
}

/* Opened by the thread that makes others, which has not touched it yet. */
static void opened(void)
{
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
    if (!plugin) {
        printf("# %s\n", dlerror());
#ifdef STATIC_TLS
        skip("a bare thread has the thread-local storage of an object opened before", "this libc opens no object with static TLS");
        return;
#endif
        abort();
    }
    *(void **)&plugin_looks = dlsym(plugin, "plugin_looks");
    long wrong = 0;
    is(run_thread(NULL, looks_into_plugin, NULL), 0, "a bare thread has the thread-local storage of an object opened before");
    plugin_looks();
    for (int i = 0; i < 100; i++)
        wrong += run_thread(NULL, looks_into_plugin, NULL);
    is(wrong, 0, "a bare thread has the thread-local storage of an object opened before, where others were");
    is(plugin_looks(), PLUGIN_ZEROES + 2, "the creator of bare threads keeps its thread-local storage of an object");
    is(run_thread(NULL, looks_and_changes, NULL), 0, "a bare thread has the program's image after an object was opened");
}

/* What is opened later has no place in a thread. musl finds none, and the thread
 * stops the process; glibc allocates one, which the thread must not wait for a lock
 * for. Either is clear; what must not be is other memory. */
static void opened_late(void)
{
    clone3_thread_t thread;
    void *value = NULL;
#ifdef STATIC_TLS
    skip("thread-local storage of an object opened while a bare thread runs", "static TLS: not allowed, and not detected");
    return;
#endif
    pid_t pid = fork();
    if (pid == 0) {
        go_on = 0;
        alarm(scaled(20));
        if (clone3_thread_create(&thread, NULL, waits_and_looks, NULL))
            _exit(1);
        void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
        *(void **)&plugin_looks = plugin ? dlsym(plugin, "plugin_looks") : NULL;
        if (!plugin_looks)
            _exit(2);
        go_on = 1;
        if (clone3_thread_join(thread, &value))
            _exit(3);
        _exit(value ? 4 : 5); /* 5: a place of its own, as the image */
    }
    int status = status_of(pid);
    ok(status == 5 || status == 128 + SIGSEGV, "thread-local storage of an object opened while a bare thread runs: %s",
       status == 5 ? "allocated by the libc" : "none, a fault");
    if (status != 5)
        printf("# status %d\n", status);
}

/* Opens the plugin under another name, so that it is another object; NULL if it
 * cannot. The name is gone again. */
static void *open_another(void)
{
    char name[] = "/tmp/clone3-plugin-XXXXXX", buffer[65536];
    int from = open(getenv("PLUGIN"), O_RDONLY), to = mkstemp(name);
    ssize_t size;
    while ((size = read(from, buffer, sizeof buffer)) > 0)
        if (write(to, buffer, size) != size)
            abort();
    close(from);
    close(to);
    void *plugin = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!plugin)
        printf("# %s\n", dlerror());
    unlink(name);
    return plugin;
}

/* More objects than there are arenas and free places in a dtv, each with more storage
 * than what is there in slots to spare. */
static void opened_many(void)
{
    enum { MANY = 40 };
    clone3_thread_t before;
    void *value = NULL;
#ifdef STATIC_TLS
    skip("bare threads after each of many objects was opened", "static TLS: there is no room for many");
    return;
#endif
    go_on = 0;
    if (clone3_thread_create(&before, NULL, waits_and_looks, NULL))
        abort();
    long opened = 0, wrong = 0;
    for (int i = 0; i < MANY; i++) {
        opened += open_another() != NULL;
        wrong += run_thread(NULL, looks_into_plugin, NULL) != 0;
        wrong += run_thread(NULL, looks_into_plugin, NULL) != 0;
    }
    is(opened, MANY, "forty objects with thread-local storage are opened");
    is(wrong, 0, "a bare thread has the storage of an object after each of forty was opened");
    go_on = 1;
    is(clone3_thread_join(before, &value), 0, "a bare thread that was made before forty objects were opened is joined");
    is((long)value, 0, "a bare thread that was made before forty objects were opened keeps its storage");
}

#endif

int main(void)
{
    begin(60);
    creators_locale();
#ifndef MODE_STATIC
    opened_late();
#endif
    images();
    creators();
    libc();
    protector();
#ifdef MODE_STATIC
    skip("thread-local storage of objects that are opened", "a static program");
#else
    opened();
    opened_many();
#endif
    return done();
}

#endif
