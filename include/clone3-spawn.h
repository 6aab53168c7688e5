/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clone3-spawn.h: <spawn.h>, and of what libclone3 adds to it that which the C library
 * does not declare itself.
 *
 * libclone3 has these on every C library; libclone3_posix(7) describes them. What is here
 * agrees with what newer C libraries declare, so that the same program compiles
 * everywhere, as C and as C++. */

#ifndef LIBCLONE3_CLONE3_SPAWN_H
#define LIBCLONE3_CLONE3_SPAWN_H

#include <spawn.h>
#include <sys/types.h>

/* Whether to leave it to <spawn.h> to declare what came with a version of glibc. Only in
 * C++: in C a declaration may be repeated, and <spawn.h> has less without _GNU_SOURCE. */
#if defined(__cplusplus) && defined(__GLIBC__) && defined(__USE_GNU)
#define CLONE3_SPAWN_SINCE(minor) (__GLIBC__ > 2 || __GLIBC_MINOR__ >= (minor))
#else
#define CLONE3_SPAWN_SINCE(minor) 0
#endif

/* C++ minds whether declarations agree on exceptions. */
#if defined(__GLIBC__) && defined(__cplusplus)
#define CLONE3_SPAWN_NOTHROW __THROW
#else
#define CLONE3_SPAWN_NOTHROW
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* posix_spawnattr_setflags(): a new session, and the cgroup of
 * posix_spawnattr_setcgroup_np(). */
#ifndef POSIX_SPAWN_SETSID
#define POSIX_SPAWN_SETSID 0x80
#endif
#ifndef POSIX_SPAWN_SETCGROUP
#define POSIX_SPAWN_SETCGROUP 0x100
#endif

#if !CLONE3_SPAWN_SINCE(29)
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *__restrict actions,
                                         const char *__restrict path) CLONE3_SPAWN_NOTHROW;
int posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t *actions,
                                          int fd) CLONE3_SPAWN_NOTHROW;
#endif

/* The names that POSIX.1-2024 has for them. */
int posix_spawn_file_actions_addchdir(posix_spawn_file_actions_t *__restrict actions,
                                      const char *__restrict path) CLONE3_SPAWN_NOTHROW;
int posix_spawn_file_actions_addfchdir(posix_spawn_file_actions_t *actions,
                                       int fd) CLONE3_SPAWN_NOTHROW;

#if !CLONE3_SPAWN_SINCE(34)
/* Closes every descriptor from this one on. */
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions,
                                             int from) CLONE3_SPAWN_NOTHROW;
#endif

#if !CLONE3_SPAWN_SINCE(35)
/* Makes the child's process group the terminal's foreground one. */
int posix_spawn_file_actions_addtcsetpgrp_np(posix_spawn_file_actions_t *actions,
                                             int tty) CLONE3_SPAWN_NOTHROW;
#endif

#if !CLONE3_SPAWN_SINCE(39)
/* The cgroup of a child with POSIX_SPAWN_SETCGROUP: a descriptor of its directory. */
int posix_spawnattr_getcgroup_np(const posix_spawnattr_t *__restrict attr,
                                 int *__restrict cgroup) CLONE3_SPAWN_NOTHROW;
int posix_spawnattr_setcgroup_np(posix_spawnattr_t *attr, int cgroup) CLONE3_SPAWN_NOTHROW;

/* posix_spawn() and posix_spawnp() that give a pidfd. */
int pidfd_spawn(int *__restrict pidfd, const char *__restrict path,
                const posix_spawn_file_actions_t *__restrict actions,
                const posix_spawnattr_t *__restrict attr, char *const *__restrict argv,
                char *const *__restrict envp);
int pidfd_spawnp(int *__restrict pidfd, const char *__restrict file,
                 const posix_spawn_file_actions_t *__restrict actions,
                 const posix_spawnattr_t *__restrict attr, char *const *__restrict argv,
                 char *const *__restrict envp);
#endif

/* The pid of a pidfd's process; -1 and errno on error. glibc 2.39 declares it in
 * <sys/pidfd.h>. */
pid_t pidfd_getpid(int pidfd) CLONE3_SPAWN_NOTHROW;

#ifdef __cplusplus
}
#endif

#undef CLONE3_SPAWN_SINCE
#undef CLONE3_SPAWN_NOTHROW

#endif /* LIBCLONE3_CLONE3_SPAWN_H */
