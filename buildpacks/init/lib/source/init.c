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
#include "init.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define POLL_INTERVAL 50 /* ms, while what is left of groups is waited for */
#define AFTER_KILL 2000 /* ms that a killed process may take to end */

static int killed;

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

static void obey(int number)
{
    if (number == SIGTERM || number == SIGINT || number == SIGQUIT) {
        if (!stopping)
            status_at_end = 128 + number;
        stop(number);
    } else if (number == SIGHUP || number == SIGUSR1 || number == SIGUSR2 || number == SIGWINCH) {
        for (int i = 0; i < count; i++)
            hand_on(&processes[i], number);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        say("expected one argument, the configuration");
        return EXIT_INIT;
    }
    read_configuration(argv[1]);
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
        obey(receive(idle_time()));
    }
}
