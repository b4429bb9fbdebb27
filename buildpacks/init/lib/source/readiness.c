/* Whether a process answers on its port. */
#include "init.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

void await_ready(struct process *self)
{
    if (self->pid > 0 && self->probe <= 0 && now() >= self->probe_at)
        probe(self);
}
