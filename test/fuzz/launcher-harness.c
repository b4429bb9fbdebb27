/*
 * Feeds the launcher's parsers with inputs: from standard input come a length (4 bytes, little
 * endian) and that many bytes, again and again; to standard output goes one wait status (4 bytes)
 * for each. Every input is read by a child of its own, because the launcher ends at an error and
 * never frees memory. Nothing is ever executed: it stops where a process has been chosen.
 */
#define main launcher_main
#include "launcher.c"
#undef main
#include <signal.h>

const char *__asan_default_options(void) { return "detect_leaks=0:exitcode=99"; }
const char *__ubsan_default_options(void) { return "halt_on_error=1:exitcode=99"; }

/* Seconds after which an input counts as one that never ends. */
enum { LONGEST = 10 };

static bool read_exactly(void *data, size_t length) {
    for (char *at = data; length > 0;) {
        ssize_t size = read(STDIN_FILENO, at, length);
        if (size <= 0) return false;
        at += size;
        length -= (size_t)size;
    }
    return true;
}

/* As after an exec.d program: all texts become variables. */
static void take_variables(struct bytes text) {
    struct value variables = {0};
    struct environment env = {0};
    if (parse_toml(text, &variables) != NULL) return;
    for (size_t i = 0; i < variables.count; i++) {
        const struct member *member = &variables.members[i];
        if (member->value->kind == STRING) set_variable(&env, member->key.data, member->value->text.data);
    }
    to_envp(&env);
}

static _Noreturn void parse(struct bytes text, char *layers) {
    alarm(LONGEST);
    take_variables(text);
    struct launcher launcher = {.self = "/cnb/process/web", .platform = platform_api(), .layers = layers, .app = "/"};
    launcher.metadata = read_metadata(layers);
    for (size_t i = 0; i < launcher.metadata.buildpack_count; i++) buildpack_api(&launcher.metadata.buildpacks[i]);
    struct strings user = {0};
    append(&user, "argument");
    struct process process = choose_process(&launcher, &user);
    join_words(&process.command);
    token_script(process.arguments.count);
    _exit(0);
}

static bool save(const char *layers, struct bytes text) {
    int fd = open(join_path(layers, "config/metadata.toml"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) return false;
    bool saved = write(fd, text.data, text.length) == (ssize_t)text.length;
    close(fd);
    return saved;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    setenv("CNB_PLATFORM_API", "0.15", 1);
    uint32_t length;
    while (read_exactly(&length, sizeof length)) {
        struct bytes text = {.data = calloc(1, (size_t)length + 1), .length = length};
        if (!read_exactly(text.data, length) || !save(argv[1], text)) return 3;
        pid_t child = fork();
        if (child < 0) return 4;
        if (child == 0) {
            int null = open("/dev/null", O_RDWR);
            dup2(null, STDIN_FILENO);
            dup2(null, STDOUT_FILENO);
            parse(text, argv[1]);
        }
        int32_t status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
        if (write(STDOUT_FILENO, &status, sizeof status) != sizeof status) return 5;
        free(text.data);
    }
    return 0;
}
