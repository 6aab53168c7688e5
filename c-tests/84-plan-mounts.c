/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The mounts of a child of clone3_spawn(): proc, tmpfs and others, bind mounts, by root
 * and without privileges; and that a root that belongs to another user cannot redirect
 * a mount out of itself.
 */
#define _GNU_SOURCE
#include "filter.h"
#include "planning.h"
#include <grp.h>
#include <limits.h>
#include <sys/prctl.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif

enum { SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC };
#define PROC { .type = "proc", .target = "/proc", .flags = SAFE }
#define TMPFS(...) { .type = "tmpfs", .target = "/tmp", .flags = MS_NOSUID | MS_NODEV, __VA_ARGS__ }
#define COUNT(list) (sizeof(list) / sizeof *(list))

static char root[300], outside[300], outside_file[400]; /* the new root, and a directory that is not below it */
static int root_fd, mounts_of_shell, pivots;
static struct clone3_spawn_mount list[16];

static const char *in_root(const char *name)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static long answer_with_enosys(int call)
{
    struct sock_filter code[] = {
        FILTER_LOAD(offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        FILTER_ERRNO(ENOSYS),
        FILTER_ALLOW,
    };
    const struct sock_fprog filter = { COUNT(code), code };
    return raw(SYS_seccomp, 1, 0, &filter);
}

static int has(int call)
{
    return raw(call, -1, 0, 0, 0, 0) != -ENOSYS;
}

/* What a shell needs, bound from the caller's root; its length. */
static int shell_needs(uint64_t flags)
{
    static const char *const directories[] = { "/bin", "/lib", "/lib64", "/lib32", "/libx32", "/usr" };
    int count = 0;
    struct stat seen;
    for (size_t i = 0; i < COUNT(directories); i++)
        if (stat(directories[i], &seen) == 0)
            list[count++] = (struct clone3_spawn_mount){ .source = directories[i], .target = directories[i],
                .flags = MS_BIND | MS_REC | flags };
    return count;
}

static int make_root(void)
{
    static const char *const directories[] = { "bin", "lib", "lib64", "lib32", "libx32", "usr", "proc", "tmp", "dev",
        "dev/pts", "sys", "a", "a/b" };
    snprintf(root, sizeof root, "/tmp/clone3-mounts-XXXXXX");
    snprintf(outside, sizeof outside, "/tmp/clone3-outside-XXXXXX");
    if (!mkdtemp(root) || !mkdtemp(outside))
        return 0;
    chmod(root, 0755);
    chmod(outside, 0755);
    for (size_t i = 0; i < COUNT(directories); i++)
        mkdir(in_root(directories[i]), 0755);
    close(creat(in_root("file"), 0644));
    snprintf(outside_file, sizeof outside_file, "%s/file", outside);
    int file = creat(outside_file, 0644);
    if (write(file, "from outside\n", 13) != 13)
        return 0;
    close(file);
    if (symlink(outside, in_root("evil")) || symlink("../../../../../../../..", in_root("up")))
        return 0;
    root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    mounts_of_shell = shell_needs(has(SYS_mount_setattr) ? MS_RDONLY : 0);
    return root_fd >= 0;
}

static void remove_root(void)
{
    char command[700];
    snprintf(command, sizeof command, "rm -rf --one-file-system %s %s 2>/dev/null || rm -rf %s %s", root, outside, root, outside);
    if (system(command))
        printf("# %s could not be removed\n", root);
}

static clone3_spawn_t contained(const struct clone3_spawn_mount *more, size_t count)
{
    clone3_spawn_t plan = new_plan();
    static struct clone3_spawn_id_range uids, gids;
    uint64_t user = geteuid() != 0 ? CLONE_NEWUSER : 0;
    clone3_spawn_add_flags(&plan, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | user);
    if (user) {
        uids = (struct clone3_spawn_id_range){ 0, geteuid(), 1 };
        gids = (struct clone3_spawn_id_range){ 0, getegid(), 1 };
        clone3_spawn_set_setgroups(&plan, 0);
        clone3_spawn_set_uid_map(&plan, &uids, 1);
        clone3_spawn_set_gid_map(&plan, &gids, 1);
    }
    memcpy(list + mounts_of_shell, more, count * sizeof *more);
    clone3_spawn_set_mounts(&plan, list, (size_t)mounts_of_shell + count);
    if (pivots)
        clone3_spawn_set_pivot_root(&plan, root_fd);
    else /* a rootfs cannot be left */
        clone3_spawn_set_chroot(&plan, root);
    return plan;
}

static int mounted_here(const char *path)
{
    char line[1000];
    int found = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && fgets(line, sizeof line, file))
        found |= strstr(line, path) != NULL;
    if (file)
        fclose(file);
    return found;
}

