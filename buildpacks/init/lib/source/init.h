/* What the parts of init know of each other; init.c says what the program does. */
#ifndef INIT_H
#define INIT_H
#define _GNU_SOURCE
#include <signal.h>
#include <sys/types.h>

#define EXIT_INIT 125

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

/* ---- say.c ---- */

/* A line on standard error, as printf has it. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* realloc that ends init when there is no memory. */
void *allocate(void *old, size_t size);

/* ---- configuration.c ---- */

/* In the order of their start: the main one is the last. */
extern struct process *processes;
extern int count;
extern long grace, backoff; /* ms */

/* Reads the file, INIT_GRACE and INIT_BACKOFF; mistakes in them end init. */
void read_configuration(const char *file);

/* ---- signals.c ---- */

/* What init was started with, and its children are. */
extern sigset_t inherited;

/* From now on signals wait until they are received. */
void take_signals(void);

/* The signal that comes within so many ms, or nothing that is greater than 0. */
int receive(long idle);

/* ---- processes.c ---- */

extern int stopping, status_at_end;
extern long kill_at; /* ms of now() */

/* Milliseconds of a clock that nobody sets. */
long now(void);

void start(struct process *self);

/* A signal for the process and for what it has started. */
void hand_on(struct process *to, int signal_number);

/* Tells every process to end; from now on none is started. */
void stop(int signal_number);

/* The same, and with which status init ends. */
void give_up(int status);

/* Takes note of every process that has ended. */
void reap(void);

/* ---- readiness.c ---- */

#define PROBE_INTERVAL 100 /* ms */

/* Asks a process that is not ready yet, when it is time to; reap() gets the answer. */
void await_ready(struct process *self);

#endif
