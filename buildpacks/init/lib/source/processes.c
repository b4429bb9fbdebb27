/* Starts processes, tells them to end and takes note of it. */
#include "init.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_WAITS 30 /* the longest back-off, in units of the first one */
#define CALM_WAITS 60 /* a life as long as this begins with the first one again */
#define OFTEN 6

int stopping, status_at_end;
long kill_at;

long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000L + time.tv_nsec / 1000000;
}

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

void hand_on(struct process *to, int signal_number)
{
    if (to->group > 0)
        kill(-to->group, signal_number);
}

void stop(int signal_number)
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

void give_up(int status)
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
void start(struct process *self)
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
void reap(void)
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