static const char *const show_mount = "while read -r a b c d where how rest; do test \"$where\" = %s && echo \"$how ${rest##* - }\"; done < /proc/self/mountinfo";

static const char *mount_of(const clone3_spawn_t *plan, const char *where)
{
    char command[300];
    snprintf(command, sizeof command, show_mount, where);
    return shell(plan, command);
}

static void has_word(const char *got, const char *word, const char *name)
{
    ok(strstr(got, word) != NULL, "%s: %s", name, got);
}

/* As root, and as a user. */
static void containers(void)
{
    const struct clone3_spawn_mount both[] = { PROC, TMPFS(.data = "size=64k,mode=0751") };
    const char *who = geteuid() ? "without privileges" : "as root";
    char name[200];
#define BY(what) (snprintf(name, sizeof name, "%s %s", who, what), name)
    clone3_spawn_t plan = contained(both, 2);
    says(&plan, "echo $$", "1", BY("a child with mounts is process 1"));
    says(&plan, "echo /proc/[0-9]*; read -r name < /proc/1/comm; echo $name", "/proc/1 sh",
        BY("the /proc mounted in a child is of its pid namespace"));
    const char *how = mount_of(&plan, "/tmp");
    has_word(how, "nosuid,nodev,relatime", BY("a tmpfs has the flags"));
    has_word(how, "size=64k,mode=751", BY("a tmpfs has its own options"));
    says(&plan, "echo x > /tmp/x && read -r x < /tmp/x && echo $x; echo y 2>/dev/null > /proc/x || echo no", "x no",
        BY("what is mounted can be used"));
    if (has(SYS_mount_setattr))
        says(&plan, "(: > /usr/clone3-was-here) 2>/dev/null && echo written || echo read-only", "read-only",
            BY("what is bound read-only with all below it cannot be written"));
    char left[300];
    snprintf(left, sizeof left, "test -e %s && echo there || echo gone", outside);
    says(&plan, left, "gone", BY("the caller's root is gone"));
    ok(!mounted_here(root), "%s nothing is mounted where the caller is", who);
    const struct clone3_spawn_mount more[] = { PROC, { .type = "mqueue", .target = "/dev", .flags = SAFE },
        { .type = "tmpfs", .target = "a/b", .source = "a-name" }, { .source = outside_file, .target = "/file", .flags = MS_BIND } };
    plan = contained(more, 4);
    has_word(mount_of(&plan, "/dev"), "mqueue", BY("mqueue can be mounted"));
    has_word(mount_of(&plan, "/a/b"), "tmpfs a-name", BY("a target without a slash, and a name for a source"));
    says(&plan, "read -r words < /file; echo $words", "from outside", BY("a file is bound"));
    static const struct clone3_spawn_mount terminals[] = { PROC, { .type = "devpts", .target = "/dev/pts",
        .flags = MS_NOSUID | MS_NOEXEC, .data = "newinstance,ptmxmode=0666,mode=620" } };
    plan = contained(terminals, 2);
    has_word(mount_of(&plan, "/dev/pts"), "ptmxmode=666", BY("devpts can be mounted"));
    static const struct clone3_spawn_mount over[] = { PROC, TMPFS(), TMPFS(.data = "size=8k") };
    plan = contained(over, 3);
    has_word(mount_of(&plan, "/tmp"), "size=8k", BY("a tmpfs can be mounted on another"));
}

/* One test: mount number `index` after the shell's fails so, and the words name it. */
static void refused(const struct clone3_spawn_mount *more, size_t count, int index, int error, const char *words, const char *name)
{
    clone3_spawn_t plan = contained(more, count);
    char wanted[300], line[400];
    snprintf(wanted, sizeof wanted, "mount %d, %s: ", mounts_of_shell + index, words);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_MOUNT, mounts_of_shell + index, error, name);
    snprintf(line, sizeof line, "%s: the error names the mount: %s", name, plan_error());
    if (!ok(strncmp(plan_error(), wanted, strlen(wanted)) == 0, "%s", line))
        printf("# wanted: %s\n", wanted);
}

