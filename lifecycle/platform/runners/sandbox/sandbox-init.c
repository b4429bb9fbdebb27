/*
 * First process of a sandbox that was made with util-linux's unshare.
 *
 * It is started as root of a fresh user, mount, PID, IPC and UTS namespace, builds the file
 * system that untrusted code may see, leaves the old one for good, gives up every privilege and
 * then runs the command as its only visible user.
 *
 *   sandbox-init ROOT UID GID WORKDIR (ro|rw|tmpfs|proc|dev SOURCE TARGET)... -- COMMAND ARG...
 *
 *   sandbox-init --with-parent PROGRAM ARG...
 *
 * is the other form: it runs the program, which gets killed when whoever started it ends, however
 * that was. unshare then takes the sandbox along.
 *
 * Exit status: that of the command, 128 + signal when one killed it, 125 when the sandbox could
 * not be made (the reason is on standard error, one line after "sandbox: ").
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SANDBOX 125

static pid_t child_pid;

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "sandbox: %s %s: %s\n", what, detail, strerror(errno));
    exit(EXIT_SANDBOX);
}

static void join(char *out, size_t size, const char *root, const char *path)
{
    int length = snprintf(out, size, "%s%s", root, path);
    if (length < 0 || (size_t)length >= size) {
        errno = ENAMETOOLONG;
        fail("join", path);
    }
}

/* A bind mount keeps the flags of its source; a user namespace may add flags, never remove them. */
static unsigned long kept_flags(const char *path)
{
    struct statvfs info;
    unsigned long flags = 0;
    if (statvfs(path, &info) != 0)
        return 0;
    if (info.f_flag & ST_NOSUID) flags |= MS_NOSUID;
    if (info.f_flag & ST_NODEV) flags |= MS_NODEV;
    if (info.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
    if (info.f_flag & ST_NOATIME) flags |= MS_NOATIME;
    if (info.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
    if (info.f_flag & ST_RELATIME) flags |= MS_RELATIME;
    if (info.f_flag & ST_RDONLY) flags |= MS_RDONLY;
    return flags;
}

static void bind_mount(const char *source, const char *target, unsigned long extra)
{
    if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) != 0)
        fail("bind", target);
    unsigned long flags = MS_REMOUNT | MS_BIND | kept_flags(target) | extra;
    if (mount(NULL, target, NULL, flags, NULL) != 0)
        fail("remount", target);
}

static void bind_device(const char *dev, const char *name)
{
    char source[64], target[4096];
    snprintf(source, sizeof source, "/dev/%s", name);
    int length = snprintf(target, sizeof target, "%s/%s", dev, name);
    if (length < 0 || (size_t)length >= sizeof target)
        return;
    int file = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0)
        fail("create", target);
    close(file);
    if (mount(source, target, NULL, MS_BIND, NULL) != 0)
        fail("bind", source);
}

static void link_in(const char *dev, const char *target, const char *name)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", dev, name);
    if (length > 0 && (size_t)length < sizeof path && symlink(target, path) != 0)
        fail("link", path);
}

