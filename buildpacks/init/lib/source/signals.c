#include "init.h"
#include <time.h>

sigset_t inherited;
static sigset_t handled;

/* Everything is taken from the queue of blocked signals, so that no handler comes in between. */
void take_signals(void)
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

int receive(long idle)
{
    struct timespec timeout = { idle / 1000, idle % 1000 * 1000000 };
    return sigtimedwait(&handled, NULL, &timeout);
}
