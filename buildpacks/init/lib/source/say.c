#include "init.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void say(const char *format, ...)
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

void *allocate(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (memory == NULL) {
        say("out of memory");
        exit(EXIT_INIT);
    }
    return memory;
}
