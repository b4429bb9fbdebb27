/*
 * First process of a container that runs several processes.
 *
 *   init CONFIGURATION
 *
 * Starts the side processes, each when the one before it is ready, then the main process, and ends with its status.
 * Reaps whatever ends, hands signals on, starts side processes again as the configuration says. Every process has a
 * group of its own and init's streams, but only the main one has standard input. The README describes the lines of a
 * configuration and the variables INIT_GRACE and INIT_BACKOFF.
 *
 * Exit status: that of the main process, 128 + signal when one killed it; 127 or 126 when a program is not there or
 * can not be run; 125 for whatever else keeps the main process from being started.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_INIT 125
#define PROBE_INTERVAL 100 /* ms */
#define POLL_INTERVAL 50 /* ms, while what is left of groups is waited for */
#define AFTER_KILL 2000 /* ms that a killed process may take to end */
#define MOST_WAITS 30 /* the longest back-off, in units of the first one */
#define CALM_WAITS 60 /* a life as long as this begins with the first one again */
#define OFTEN 6

enum restart { NEVER, ON_FAILURE, ALWAYS, MAIN };

struct process {
    char *name, *path;
    char **argv;
    int argc, restart, port, started, ready, ended_often, no_program;
    long timeout;          /* ms until it has to be ready */
    pid_t pid, group;      /* 0: none; a group may outlive its process */
    pid_t probe;
    long first, since, again, probe_at; /* ms of now(); again 0: not to be started again */
};

static struct process *processes;
static int count;
static const char *file;
static sigset_t handled, inherited;
static long grace = 10000, backoff = 1000;
static int stopping, killed, status_at_end;
static long kill_at;

static void say(const char *format, ...)
{
    char text[1024];
    int length = snprintf(text, sizeof text, "init: ");
    va_list arguments;
    va_start(arguments, format);
    length += vsnprintf(text + length, sizeof text - length - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 2)
        length = sizeof text - 2;
    text[length++] = '\n';
    if (write(STDERR_FILENO, text, length) < 0)
        return; /* nobody is there to be told */
}

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000L + time.tv_nsec / 1000000;
}

static void *allocate(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (memory == NULL) {
        say("out of memory");
        exit(EXIT_INIT);
    }
    return memory;
}

/* ---- configuration ---- */

static void refuse(int line, const char *expected, const char *found)
{
    say("%s:%d: expected %s, found \"%s\"", file, line, expected, found);
    exit(EXIT_INIT);
}

static int is_number(const char *text, long most, long *value)
{
    char *end;
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && *value <= most;
}

static long number_of(const char *text, int line, const char *expected, long most)
{
    long value;
    if (!is_number(text, most, &value) || value == 0)
        refuse(line, expected, text);
    return value;
}

/* Ends of lines are \n and backslashes \\ in the file. */
static char *unescaped(const char *text, int line)
{
    char *result = allocate(NULL, strlen(text) + 1), *out = result;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '\\') {
            *out++ = *at;
            continue;
        }
        at++;
        if (*at != 'n' && *at != '\\')
            refuse(line, "\\n or \\\\ after a backslash", text);
        *out++ = *at == 'n' ? '\n' : '\\';
    }
    *out = '\0';
    return result;
}

static void add_process(char *text, int line)
{
    static const char *const words[] = { "never", "on-failure", "always", "main" };
    const char *expected = "a name and one of main, always, on-failure, never";
    char *space = strchr(text, ' ');
    if (space == NULL || space == text)
        refuse(line, expected, text);
    processes = allocate(processes, (count + 1) * sizeof *processes);
    struct process *added = &processes[count++];
    memset(added, 0, sizeof *added);
    added->timeout = 30000;
    added->restart = -1;
    for (int i = NEVER; i <= MAIN; i++)
        if (strcmp(space + 1, words[i]) == 0)
            added->restart = i;
    if (added->restart < 0)
        refuse(line, expected, text);
    *space = '\0';
    added->name = unescaped(text, line);
    for (int i = 0; i < count - 1; i++)
        if (strcmp(processes[i].name, added->name) == 0 || (processes[i].restart == MAIN && added->restart == MAIN))
            refuse(line, "another name, and one main process", added->name);
}

static void add_argument(struct process *to, char *argument)
{
    to->argv = allocate(to->argv, (to->argc + 2) * sizeof *to->argv);
    to->argv[to->argc++] = argument;
    to->argv[to->argc] = NULL;
}