static void failures(void)
{
    struct clone3_spawn_mount mounts[] = { PROC, TMPFS() };
    mounts[1].type = "nosuchfs";
    refused(mounts, 2, 1, ENODEV, "nosuchfs on \"/tmp\"", "a mount of a type that does not exist");
    mounts[1] = (struct clone3_spawn_mount)TMPFS(.data = "size=1m,nosuch=1");
    refused(mounts, 2, 1, EINVAL, "tmpfs on \"/tmp\"", "a mount with an option that does not exist");
    char option[400] = "size=";
    memset(option + 5, '1', 300);
    mounts[1].data = option;
    refused(mounts, 2, 1, EINVAL, "tmpfs on \"/tmp\"", "a mount with an option that is too long");
    mounts[1] = (struct clone3_spawn_mount)TMPFS(.data = ",,size=8k,,");
    clone3_spawn_t plan = contained(mounts, 2);
    has_word(mount_of(&plan, "/tmp"), "size=8k", "a mount with empty options among others");
    mounts[1].target = "/nowhere/at/all";
    refused(mounts, 2, 1, ENOENT, "tmpfs on \"/nowhere/at/all\"", "a mount on a target that does not exist");
    mounts[1].target = "";
    refused(mounts, 2, 1, ENOENT, "tmpfs on \"\"", "a mount on an empty target");
    mounts[1].target = "/file";
    refused(mounts, 2, 1, EINVAL, "tmpfs on \"/file\"", "a mount of a directory on a file");
    mounts[1].target = "/a/..";
    refused(mounts, 2, 1, EBUSY, "tmpfs on \"/a/..\"", "a mount on the root itself");
    mounts[1] = (struct clone3_spawn_mount)TMPFS(.flags = MS_NOSUID | MS_SHARED);
    refused(mounts, 2, 1, EINVAL, "tmpfs on \"/tmp\"", "a mount with a flag that is not allowed here");
    mounts[1] = (struct clone3_spawn_mount)TMPFS(.flags = MS_REC);
    refused(mounts, 2, 1, EINVAL, "tmpfs on \"/tmp\"", "a mount with MS_REC but not MS_BIND");
    mounts[1] = (struct clone3_spawn_mount){ .source = "/usr", .target = "/tmp", .flags = MS_BIND, .data = "x" };
    refused(mounts, 2, 1, EINVAL, "bind on \"/tmp\"", "a bind mount with options");
    mounts[1] = (struct clone3_spawn_mount){ .source = "/nowhere", .target = "/tmp", .flags = MS_BIND };
    refused(mounts, 2, 1, ENOENT, "bind on \"/tmp\"", "a bind mount of what does not exist");
    mounts[1] = (struct clone3_spawn_mount){ .target = "/tmp", .flags = MS_BIND };
    refused(mounts, 2, 1, EFAULT, "bind on \"/tmp\"", "a bind mount without a source");
    mounts[1] = (struct clone3_spawn_mount){ .target = "/tmp" };
    plan = contained(mounts, 2);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_MOUNT, mounts_of_shell + 1, EFAULT, "a mount without a type");
    mounts[1] = (struct clone3_spawn_mount)TMPFS(.data = (char *)8);
    refused(mounts, 2, 1, EFAULT, "tmpfs on \"/tmp\"", "a mount with options at an invalid address");
    mounts[0] = (struct clone3_spawn_mount)TMPFS(.target = (char *)8);
    plan = contained(mounts, 1);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_MOUNT, mounts_of_shell, EFAULT, "a mount on a target at an invalid address");
    clone3_spawn_set_mounts(&plan, (const struct clone3_spawn_mount *)8, 1);
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_MOUNT, 0, EFAULT, "a list of mounts at an invalid address");
    plan = new_plan();
    clone3_spawn_set_mounts(&plan, mounts, 1);
    mounts[0] = (struct clone3_spawn_mount)PROC;
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EINVAL, "a plan with mounts but no mount namespace");
    is(clone3_spawn_set_mounts(&plan, NULL, 1), EFAULT, "clone3_spawn_set_mounts() refuses NULL");
    fails_at(&plan, "/bin/sh", CLONE3_SPAWN_STAGE_PLAN, ANY_INDEX, EFAULT, "a plan with a failed set_mounts does not run");
}