/* Only the devices that every program expects: no disk, no console of the machine. */
static void mount_dev(const char *target)
{
    static const char *const names[] = { "null", "zero", "full", "random", "urandom", "tty" };
    if (mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k") != 0)
        fail("mount tmpfs on", target);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        bind_device(target, names[i]);
    link_in(target, "/proc/self/fd", "fd");
    link_in(target, "/proc/self/fd/0", "stdin");
    link_in(target, "/proc/self/fd/1", "stdout");
    link_in(target, "/proc/self/fd/2", "stderr");
    char shm[4096];
    join(shm, sizeof shm, target, "/shm");
    if (mkdir(shm, 01777) != 0 || mount("tmpfs", shm, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
        fail("mount", shm);
}

/* A few files of /proc answer to a user id instead of a capability, so they are made read-only. */
static void mount_proc(const char *target)
{
    static const char *const covered[] = { "/sys", "/sysrq-trigger", "/irq", "/bus", "/fs", "/mtrr", "/acpi", "/scsi" };
    if (mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        fail("mount proc on", target);
    for (size_t i = 0; i < sizeof covered / sizeof *covered; i++) {
        char path[4096];
        join(path, sizeof path, target, covered[i]);
        if (access(path, F_OK) == 0)
            bind_mount(path, path, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    }
}

static void mount_one(const char *root, const char *kind, const char *source, const char *name)
{
    char target[4096];
    join(target, sizeof target, root, name);
    if (strcmp(kind, "ro") == 0)
        bind_mount(source, target, MS_RDONLY | MS_NOSUID | MS_NODEV);
    else if (strcmp(kind, "rw") == 0)
        bind_mount(source, target, MS_NOSUID | MS_NODEV);
    else if (strcmp(kind, "tmpfs") == 0) {
        if (mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
            fail("mount tmpfs on", target);
    } else if (strcmp(kind, "proc") == 0)
        mount_proc(target);
    else if (strcmp(kind, "dev") == 0)
        mount_dev(target);
    else {
        errno = EINVAL;
        fail("mount kind", kind);
    }
}

/* After this no path leads to the machine's own file system any more. */
static void leave_old_root(const char *root)
{
    if (chdir(root) != 0)
        fail("enter", root);
    if (syscall(SYS_pivot_root, ".", ".") != 0)
        fail("pivot_root to", root);
    if (umount2(".", MNT_DETACH) != 0)
        fail("leave", "the old root");
    if (chdir("/") != 0)
        fail("enter", "/");
}

static void write_map(int proc_self, const char *name, const char *text)
{
    int file = openat(proc_self, name, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text))
        fail("write", name);
    close(file);
}

/* A second user namespace shows the one user under the builder's id instead of 0. */
static void become(int proc_self, long uid, long gid)
{
    char text[64];
    if (unshare(CLONE_NEWUSER) != 0)
        fail("unshare", "user namespace");
    write_map(proc_self, "setgroups", "deny");
    snprintf(text, sizeof text, "%ld 0 1\n", uid);
    write_map(proc_self, "uid_map", text);
    snprintf(text, sizeof text, "%ld 0 1\n", gid);
    write_map(proc_self, "gid_map", text);
    close(proc_self);
}

static void drop_privileges(void)
{
    /* Version 3 of capset's arguments, by hand: musl's compiler wrapper has no kernel headers. */
    struct { unsigned version; int pid; } header = { 0x20080522, 0 };
    struct { unsigned effective, permitted, inheritable; } data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    for (int cap = 0; cap <= 63; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
            fail("drop", "capability");
    if (syscall(SYS_capset, &header, data) != 0)
        fail("drop", "capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        fail("set", "no_new_privs");
}

static void forward(int signal_number)
{
    if (child_pid > 0)
        kill(-child_pid, signal_number);
}

/* PID 1 of the namespace: passes signals on, reaps orphans, and takes all with it when it ends. */
static int wait_for(pid_t main_child)
{
    for (;;) {
        int status;
        pid_t pid = wait(&status);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return EXIT_SANDBOX;
        if (pid != main_child)
            continue;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

static int run(char *const *command)
{
    static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        signal(forwarded[i], forward);
    child_pid = fork();
    if (child_pid < 0)
        fail("fork", command[0]);
    if (child_pid > 0)
        return wait_for(child_pid);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        signal(forwarded[i], SIG_DFL);
    setsid();
    execvp(command[0], command);
    fprintf(stderr, "sandbox: run %s: %s\n", command[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

static long number(const char *text)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < 0) {
        errno = EINVAL;
        fail("read number", text);
    }
    return value;
}

static int run_with_parent(char *const *command)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        fail("tie to its parent", command[0]);
    execv(command[0], command);
    fail("run", command[0]);
    return EXIT_SANDBOX;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "--with-parent") == 0)
        return run_with_parent(argv + 2);
    if (argc < 7) {
        fprintf(stderr, "sandbox: usage: sandbox-init ROOT UID GID WORKDIR (KIND SOURCE TARGET)... -- COMMAND\n");
        return EXIT_SANDBOX;
    }
    const char *root = argv[1];
    long uid = number(argv[2]), gid = number(argv[3]);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    umask(022);
    int proc_self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        fail("make private", "/");
    /* A mount on "/" itself stays below the root that this process has, so that one goes elsewhere. */
    const char *source = root;
    if (strcmp(root, "/") == 0)
        root = "/proc";
    bind_mount(source, root, MS_RDONLY | MS_NOSUID | MS_NODEV);
    int at = 5;
    for (; at + 2 < argc && strcmp(argv[at], "--") != 0; at += 3)
        mount_one(root, argv[at], argv[at + 1], argv[at + 2]);
    if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
        errno = EINVAL;
        fail("read", "arguments");
    }
    leave_old_root(root);
    if (chdir(argv[4]) != 0)
        fail("enter", argv[4]);
    if (proc_self < 0)
        proc_self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    become(proc_self, uid, gid);
    drop_privileges();
    return run(argv + at + 1);
}