static void read_line(char *text, int line)
{
    const char *expected = "process, arg, port, path or timeout with a value";
    char *value = strchr(text, ' ');
    if (*text == '#' || *text == '\0')
        return;
    if (value == NULL)
        refuse(line, expected, text);
    *value++ = '\0';
    if (strcmp(text, "process") == 0) {
        add_process(value, line);
        return;
    }
    if (count == 0)
        refuse(line, "a line \"process\" first", text);
    struct process *last = &processes[count - 1];
    if (strcmp(text, "arg") == 0)
        add_argument(last, unescaped(value, line));
    else if (strcmp(text, "port") == 0)
        last->port = number_of(value, line, "a port from 1 to 65535", 65535);
    else if (strcmp(text, "path") == 0 && *value == '/')
        last->path = unescaped(value, line);
    else if (strcmp(text, "timeout") == 0)
        last->timeout = number_of(value, line, "seconds from 1 to 86400", 86400) * 1000;
    else
        refuse(line, expected, text);
}

/* The main process comes last, whatever its place in the file. */
static void read_configuration(void)
{
    FILE *stream = fopen(file, "re");
    char *text = NULL;
    size_t size = 0;
    ssize_t length;
    int line = 0, main_at = -1;
    if (stream == NULL) {
        say("%s can not be read: %s", file, strerror(errno));
        exit(EXIT_INIT);
    }
    while ((length = getline(&text, &size, stream)) > 0) {
        if (text[length - 1] == '\n')
            text[length - 1] = '\0';
        read_line(text, ++line);
    }
    free(text);
    fclose(stream);
    for (int i = 0; i < count; i++) {
        if (processes[i].argc == 0)
            refuse(line, "a line \"arg\" for every process, found none for", processes[i].name);
        if (processes[i].path != NULL && processes[i].port == 0)
            refuse(line, "a port to ask for the path", processes[i].path);
        if (processes[i].restart == MAIN)
            main_at = i;
    }
    if (main_at < 0)
        refuse(line, "one main process", "none");
    struct process main_process = processes[main_at];
    memmove(&processes[main_at], &processes[main_at + 1], (count - main_at - 1) * sizeof *processes);
    processes[count - 1] = main_process;
}

static void read_variable(const char *name, long *value, long least, long unit, const char *expected)
{
    const char *text = getenv(name);
    long number;
    if (text == NULL || *text == '\0')
        return;
    if (!is_number(text, 86400, &number) || number < least) {
        say("%s: expected %s, found \"%s\"", name, expected, text);
        exit(EXIT_INIT);
    }
    *value = number * unit;
}

/* ---- processes ---- */

/* In the child: becomes the program, or tells by the pipe why not. */
static void become(const struct process *self, int pipe_end)
{
    int has_terminal = tcgetpgrp(STDIN_FILENO) == getpgrp();
    setpgid(0, 0);
    if (self->restart == MAIN) {
        /* A terminal sends the keys' signals to one group. SIGTTOU is blocked by now, so this does not stop us. */
        if (has_terminal)
            tcsetpgrp(STDIN_FILENO, getpid());
    } else {
        int nothing = open("/dev/null", O_RDONLY);
        if (nothing >= 0)
            dup2(nothing, STDIN_FILENO);
        else
            close(STDIN_FILENO);
        if (nothing > STDERR_FILENO)
            close(nothing);
    }
    sigprocmask(SIG_SETMASK, &inherited, NULL);
    execvp(self->argv[0], self->argv);
    int reason = errno;
    if (write(pipe_end, &reason, sizeof reason) < 0)
        _exit(EXIT_INIT);
    _exit(reason == ENOENT ? 127 : 126);
}

static void hand_on(struct process *to, int signal_number)
{
    if (to->group > 0)
        kill(-to->group, signal_number);
}

/* Tells every process to end; from now on none is started. */
static void stop(int signal_number)
{
    for (int i = 0; i < count; i++) {
        hand_on(&processes[i], signal_number);
        if (processes[i].probe > 0)
            kill(processes[i].probe, SIGKILL);
    }
    if (!stopping)
        kill_at = now() + grace;
    stopping = 1;
}

static void give_up(int status)
{
    status_at_end = status;
    stop(SIGTERM);
}

