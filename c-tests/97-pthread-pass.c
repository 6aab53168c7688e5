/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pthread_create() and thrd_create() of programs and of objects opened later reach the
 * library, which passes them on: same threads, same errors. In a static program they
 * are the libc's own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <threads.h>

#ifdef PLUGIN

/* The addresses this object got for the names. */
void *plugin_create(void);
void *plugin_create(void) { return (void *)pthread_create; }

int plugin_makes(pthread_t *thread, void *(*start)(void *), void *argument);
int plugin_makes(pthread_t *thread, void *(*start)(void *), void *argument)
{
    return pthread_create(thread, NULL, start, argument);
}

#else
#include "pthreads.h"
#include <dlfcn.h>
#include <semaphore.h>
#include <sys/stat.h>

/* Whether an address is in the library's file. */
static int is_ours(void *function)
{
    const char *library = getenv("LIBRARY");
    char line[4400];
    struct stat file;
    int found = 0;
    if (!library || stat(library, &file) != 0)
        return 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end, inode = 0;
        if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &start, &end, &inode) == 3)
            found |= (unsigned long)function >= start && (unsigned long)function < end && inode == file.st_ino;
    }
    if (maps)
        fclose(maps);
    return found;
}

static void *same(void *argument) { return argument; }
static int seven(void *argument) { return 7 + (argument == NULL); }

static void threads(const char *whose, int (*make)(pthread_t *, void *(*)(void *), void *))
{
    pthread_t thread;
    void *result = NULL;
    is(make(&thread, same, &result), 0, named("%s is created by pthread_create", whose));
    ok(pthread_join(thread, &result) == 0 && result == &result, "%s is joined", whose);
}

static int makes(pthread_t *thread, void *(*start)(void *), void *argument)
{
    return pthread_create(thread, NULL, start, argument);
}

static void errors(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    struct rlimit limit;
    make_impossible(&attr, &limit);
    int error = pthread_create(&thread, &attr, same, NULL);
    make_possible(&attr, &limit);
    ok((error == EAGAIN || error == ENOMEM) && alone(), "pthread_create returns the libc's errors");
}

static void c11(void)
{
    thrd_t thread;
    int result = 0;
    is(thrd_create(&thread, seven, &result), thrd_success, "thrd_create makes a thread");
    ok(thrd_join(thread, &result) == thrd_success && result == 7, "thrd_join returns the int of a thread by thrd_create");
}

/* From many threads at once. */
enum { MANY = 64 };
static volatile int done_by[MANY];
static pthread_barrier_t all;

static void *storms(void *number)
{
    long n = (long)number;
    pthread_barrier_wait(&all);
    for (int i = 0; i < repeats(100); i++) {
        pthread_t thread;
        void *result = NULL;
        struct clone3_pthread_extra extra = { .size = sizeof extra, .set = CLONE3_PTHREAD_NAME, .name = "storm" };
        int error = i % 2 ? pthread_create(&thread, NULL, same, &result)
                          : clone3_pthread_create(&thread, NULL, &extra, same, &result);
        if (error || pthread_join(thread, &result) != 0 || result != &result)
            return (void *)1L;
        done_by[n]++;
    }
    return NULL;
}

static void storm(void)
{
    static pthread_t thread[MANY];
    int failed = 0, count = 0, before = descriptors();
    pthread_barrier_init(&all, NULL, MANY);
    for (long i = 0; i < MANY; i++)
        failed += pthread_create(&thread[i], NULL, storms, (void *)i) != 0;
    for (int i = 0; i < MANY; i++) {
        void *result = NULL;
        failed += pthread_join(thread[i], &result) != 0 || result;
        count += done_by[i];
    }
    is(failed, 0, "64 threads at once create and join pthreads without an error");
    is(count, MANY * repeats(100), "64 threads at once create all the pthreads they should");
    ok(alone() && descriptors() == before, "64 threads at once that create pthreads leave no thread and no descriptor");
}

int main(void)
{
    begin(90);
    if (no_threads()) {
        skip("pthread_create and thrd_create are passed on", no_threads());
        return done();
    }
    alone();
#ifdef MODE_STATIC
    skip("pthread_create and thrd_create are the library's", "not in a static program");
#else
    ok(is_ours((void *)pthread_create), "pthread_create is the library's");
    ok(is_ours((void *)thrd_create), "thrd_create is the library's");
    ok(!is_ours((void *)pthread_join), "pthread_join is not the library's");
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW | RTLD_LOCAL);
    if (ok(plugin != NULL, "an object that calls pthread_create is opened")) {
        void *(*its)(void) = (void *(*)(void))dlsym(plugin, "plugin_create");
        ok(is_ours(its()), "pthread_create of an opened object is the library's");
        threads("a thread of an opened object", (int (*)(pthread_t *, void *(*)(void *), void *))dlsym(plugin, "plugin_makes"));
    } else {
        printf("# %s\n", dlerror());
    }
#endif
    threads("a thread of the program", makes);
    errors();
    c11();
    storm();
    return done();
}
#endif