/* The root belongs to a user who wants a mount to land outside of it. */
static void escapes(void)
{
    char inside[700], target[400], command[900];
    struct clone3_spawn_mount mounts[] = { PROC, TMPFS(.target = "/evil") };
    refused(mounts, 2, 1, ENOENT, "tmpfs on \"/evil\"", "a mount on a symbolic link to a directory outside of the root");
    mounts[1].target = "/up/tmp";
    clone3_spawn_t plan = contained(mounts, 2);
    has_word(mount_of(&plan, "/tmp"), "tmpfs", "a mount on a symbolic link upwards ends at the root");
    snprintf(target, sizeof target, "../../../../../..%s", outside);
    mounts[1].target = target;
    snprintf(command, sizeof command, "tmpfs on \"%s\"", target);
    refused(mounts, 2, 1, ENOENT, command, "a mount on a path upwards ends at the root");
    mounts[1].target = "/proc/self/cwd";
    plan = contained(mounts, 2);
    int error = spawn_plan(NULL, "/bin/sh", &plan, (char *[]){ "sh", NULL });
    ok((error == ELOOP || error == EXDEV) && error_of_plan.stage == CLONE3_SPAWN_STAGE_MOUNT,
        "a mount on a magic link of /proc is refused: %s", plan_error());
    /* Where there is such a directory in the root, too, that is the one. */
    snprintf(inside, sizeof inside, "%s%s", root, outside);
    mkdir(in_root("tmp"), 0755);
    mkdir(inside, 0755);
    mounts[1].target = "/evil";
    plan = contained(mounts, 2);
    has_word(mount_of(&plan, outside), "tmpfs", "a mount on a symbolic link is looked up in the new root");
    rmdir(inside);
}

/* Without openat2(), before Linux 5.6. */
static void names_only(void)
{
    if (answer_with_enosys(SYS_openat2)) {
        skip("mounts without openat2()", "no filter may be installed");
        return;
    }
    struct clone3_spawn_mount mounts[] = { PROC, TMPFS() };
    clone3_spawn_t plan = contained(mounts, 2);
    has_word(mount_of(&plan, "/tmp"), "tmpfs", "without openat2() a target is found by its names");
    mounts[1].target = "//a/./b/";
    plan = contained(mounts, 2);
    has_word(mount_of(&plan, "/a/b"), "tmpfs", "without openat2() a target may have slashes and dots");
    mounts[1].target = "/evil";
    refused(mounts, 2, 1, ELOOP, "tmpfs on \"/evil\"", "without openat2() a mount on a symbolic link");
    mounts[1].target = "/up/tmp";
    refused(mounts, 2, 1, ELOOP, "tmpfs on \"/up/tmp\"", "without openat2() a mount through a symbolic link");
    mounts[1].target = "/a/../tmp";
    refused(mounts, 2, 1, ELOOP, "tmpfs on \"/a/../tmp\"", "without openat2() a mount through \"..\"");
    mounts[1].target = "/a/c";
    refused(mounts, 2, 1, ENOENT, "tmpfs on \"/a/c\"", "without openat2() a mount on what does not exist");
    mounts[1].target = "/file/x";
    refused(mounts, 2, 1, ENOTDIR, "tmpfs on \"/file/x\"", "without openat2() a mount on a path through a file");
    mounts[1].target = "/";
    refused(mounts, 2, 1, EBUSY, "tmpfs on \"/\"", "without openat2() a mount on the root itself");
    mounts[1].target = "";
    refused(mounts, 2, 1, ENOENT, "tmpfs on \"\"", "without openat2() a mount on an empty target");
}

/* Without mount_setattr(), before Linux 5.12. */
static void one_at_a_time(void)
{
    mounts_of_shell = shell_needs(0);
    if (answer_with_enosys(SYS_mount_setattr)) {
        skip("mounts without mount_setattr()", "no filter may be installed");
        return;
    }
    struct clone3_spawn_mount mounts[] = { PROC, { .source = outside, .target = "/a", .flags = MS_BIND | MS_RDONLY | MS_NOEXEC } };
    clone3_spawn_t plan = contained(mounts, 2);
    has_word(mount_of(&plan, "/a"), "ro,", "without mount_setattr() a directory is bound read-only");
    has_word(mount_of(&plan, "/a"), "noexec", "without mount_setattr() a directory is bound noexec");
    says(&plan, "(: > /a/x) 2>/dev/null && echo written || echo read-only", "read-only", "without mount_setattr() a directory bound read-only cannot be written");
    clone3_spawn_set_directory(&plan, "a");
    says(&plan, "pwd", "/a", "without mount_setattr() the working directory is looked up from the root");
    mounts[1].flags |= MS_REC;
    refused(mounts, 2, 1, ENOSYS, "bind on \"/a\"", "without mount_setattr() a recursive bind mount with flags");
    mounts[1] = (struct clone3_spawn_mount){ .source = outside_file, .target = "/file", .flags = MS_BIND | MS_RDONLY };
    refused(mounts, 2, 1, ENOSYS, "bind on \"/file\"", "without mount_setattr() a bind mount of a file with flags");
}