static long wait_before_restart(struct process *self)
{
    long factor = 1;
    if (now() - self->since >= CALM_WAITS * backoff)
        self->ended_often = 0;
    for (int i = 0; i < self->ended_often && factor < MOST_WAITS; i++)
        factor *= 2;
    self->ended_often++;
    return (factor < MOST_WAITS ? factor : MOST_WAITS) * backoff;
}

/* The machine is short of something: that is tried again where a start is, else the end. */
static void not_started(struct process *self)
{
    say("%s: can not be started: %s", self->name, strerror(errno));
    if (self->ready)
        self->again = now() + wait_before_restart(self);
    else
        give_up(EXIT_INIT);
}

/* Start of another life: what the last one left is in the way. */
static void start(struct process *self)
{
    int ends[2], reason = 0;
    ssize_t length = -1;
    hand_on(self, SIGKILL);
    self->started = 1;
    self->again = 0;
    self->since = now();
    self->probe_at = self->since;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        not_started(self);
        return;
    }
    self->pid = fork();
    if (self->pid < 0) {
        self->pid = 0;
        not_started(self);
        close(ends[0]);
        close(ends[1]);
        return;
    }
    if (self->pid == 0)
        become(self, ends[1]);
    close(ends[1]);
    do
        length = read(ends[0], &reason, sizeof reason);
    while (length < 0 && errno == EINTR);
    close(ends[0]);
    self->group = self->pid;
    self->no_program = length == (ssize_t)sizeof reason;
    if (self->no_program)
        say("%s: %s can not be run: %s", self->name, self->argv[0], strerror(reason));
    /* A program that is missing at the first start is a mistake in the image and not one of the moment. */
    if (self->no_program && !self->ready)
        give_up(reason == ENOENT ? 127 : 126);
}

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void side_ended(struct process *self, int status)
{
    char how[64];
    int wanted = self->restart == ALWAYS || (self->restart == ON_FAILURE && code_of(status) != 0);
    snprintf(how, sizeof how, WIFEXITED(status) ? "status %d" : "signal %d",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    if (!wanted) {
        say("%s: ended with %s", self->name, how);
        if (!self->ready) {
            say("%s: ended before it was ready", self->name);
            give_up(EXIT_INIT);
        }
        return;
    }
    long wait = wait_before_restart(self);
    self->again = now() + wait;
    say("%s: ended with %s, again in %g s", self->name, how, wait / 1000.0);
    if (self->ended_often == OFTEN)
        say("%s: ended %d times in a row; it is started again and again, the others go on", self->name, OFTEN);
}

static void ended(pid_t pid, int status)
{
    for (int i = 0; i < count; i++) {
        struct process *self = &processes[i];
        if (pid == self->probe) {
            self->probe = 0;
            self->probe_at = now() + PROBE_INTERVAL;
            self->ready |= self->pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        if (pid != self->pid)
            continue;
        self->pid = 0;
        /* The child of which no program came may get the signal to end before it ends by itself. */
        if (self->restart == MAIN && !self->no_program)
            status_at_end = code_of(status);
        if (self->restart == MAIN && !stopping)
            stop(SIGTERM);
        else if (!stopping)
            side_ended(self, status);
    }
}

/* Orphans of every process are this one's children, too. */
static void reap(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        ended(pid, status);
    /* The number of a group that is empty may become another one's. */
    for (int i = 0; i < count; i++)
        if (processes[i].group > 0 && kill(-processes[i].group, 0) != 0 && errno == ESRCH)
            processes[i].group = 0;
}

/* ---- readiness ---- */

static int is_ok(int connection, const struct process *of)
{
    char answer[13] = "";
    size_t length = 0;
    ssize_t part = 1;
    if (of->path == NULL)
        return 1;
    dprintf(connection, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nUser-Agent: init\r\nConnection: close\r\n\r\n", of->path,
            of->port);
    while (length < sizeof answer - 1 && (part = read(connection, answer + length, sizeof answer - 1 - length)) > 0)
        length += part;
    return strncmp(answer, "HTTP/1.", 7) == 0 && strncmp(answer + 8, " 200", 4) == 0;
}

static int answers(const struct process *self)
{
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(self->port) };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(self->port), .sin6_addr = in6addr_loopback };
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection >= 0 && connect(connection, (struct sockaddr *)&four, sizeof four) == 0)
        return is_ok(connection, self);
    connection = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connection >= 0 && connect(connection, (struct sockaddr *)&six, sizeof six) == 0 && is_ok(connection, self);
}

