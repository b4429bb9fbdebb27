/*
 * `lifecycle` of the distribution: starts the Node binary beside it with the dynamic loader and
 * the C library beside it, so that the lifecycle runs in any Linux root filesystem, an empty one
 * included. The names of the phases are links to this file.
 *
 *   <dir>/<loader> --inhibit-cache --preload <dir>/guard.so --library-path <dir>
 *       <dir>/node [OPTION] <dir>/lifecycle.js @<name> ARG...
 *
 * OPTION is what the file <dir>/node-option says, without a line end; none where there is no such file.
 * @<name> is the last element of argv[0] ("@detector"): the phase, without using a flag or a
 * variable that a phase could take for its own. Needs no /proc, no PATH and no writable place.
 *
 * Buildpacks run as the same user beside the lifecycle, so its doors are shut here: the registry
 * credentials go to Node in an unnamed file instead of the environment, which /proc shows, guard.c
 * makes the process undumpable, and Node is told not to open its debugger on SIGUSR1. That signal
 * is ignored from here on, as it would otherwise end the process; Node's children have it again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

#if defined(__x86_64__)
#define LOADER "ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define LOADER "ld-linux-aarch64.so.1"
#else
#error "the lifecycle is built for x86_64 and aarch64"
#endif

enum { MOST_FIXED = 10, MOST_ARGUMENTS = 4096, MOST_LINKS = 40, MOST_OPTION = 64 };

struct path {
    char text[PATH_MAX];
    size_t length;
};

static void say(const char *text) {
    ssize_t ignored = write(STDOUT_FILENO, text, strlen(text));
    (void)ignored;
}

static int fail(const char *what, const char *path) {
    say("ERROR: failed to start the lifecycle: ");
    say(what);
    say(" ");
    say(path);
    if (errno != 0) say(": ");
    if (errno != 0) say(strerror(errno));
    say("\n");
    return 1;
}

static bool add(struct path *path, const char *text) {
    size_t size = strlen(text);
    if (path->length + size >= sizeof path->text) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(path->text + path->length, text, size + 1);
    path->length += size;
    return true;
}

/* "folder/" of a path; "./" for a bare name. */
static void cut_to_folder(struct path *path) {
    char *slash = strrchr(path->text, '/');
    if (slash == NULL) strcpy(path->text, "./");
    else slash[1] = '\0';
    path->length = strlen(path->text);
}

static bool has_loader(const struct path *folder) {
    struct path file = *folder;
    return add(&file, LOADER) && access(file.text, R_OK) == 0;
}

/*
 * The folder of this program, with a slash at its end. The kernel says by which path it was
 * executed (a shell has looked it up in PATH already); links are followed until the loader is
 * beside one of them.
 */
static bool find_folder(struct path *folder, const char *executed) {
    struct path file = {.length = 0}, target;
    if (!add(&file, executed)) return false;
    for (int links = 0; links < MOST_LINKS; links++) {
        *folder = file;
        cut_to_folder(folder);
        if (has_loader(folder)) return true;
        ssize_t size = readlink(file.text, target.text, sizeof target.text - 1);
        if (size < 0) break;
        target.text[size] = '\0';
        if (target.text[0] == '/') file.length = 0;
        else file = *folder;
        if (!add(&file, target.text)) return false;
    }
    errno = ENOENT;
    return false;
}

/* Variables for some other Node or C library: they could stop this one, and no phase hands them on. */
static void drop_foreign_variables(void) {
    static const char *const names[] = {"NODE_OPTIONS=", "NODE_PATH=", "NODE_V8_COVERAGE=", "LD_PRELOAD=", "LD_AUDIT="};
    char **kept = environ;
    for (char **entry = environ; *entry != NULL; entry++) {
        bool foreign = false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            foreign = foreign || strncmp(*entry, names[i], strlen(names[i])) == 0;
        }
        if (!foreign) *kept++ = *entry;
    }
    *kept = NULL;
}

#define SECRET "CNB_REGISTRY_AUTH="
#define SECRET_FILE "TSPACK_REGISTRY_AUTH_FD="

/* The descriptor of an unnamed file with the text, read from its start; -1 where there is none. */
static int unnamed_file(const char *text) {
    size_t left = strlen(text);
    int file = memfd_create("registry-auth", 0);
    while (file >= 0 && left > 0) {
        ssize_t size = write(file, text, left);
        if (size <= 0) {
            close(file);
            return -1;
        }
        text += size;
        left -= (size_t)size;
    }
    if (file >= 0) lseek(file, 0, SEEK_SET);
    return file;
}

/*
 * Takes the credentials out of the environment that the kernel shows of this process for as long
 * as it runs. Where no unnamed file can be made they stay, behind the guard alone.
 */
static void hide_credentials(void) {
    static char announced[sizeof SECRET_FILE + 12];
    char **kept = environ;
    for (char **entry = environ; *entry != NULL; entry++) {
        if (strncmp(*entry, SECRET_FILE, sizeof SECRET_FILE - 1) == 0) continue;
        const bool secret = strncmp(*entry, SECRET, sizeof SECRET - 1) == 0 && announced[0] == '\0';
        const int file = secret ? unnamed_file(*entry + sizeof SECRET - 1) : -1;
        if (file >= 0) {
            snprintf(announced, sizeof announced, SECRET_FILE "%d", file);
            *kept++ = announced;
        } else *kept++ = *entry;
    }
    *kept = NULL;
}

/* What this folder's Node is told: which options there are depends on its version. "" for none. */
static const char *node_option(const struct path *folder) {
    static char option[MOST_OPTION];
    struct path file = *folder;
    const int opened = add(&file, "node-option") ? open(file.text, O_RDONLY | O_CLOEXEC) : -1;
    if (opened >= 0 && read(opened, option, sizeof option - 1) < 0) option[0] = '\0';
    if (opened >= 0) close(opened);
    return option;
}

int main(int argc, char **argv) {
    static struct path folder, loader, guard, node, script, name;
    static char *arguments[MOST_FIXED + MOST_ARGUMENTS + 1];
    const char *called = argc > 0 ? argv[0] : "lifecycle";
    const char *executed = (const char *)getauxval(AT_EXECFN);
    if (executed == NULL) executed = called;
    signal(SIGUSR1, SIG_IGN);
    errno = 0;
    if (!find_folder(&folder, executed)) return fail("no " LOADER " beside", executed);
    loader = guard = node = script = folder;
    const char *slash = strrchr(called, '/');
    bool fits = add(&loader, LOADER) && add(&node, "node") && add(&script, "lifecycle.js") && add(&guard, "guard.so");
    fits = fits && add(&name, "@") && add(&name, slash == NULL ? called : slash + 1);
    if (!fits) return fail("a name is too long:", called);
    if (argc > MOST_ARGUMENTS) return fail("too many arguments:", called);
    /* The loader would only warn, and start Node unguarded. */
    if (access(guard.text, R_OK) != 0) return fail("cannot read", guard.text);

    const char *option = node_option(&folder);
    errno = 0;
    char *before[] = {loader.text, (char *)"--inhibit-cache", (char *)"--preload", guard.text,
                      (char *)"--library-path", folder.text, node.text, (char *)option};
    char **next = arguments;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (before[i][0] != '\0') *next++ = before[i];
    *next++ = script.text;
    *next++ = name.text;
    for (int i = 1; i < argc; i++) *next++ = argv[i];
    drop_foreign_variables();
    hide_credentials();
    execv(loader.text, arguments);
    return fail("cannot execute", loader.text);
}
