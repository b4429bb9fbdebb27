/* The lines of a configuration, which the README describes, and the variables. */
#include "init.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct process *processes;
int count;
long grace = 10000, backoff = 1000;
static const char *file;

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
static void read_processes(void)
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

void read_configuration(const char *path)
{
    file = path;
    read_processes();
    read_variable("INIT_GRACE", &grace, 0, 1000, "seconds from 0 to 86400");
    read_variable("INIT_BACKOFF", &backoff, 1, 1, "milliseconds from 1 to 86400");
}