/* A child asks, so that nothing else has to wait for the answer. */
static void probe(struct process *self)
{
    self->probe = fork();
    if (self->probe != 0)
        return;
    sigprocmask(SIG_SETMASK, &inherited, NULL);
    signal(SIGALRM, SIG_DFL);
    alarm(2);
    _exit(!answers(self));
}

static void await_ready(struct process *self)
{
    if (self->pid > 0 && self->probe <= 0 && now() >= self->probe_at)
        probe(self);
}

/* ---- what is due ---- */

/* Whether all processes before it are ready, so that a process may be started. */
static void start_next(void)
{
    for (int i = 0; i < count && !stopping; i++) {
        struct process *self = &processes[i];
        if (!self->started) {
            self->first = now();
            start(self);
            self->ready |= self->port == 0 || self->restart == MAIN;
        }
        if (self->ready || stopping)
            continue;
        if (now() - self->first >= self->timeout) {
            say("%s: not ready after %ld s: %s%s on port %d does not answer%s", self->name, self->timeout / 1000,
                self->path != NULL ? "GET " : "", self->path != NULL ? self->path : "localhost", self->port,
                self->path != NULL ? " with 200" : "");
            give_up(EXIT_INIT);
        } else
            await_ready(self);
        return;
    }
}

static void start_again(void)
{
    for (int i = 0; i < count && !stopping; i++)
        if (processes[i].again != 0 && now() >= processes[i].again)
            start(&processes[i]);
}

/* Ends init when nothing is left; what does not end by itself is killed. */
static void finish(void)
{
    int left = 0;
    for (int i = 0; i < count; i++)
        left += processes[i].group > 0 || processes[i].pid > 0;
    if (left == 0 || (killed && now() >= kill_at + AFTER_KILL))
        exit(status_at_end);
    if (killed || now() < kill_at)
        return;
    killed = 1;
    for (int i = 0; i < count; i++)
        if (processes[i].group > 0) {
            say("%s: did not end within %ld s, killed", processes[i].name, grace / 1000);
            hand_on(&processes[i], SIGKILL);
        }
}

/* Milliseconds until something is due that no signal tells. */
static long idle_time(void)
{
    long due = LONG_MAX, at = now();
    if (stopping)
        return POLL_INTERVAL;
    for (int i = 0; i < count; i++) {
        struct process *self = &processes[i];
        if (self->again != 0 && self->again < due)
            due = self->again;
        if (self->started && !self->ready && at + PROBE_INTERVAL < due)
            due = at + PROBE_INTERVAL;
    }
    return due == LONG_MAX ? 3600000 : due > at ? due - at : 0;
}

static void receive(void)
{
    long idle = idle_time();
    struct timespec timeout = { idle / 1000, idle % 1000 * 1000000 };
    int number = sigtimedwait(&handled, NULL, &timeout);
    if (number == SIGTERM || number == SIGINT || number == SIGQUIT) {
        if (!stopping)
            status_at_end = 128 + number;
        stop(number);
    } else if (number == SIGHUP || number == SIGUSR1 || number == SIGUSR2 || number == SIGWINCH) {
        for (int i = 0; i < count; i++)
            hand_on(&processes[i], number);
    }
}

/* Everything is taken from the queue of blocked signals, so that no handler comes in between. */
static void take_signals(void)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD };
    sigset_t blocked;
    sigemptyset(&handled);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&handled, numbers[i]);
    blocked = handled;
    sigaddset(&blocked, SIGTTOU);
    sigaddset(&blocked, SIGTTIN);
    sigaddset(&blocked, SIGPIPE);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &blocked, &inherited);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        say("expected one argument, the configuration");
        return EXIT_INIT;
    }
    file = argv[1];
    read_configuration();
    read_variable("INIT_GRACE", &grace, 0, 1000, "seconds from 0 to 86400");
    read_variable("INIT_BACKOFF", &backoff, 1, 1, "milliseconds from 1 to 86400");
    take_signals();
    if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        say("orphans are not reaped: %s", strerror(errno));
    for (;;) {
        reap();
        if (stopping)
            finish();
        else {
            start_again();
            start_next();
        }
        receive();
    }
}