/* Without the calls of Linux 5.2. */
static void nothing_to_mount_with(void)
{
    struct clone3_spawn_mount mounts[] = { PROC };
    if (answer_with_enosys(SYS_fsopen))
        skip("mounts without fsopen()", "no filter may be installed");
    else
        refused(mounts, 1, 0, ENOSYS, "proc on \"/proc\"", "without fsopen() a mount");
}

/* With another kind of root, or none, and beside others in shared mounts. */
static void other_roots(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(root, root, NULL, MS_BIND, NULL)
        || mount(NULL, root, NULL, MS_SHARED, NULL)) {
        skip("mounts of a child beside shared mounts", "they cannot be made here");
        return;
    }
    struct clone3_spawn_mount mounts[] = { PROC, TMPFS() };
    clone3_spawn_t plan = contained(mounts, 2);
    clone3_spawn_t by_path = new_plan();
    clone3_spawn_add_flags(&by_path, CLONE_NEWNS | CLONE_NEWPID);
    clone3_spawn_set_mounts(&by_path, list, (size_t)mounts_of_shell + 2);
    clone3_spawn_set_chroot(&by_path, root);
    says(&by_path, "echo /proc/[0-9]*", "/proc/1", "with set_chroot the /proc mounted in a child is of its pid namespace");
    says(&by_path, "pwd; echo x > /tmp/x; echo /tmp/*", "/ /tmp/x", "with set_chroot the /tmp mounted in a child is its own");
    const char *const path = in_root("tmp");
    struct clone3_spawn_mount alone = { .type = "tmpfs", .target = path, .data = "size=8k" };
    plan = new_plan();
    clone3_spawn_add_flags(&plan, CLONE_NEWNS);
    clone3_spawn_set_mounts(&plan, &alone, 1);
    has_word(mount_of(&plan, path), "size=8k", "a child without a root of its own mounts below the caller's root");
    char here[PATH_MAX], line[PATH_MAX + 20];
    snprintf(line, sizeof line, "%s", getcwd(here, sizeof here) ? here : "?");
    says(&plan, "pwd", line, "a child without a root of its own keeps its working directory");
    ok(!mounted_here(path), "mounts of a child do not propagate to the caller's shared mounts");
    clone3_spawn_set_chroot(&by_path, "/nowhere");
    fails_at(&by_path, "/bin/sh", CLONE3_SPAWN_STAGE_ROOT, 0, ENOENT, "a plan with mounts and a root that does not exist");
}

static void as_a_user(void)
{
    if (setgroups(0, NULL) || setgid(4242) || setuid(4242) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) {
        skip("mounts without privileges", "privileges cannot be given up");
        return;
    }
    struct clone3_spawn_mount none[] = { PROC };
    clone3_spawn_t plan = contained(none, 1);
    char *argv[] = { "sh", "-c", "exit 7", NULL };
    pid_t pid;
    if (spawn_plan(&pid, "/bin/sh", &plan, argv) != 0) {
        if (error_of_plan.stage == CLONE3_SPAWN_STAGE_CREATE) {
            skip("mounts without privileges", "no user namespaces for users here");
            return;
        }
        if (error_of_plan.stage == CLONE3_SPAWN_STAGE_MOUNT && error_of_plan.error == EPERM && error_of_plan.index == mounts_of_shell) {
            skip("mounts without privileges", "the /proc here is partly hidden, so that the kernel allows no other");
            return;
        }
    } else
        status_of(pid);
    containers();
    struct clone3_spawn_mount mounts[] = { PROC, { .type = "sysfs", .target = "/sys", .flags = SAFE } };
    refused(mounts, 2, 1, EPERM, "sysfs on \"/sys\"", "without privileges a mount of sysfs without a network namespace");
}

int main(void)
{
    begin(100);
    if (emulated() || geteuid() != 0 || filtered("docker-new") || filtered("docker-old")) {
        skip("mounts of a child", "only root may prepare this, and not everywhere");
        return done();
    }
    if (!has(SYS_fsopen)) {
        skip("mounts of a child", "no fsopen() before Linux 5.2");
        return done();
    }
    pivots = can_pivot("/tmp");
    if (ok(make_root(), "a directory for the new root is made")) {
        containers();
        failures();
        escapes();
        apart(names_only);
        apart(one_at_a_time);
        apart(nothing_to_mount_with);
        apart(other_roots);
        apart(as_a_user);
    }
    remove_root();
    return done();
}
