/*
 * The launcher of Cloud Native Buildpacks: the entrypoint of every app image. It reads
 * <layers>/config/metadata.toml, prepares the environment that the buildpacks asked for and
 * becomes the process (exec; it never stays as a parent, so signals and the process id are the
 * app's). Platform specification, "launcher"; Buildpack specification, "Launch".
 *
 * One C99 file without stdio: statically linked it starts in well under a millisecond in any
 * root filesystem. Memory is never freed, because the process image is about to be replaced.
 * Texts of errors and exit codes are those that platforms know from the reference.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum exit_code { EXIT_FAILED = 1, EXIT_PLATFORM_API = 11, EXIT_BUILDPACK_API = 12, EXIT_LAUNCH = 82 };

/* Minor versions of the 0.x APIs, the same as in lifecycle/cnb/api. */
enum { PLATFORM_API_FIRST = 7, PLATFORM_API_LAST = 15, BUILDPACK_API_FIRST = 7, BUILDPACK_API_LAST = 12 };

/* ---- output ---------------------------------------------------------------------------- */

static void write_all(const char *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        data += written;
        length -= (size_t)written;
    }
}

/* What Go's strconv.ParseBool takes for true: the variable is shared with the other phases. */
static bool colors_are_off(void) {
    static const char *const truths[] = {"1", "t", "T", "TRUE", "true", "True"};
    const char *value = getenv("CNB_NO_COLOR");
    for (size_t i = 0; value != NULL && i < sizeof truths / sizeof *truths; i++) {
        if (strcmp(value, truths[i]) == 0) return true;
    }
    return false;
}

/* Errors go to standard output: platforms read them there. */
static void report(const char *label, const char *color, const char *message) {
    bool plain = colors_are_off();
    if (!plain) write_all(color, strlen(color));
    write_all(label, strlen(label));
    if (!plain) write_all("\033[0m", 4);
    write_all(message, strlen(message));
    write_all("\n", 1);
}

static void warn(const char *message) { report("Warning: ", "\033[33;1m", message); }

static _Noreturn void die(enum exit_code code, const char *message) {
    report("ERROR: ", "\033[31;1m", message);
    _exit(code);
}

/* ---- memory and strings ---------------------------------------------------------------- */

static void *allocate(size_t size) {
    void *memory = calloc(1, size == 0 ? 1 : size);
    if (memory == NULL) die(EXIT_LAUNCH, "failed to launch: out of memory");
    return memory;
}

static char *copy_bytes(const char *data, size_t length) {
    char *copy = allocate(length + 1);
    memcpy(copy, data, length);
    return copy;
}

/* Concatenates its arguments up to a NULL. */
static char *concat(const char *first, ...) {
    size_t length = 0;
    va_list parts;
    va_start(parts, first);
    for (const char *part = first; part != NULL; part = va_arg(parts, const char *)) length += strlen(part);
    va_end(parts);
    char *text = allocate(length + 1), *end = text;
    va_start(parts, first);
    for (const char *part = first; part != NULL; part = va_arg(parts, const char *)) {
        size_t size = strlen(part);
        memcpy(end, part, size);
        end += size;
    }
    va_end(parts);
    return text;
}

#define CONCAT(...) concat(__VA_ARGS__, (const char *)NULL)

static _Noreturn void launch_error(const char *message) { die(EXIT_LAUNCH, CONCAT("failed to launch: ", message)); }

static char *decimal(unsigned long number) {
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return copy_bytes(digits + at, sizeof digits - 1 - at);
}

/* The operating system's words with a small first letter, as Go spells them. */
static const char *error_text(int number) {
    if (number == ELOOP) return "too many levels of symbolic links";
    if (number == EIO) return "input/output error";
    char *text = CONCAT(strerror(number));
    if (text[0] >= 'A' && text[0] <= 'Z') text[0] = (char)(text[0] - 'A' + 'a');
    return text;
}

static char *path_error(const char *operation, const char *path, int number) {
    return CONCAT(operation, " ", path, ": ", error_text(number));
}

/* "text" with quotes and control characters escaped. */
static char *quoted(const char *text) {
    static const char hex[] = "0123456789abcdef";
    char *result = allocate(strlen(text) * 4 + 3), *end = result;
    *end++ = '"';
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            *end++ = '\\';
            *end++ = (char)byte;
        } else if (byte == '\n' || byte == '\t' || byte == '\r') {
            *end++ = '\\';
            *end++ = byte == '\n' ? 'n' : byte == '\t' ? 't' : 'r';
        } else if (byte < 0x20 || byte == 0x7f) {
            *end++ = '\\';
            *end++ = 'x';
            *end++ = hex[byte >> 4];
            *end++ = hex[byte & 15];
        } else {
            *end++ = (char)byte;
        }
    }
    *end = '"';
    return result;
}

struct strings {
    char **items; /* ends with a NULL, so that it can be an argv */
    size_t count, capacity;
};

static void append(struct strings *list, const char *item) {
    if (list->count + 1 >= list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        char **items = allocate(capacity * sizeof *items);
        if (list->count > 0) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (char *)item;
    list->items[list->count] = NULL;
}

static void append_all(struct strings *list, const struct strings *more, size_t from) {
    for (size_t i = from; i < more->count; i++) append(list, more->items[i]);
}

static bool contains(const struct strings *list, const char *item) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], item) == 0) return true;
    }
    return false;
}

/* ---- files ------------------------------------------------------------------------------ */

struct bytes {
    char *data; /* with a NUL behind it that `length` does not count */
    size_t length;
};

/* Reads to the end; returns false with errno set. */
static bool read_all(int fd, struct bytes *result) {
    size_t capacity = 4096;
    result->data = allocate(capacity + 1);
    result->length = 0;
    for (;;) {
        if (result->length == capacity) {
            char *larger = allocate(capacity * 2 + 1);
            memcpy(larger, result->data, capacity);
            result->data = larger;
            capacity *= 2;
        }
        ssize_t size = read(fd, result->data + result->length, capacity - result->length);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return false;
        if (size == 0) break;
        result->length += (size_t)size;
    }
    result->data[result->length] = '\0';
    return true;
}

/* Returns NULL, or what went wrong in words. */
static const char *read_file(const char *path, struct bytes *result) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return path_error("open", path, errno);
    const char *problem = read_all(fd, result) ? NULL : path_error("read", path, errno);
    close(fd);
    return problem;
}

/* The shortest spelling of a path, without looking at the disk: no //, /./, /../ or / at the end. */
static char *clean_path(const char *path) {
    bool absolute = path[0] == '/';
    char *result = allocate(strlen(path) + 2);
    size_t length = 0, floor = 0; /* `floor`: what .. cannot take away */
    if (absolute) result[length++] = '/';
    floor = length;
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            if (length > floor) {
                while (length > floor && result[length - 1] != '/') length--;
                if (length > floor) length--;
            } else if (!absolute) {
                if (length > 0) result[length++] = '/';
                memcpy(result + length, "..", 2);
                length += 2;
                floor = length;
            }
        } else if (size > 0 && !(size == 1 && path[0] == '.')) {
            if (length > 0 && result[length - 1] != '/') result[length++] = '/';
            memcpy(result + length, path, size);
            length += size;
        }
        path += size;
        if (*path == '/') path++;
    }
    if (length == 0) result[length++] = '.';
    result[length] = '\0';
    return result;
}

static char *join_path(const char *folder, const char *name) {
    return clean_path(folder[0] == '\0' ? name : CONCAT(folder, "/", name));
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* What the entry itself is: a link to a directory is no directory. */
static mode_t entry_type(const char *folder, const struct dirent *entry) {
    struct stat info;
    if (entry->d_type != DT_UNKNOWN) return (mode_t)DTTOIF(entry->d_type);
    return lstat(CONCAT(folder, "/", entry->d_name), &info) == 0 ? info.st_mode & S_IFMT : 0;
}

/*
 * The names in a folder, sorted by bytes: only directories, or everything else. A folder that is
 * not there has none. Errors end the launch; `context` goes before their text.
 */
static struct strings list_folder(const char *folder, bool directories, const char *context) {
    struct strings names = {0};
    int fd = open(folder, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return names;
    if (fd < 0) launch_error(CONCAT(context, path_error("open", folder, errno)));
    DIR *stream = fdopendir(fd);
    if (stream == NULL) launch_error(CONCAT(context, path_error("readdirent", folder, errno)));
    struct dirent *entry;
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (S_ISDIR(entry_type(folder, entry)) == directories) append(&names, CONCAT(entry->d_name));
    }
    if (errno != 0) launch_error(CONCAT(context, path_error("readdirent", folder, errno)));
    closedir(stream);
    if (names.count > 1) qsort(names.items, names.count, sizeof *names.items, compare_names);
    return names;
}

/* ---- TOML ------------------------------------------------------------------------------- */

enum kind { STRING, INTEGER, FLOAT, BOOLEAN, DATE, ARRAY, TABLE };

struct member;

struct value {
    enum kind kind;
    unsigned line;
    bool truth;
    bool declared; /* a table that had its own [header], a dotted key or braces */
    bool sealed;   /* written as { } or [ ]: nothing can be added from outside */
    struct bytes text; /* strings decoded; numbers and dates as written */
    struct member *members; /* of tables; of arrays, without keys */
    size_t count, capacity;
};

struct member {
    struct bytes key;
    struct value *value;
};

struct parser {
    const char *at, *end;
    unsigned line;
    unsigned depth; /* of arrays and braces: bounds the recursion */
    char *problem;
    jmp_buf failed;
};

enum { DEEPEST_NESTING = 200 };

static _Noreturn void toml_error(struct parser *parser, unsigned line, const char *message) {
    parser->problem = CONCAT("toml: line ", decimal(line), ": ", message);
    longjmp(parser->failed, 1);
}

static int peek(const struct parser *parser) {
    return parser->at < parser->end ? (unsigned char)*parser->at : -1;
}

static bool follows(const struct parser *parser, const char *text) {
    size_t length = strlen(text);
    return (size_t)(parser->end - parser->at) >= length && memcmp(parser->at, text, length) == 0;
}

/* A newline counts as the first character of the next line. */
static _Noreturn void toml_expected(struct parser *parser, const char *what) {
    int found = peek(parser);
    if (found < 0) toml_error(parser, parser->line, CONCAT("expected ", what, ", but the text ends"));
    const char *shown = found == '\n' ? "\\n" : found == '\r' ? "\\r" : copy_bytes(parser->at, 1);
    toml_error(parser, parser->line + (found == '\n'), CONCAT("expected ", what, ", but got '", shown, "' instead"));
}

static void skip_blanks(struct parser *parser) {
    while (peek(parser) == ' ' || peek(parser) == '\t') parser->at++;
}

static bool skip_newline(struct parser *parser) {
    if (follows(parser, "\r\n")) parser->at++;
    if (peek(parser) != '\n') return false;
    parser->at++;
    parser->line++;
    return true;
}

static bool is_control(int byte) { return (byte >= 0 && byte < 0x20 && byte != '\t') || byte == 0x7f; }

static void skip_comment(struct parser *parser) {
    if (peek(parser) != '#') return;
    while (peek(parser) >= 0 && peek(parser) != '\n' && !follows(parser, "\r\n")) {
        if (is_control(peek(parser))) toml_error(parser, parser->line, "control character in a comment");
        parser->at++;
    }
}

/* Blanks, comments and newlines, as inside of [ ]. */
static void skip_lines(struct parser *parser) {
    do {
        skip_blanks(parser);
        skip_comment(parser);
    } while (skip_newline(parser));
}

static struct value *new_value(struct parser *parser, enum kind kind) {
    struct value *value = allocate(sizeof *value);
    value->kind = kind;
    value->line = parser->line;
    return value;
}

static void add_member(struct value *parent, struct bytes key, struct value *value) {
    if (parent->count == parent->capacity) {
        size_t capacity = parent->capacity == 0 ? 8 : parent->capacity * 2;
        struct member *members = allocate(capacity * sizeof *members);
        if (parent->count > 0) memcpy(members, parent->members, parent->count * sizeof *members);
        parent->members = members;
        parent->capacity = capacity;
    }
    parent->members[parent->count++] = (struct member){key, value};
}

static struct value *find(const struct value *table, struct bytes key) {
    for (size_t i = 0; i < table->count; i++) {
        const struct bytes *own = &table->members[i].key;
        if (own->length == key.length && memcmp(own->data, key.data, key.length) == 0) return table->members[i].value;
    }
    return NULL;
}

static char *put_utf8(struct parser *parser, char *end, uint32_t point) {
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        toml_error(parser, parser->line, "escape that is no Unicode character");
    }
    if (point < 0x80) {
        *end++ = (char)point;
    } else if (point < 0x800) {
        *end++ = (char)(0xc0 | point >> 6);
        *end++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *end++ = (char)(0xe0 | point >> 12);
        *end++ = (char)(0x80 | (point >> 6 & 0x3f));
        *end++ = (char)(0x80 | (point & 0x3f));
    } else {
        *end++ = (char)(0xf0 | point >> 18);
        *end++ = (char)(0x80 | (point >> 12 & 0x3f));
        *end++ = (char)(0x80 | (point >> 6 & 0x3f));
        *end++ = (char)(0x80 | (point & 0x3f));
    }
    return end;
}

static int hex_digit(int byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

/* The character behind a backslash; an escape is never shorter than what it stands for. */
static char *put_escape(struct parser *parser, char *end) {
    static const char letters[] = "btnfre\"\\", meanings[] = "\b\t\n\f\r\033\"\\";
    int letter = peek(parser);
    const char *known = letter > 0 ? strchr(letters, letter) : NULL;
    size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    if (known == NULL && digits == 0) toml_expected(parser, "an escape");
    parser->at++;
    if (known != NULL) {
        *end++ = meanings[known - letters];
        return end;
    }
    uint32_t point = 0;
    for (; digits > 0; digits--, parser->at++) {
        int digit = hex_digit(peek(parser));
        if (digit < 0) toml_expected(parser, "a hexadecimal digit");
        point = point << 4 | (uint32_t)digit;
    }
    return put_utf8(parser, end, point);
}

/* A backslash at the end of a line: nothing up to the next character that is no space. */
static bool skip_line_end(struct parser *parser) {
    struct parser ahead = {.at = parser->at, .end = parser->end, .line = parser->line};
    skip_blanks(&ahead);
    if (!skip_newline(&ahead)) return false;
    do skip_blanks(&ahead);
    while (skip_newline(&ahead));
    parser->at = ahead.at;
    parser->line = ahead.line;
    return true;
}

static struct bytes parse_string(struct parser *parser, bool multiline_allowed) {
    char quote = *parser->at;
    const char *fence = quote == '"' ? "\"\"\"" : "'''";
    bool multiline = multiline_allowed && follows(parser, fence);
    unsigned first_line = parser->line;
    parser->at += multiline ? 3 : 1;
    if (multiline) skip_newline(parser);
    struct bytes result = {.data = allocate((size_t)(parser->end - parser->at) + 1)};
    char *end = result.data;
    for (;;) {
        int byte = peek(parser);
        if (byte < 0) toml_error(parser, first_line, "string without an end");
        if (multiline ? follows(parser, fence) : byte == quote) break;
        if (byte == '\\' && quote == '"') {
            parser->at++;
            if (!multiline || !skip_line_end(parser)) end = put_escape(parser, end);
            continue;
        }
        if (byte == '\n' && multiline) parser->line++;
        /* DEL is taken: the reference's own writer does not escape it in a command. */
        else if (is_control(byte) && byte != 0x7f && !(multiline && follows(parser, "\r\n"))) {
            toml_expected(parser, "a character of a string");
        }
        *end++ = (char)byte;
        parser->at++;
    }
    parser->at += multiline ? 3 : 1;
    /* Up to two quotes may stand before the three that end a string. */
    for (int extra = 0; multiline && extra < 2 && peek(parser) == quote; extra++, parser->at++) *end++ = quote;
    result.length = (size_t)(end - result.data);
    return result;
}

static bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }
static bool is_bare(int byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '-';
}

static struct bytes parse_simple_key(struct parser *parser) {
    skip_blanks(parser);
    if (peek(parser) == '"' || peek(parser) == '\'') return parse_string(parser, false);
    const char *start = parser->at;
    while (is_bare(peek(parser))) parser->at++;
    if (parser->at == start) toml_expected(parser, "a key");
    return (struct bytes){copy_bytes(start, (size_t)(parser->at - start)), (size_t)(parser->at - start)};
}

/* True when `text` is digits of the base with single underscores between them. */
static bool is_number(const char *text, size_t length, int base) {
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '_' && i > 0 && i + 1 < length && text[i - 1] != '_') continue;
        int digit = hex_digit((unsigned char)text[i]);
        if (digit < 0 || digit >= base) return false;
    }
    return length > 0;
}

static bool is_decimal(const char *text, size_t length) {
    return is_number(text, length, 10) && (length == 1 || text[0] != '0');
}

static bool is_float(const char *text, size_t length) {
    if (length == 3 && (memcmp(text, "inf", 3) == 0 || memcmp(text, "nan", 3) == 0)) return true;
    size_t whole = strcspn(text, ".eE"), at = whole;
    if (whole >= length || !is_decimal(text, whole)) return false;
    if (text[at] == '.') {
        size_t size = strcspn(text + at + 1, "eE");
        if (!is_number(text + at + 1, size, 10)) return false;
        at += size + 1;
    }
    if (at == length) return true;
    at++;
    if (text[at] == '+' || text[at] == '-') at++;
    return is_number(text + at, length - at, 10);
}

/* `9` stands for a digit. Fractions and time zones behind it are taken as they are. */
static bool has_shape(const char *text, const char *shape) {
    for (; *shape != '\0'; text++, shape++) {
        if (*shape == '9' ? !is_digit((unsigned char)*text) : *text != *shape) return false;
    }
    return true;
}

static struct value *parse_plain(struct parser *parser) {
    struct value *value = new_value(parser, STRING);
    const char *start = parser->at;
    while (is_bare(peek(parser)) || (peek(parser) > 0 && strchr("+.:", peek(parser)) != NULL)) {
        parser->at++;
        bool date_only = parser->at - start == 10 && has_shape(start, "9999-99-99");
        if (date_only && parser->end - parser->at > 2 && has_shape(parser->at, " 99")) parser->at++;
    }
    size_t length = (size_t)(parser->at - start);
    char *text = copy_bytes(start, length);
    value->text = (struct bytes){text, length};
    size_t sign = text[0] == '+' || text[0] == '-' ? 1 : 0;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        value->kind = BOOLEAN;
        value->truth = text[0] == 't';
    } else if (has_shape(text, "9999-99-99") || has_shape(text, "99:99")) {
        value->kind = DATE;
    } else if (is_decimal(text + sign, length - sign)) {
        value->kind = INTEGER;
    } else if (length > 2 && text[0] == '0' && strchr("xob", text[1]) != NULL
               && is_number(text + 2, length - 2, text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2)) {
        value->kind = INTEGER;
    } else if (is_float(text + sign, length - sign)) {
        value->kind = FLOAT;
    } else {
        parser->at = start;
        toml_expected(parser, "a value");
    }
    return value;
}

static struct value *parse_value(struct parser *parser);
static void parse_pair(struct parser *parser, struct value *table);

static struct value *parse_array(struct parser *parser) {
    struct value *array = new_value(parser, ARRAY);
    array->sealed = true;
    parser->at++;
    for (;;) {
        skip_lines(parser);
        if (peek(parser) == ']') break;
        add_member(array, (struct bytes){0}, parse_value(parser));
        skip_lines(parser);
        if (peek(parser) == ',') parser->at++;
        else if (peek(parser) != ']') toml_expected(parser, "',' or ']'");
    }
    parser->at++;
    return array;
}

/* Newlines and a comma at the end are taken, too, as TOML 1.1 has it. */
static struct value *parse_inline_table(struct parser *parser) {
    struct value *table = new_value(parser, TABLE);
    parser->at++;
    for (;;) {
        skip_lines(parser);
        if (peek(parser) == '}') break;
        parse_pair(parser, table);
        skip_lines(parser);
        if (peek(parser) == ',') parser->at++;
        else if (peek(parser) != '}') toml_expected(parser, "',' or '}'");
    }
    parser->at++;
    table->declared = table->sealed = true;
    return table;
}

static struct value *parse_value(struct parser *parser) {
    int byte = peek(parser);
    if (byte == '"' || byte == '\'') {
        struct value *value = new_value(parser, STRING);
        value->text = parse_string(parser, true);
        return value;
    }
    if (byte != '[' && byte != '{') return parse_plain(parser);
    if (++parser->depth > DEEPEST_NESTING) toml_error(parser, parser->line, "arrays or tables are nested too deeply");
    struct value *value = byte == '[' ? parse_array(parser) : parse_inline_table(parser);
    parser->depth--;
    return value;
}

static _Noreturn void toml_duplicate(struct parser *parser, struct bytes key) {
    toml_error(parser, parser->line, CONCAT("key '", key.data, "' has already been defined"));
}

/* The table below `parent` that a dotted name goes through; made when it is not there. */
static struct value *descend(struct parser *parser, struct value *parent, struct bytes key) {
    struct value *child = find(parent, key);
    if (child == NULL) {
        child = new_value(parser, TABLE);
        add_member(parent, key, child);
    }
    if (child->kind == ARRAY && !child->sealed) child = child->members[child->count - 1].value;
    if (child->kind != TABLE || child->sealed) toml_duplicate(parser, key);
    return child;
}

static void parse_pair(struct parser *parser, struct value *table) {
    struct bytes key = parse_simple_key(parser);
    for (skip_blanks(parser); peek(parser) == '.'; skip_blanks(parser)) {
        parser->at++;
        table = descend(parser, table, key);
        table->declared = true;
        key = parse_simple_key(parser);
    }
    if (peek(parser) != '=') toml_expected(parser, "'.' or '='");
    parser->at++;
    skip_blanks(parser);
    if (find(table, key) != NULL) toml_duplicate(parser, key);
    unsigned line = parser->line;
    struct value *value = parse_value(parser);
    value->line = line;
    add_member(table, key, value);
}

static struct value *open_table(struct parser *parser, struct value *parent, struct bytes key) {
    struct value *table = find(parent, key);
    if (table == NULL) {
        table = new_value(parser, TABLE);
        add_member(parent, key, table);
    } else if (table->kind != TABLE || table->declared) {
        toml_duplicate(parser, key);
    }
    table->declared = true;
    return table;
}

static struct value *open_element(struct parser *parser, struct value *parent, struct bytes key) {
    struct value *array = find(parent, key);
    if (array == NULL) {
        array = new_value(parser, ARRAY);
        add_member(parent, key, array);
    } else if (array->kind != ARRAY || array->sealed) {
        toml_duplicate(parser, key);
    }
    struct value *table = new_value(parser, TABLE);
    table->declared = true;
    add_member(array, (struct bytes){0}, table);
    return table;
}

/* [a.b] or [[a.b]]: returns the table that the following pairs belong to. */
static struct value *parse_header(struct parser *parser, struct value *root) {
    bool element = follows(parser, "[[");
    parser->at += element ? 2 : 1;
    struct value *parent = root;
    struct bytes key = parse_simple_key(parser);
    for (skip_blanks(parser); peek(parser) == '.'; skip_blanks(parser)) {
        parser->at++;
        parent = descend(parser, parent, key);
        key = parse_simple_key(parser);
    }
    if (peek(parser) != ']') toml_expected(parser, "'.' or ']' to end the name of the table");
    parser->at++;
    if (!element) return open_table(parser, parent, key);
    if (peek(parser) != ']') toml_expected(parser, "end of table array name delimiter ']'");
    parser->at++;
    return open_element(parser, parent, key);
}

/* The length of the UTF-8 sequence at `at`, 0 when it is none. */
static size_t utf8_length(const unsigned char *at, const unsigned char *end) {
    size_t size = *at < 0x80 ? 1 : *at >= 0xc2 && *at < 0xe0 ? 2 : *at >= 0xe0 && *at < 0xf0 ? 3
                : *at >= 0xf0 && *at < 0xf5 ? 4 : 0;
    if (size == 0 || (size_t)(end - at) < size || *at == 0) return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    /* Overlong spellings, surrogates, beyond U+10FFFF. */
    if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] >= 0xa0)) return 0;
    if ((*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] >= 0x90)) return 0;
    return size;
}

static void check_utf8(struct parser *parser) {
    unsigned line = 1;
    const unsigned char *at = (const unsigned char *)parser->at, *end = (const unsigned char *)parser->end;
    while (at < end) {
        size_t size = utf8_length(at, end);
        if (size == 0) toml_error(parser, line, *at == 0 ? "the text has a NUL byte" : "the text is not UTF-8");
        if (*at == '\n') line++;
        at += size;
    }
}

static void parse_document(struct parser *parser, struct value *root) {
    if (follows(parser, "\xef\xbb\xbf")) parser->at += 3;
    check_utf8(parser);
    struct value *table = root;
    for (;;) {
        skip_lines(parser);
        if (peek(parser) < 0) return;
        if (peek(parser) == '[') table = parse_header(parser, root);
        else parse_pair(parser, table);
        skip_blanks(parser);
        skip_comment(parser);
        if (peek(parser) >= 0 && !skip_newline(parser)) toml_expected(parser, "a new line");
    }
}

/* Returns NULL and the document, or what is wrong with it. */
static const char *parse_toml(struct bytes text, struct value *root) {
    struct parser *parser = allocate(sizeof *parser);
    parser->at = text.data;
    parser->end = text.data + text.length;
    parser->line = 1;
    root->kind = TABLE;
    if (setjmp(parser->failed) == 0) parse_document(parser, root);
    return parser->problem;
}

/* ---- metadata.toml ---------------------------------------------------------------------- */

struct process {
    const char *type, *buildpack, *working_directory;
    struct strings command, arguments, exec_env;
    bool direct;
};

struct buildpack {
    const char *id, *api;
};

struct metadata {
    struct process *processes;
    struct buildpack *buildpacks;
    size_t process_count, buildpack_count;
};

static const char *type_name(const struct value *value) {
    static const char *const names[] = {"string", "int64", "float64", "bool", "time.Time", "[]any", "map[string]any"};
    return names[value->kind];
}

static char *value_error(const struct value *value, const char *key, const char *message) {
    return CONCAT("toml: line ", decimal(value->line), " (last key \"", key, "\"): ", message);
}

static char *type_error(const struct value *value, const char *key, const char *wanted) {
    return value_error(value, key, CONCAT("incompatible types: TOML value has type ", type_name(value),
                                          "; destination has type ", wanted));
}

static _Noreturn void metadata_error(const char *message) { die(EXIT_FAILED, CONCAT("failed to read metadata: ", message)); }

static const struct value *get(const struct value *table, const char *key) {
    return find(table, (struct bytes){(char *)key, strlen(key)});
}

/* A text that the operating system can take: it has no NUL in it. */
static const char *to_text(const struct value *value, const char *key) {
    if (value->kind != STRING) metadata_error(type_error(value, key, "string"));
    if (strlen(value->text.data) != value->text.length) metadata_error(value_error(value, key, "the text has a NUL character"));
    return value->text.data;
}

static const char *get_text(const struct value *table, const char *section, const char *key) {
    const struct value *value = get(table, key);
    return value == NULL ? "" : to_text(value, CONCAT(section, ".", key));
}

static struct strings get_texts(const struct value *table, const char *section, const char *key) {
    struct strings texts = {0};
    const struct value *value = get(table, key);
    if (value == NULL) return texts;
    const char *path = CONCAT(section, ".", key);
    if (value->kind != ARRAY) metadata_error(type_error(value, path, "slice"));
    for (size_t i = 0; i < value->count; i++) append(&texts, to_text(value->members[i].value, path));
    return texts;
}

/* "command" is a string below Platform API 0.10 and an array from then on; either is read. */
static struct strings get_command(const struct value *table) {
    struct strings command = {0};
    const struct value *value = get(table, "command");
    if (value == NULL) return command;
    if (value->kind == ARRAY) return get_texts(table, "processes", "command");
    if (value->kind != STRING) {
        metadata_error(value_error(value, "processes.command", CONCAT("unknown command type ", type_name(value), " with data ",
                                                       value->kind == TABLE ? "{}" : value->text.data)));
    }
    append(&command, to_text(value, "processes.command"));
    return command;
}

static bool get_truth(const struct value *table, const char *section, const char *key) {
    const struct value *value = get(table, key);
    if (value == NULL) return false;
    if (value->kind != BOOLEAN) metadata_error(type_error(value, CONCAT(section, ".", key), "bool"));
    return value->truth;
}

/* The tables of [[name]]; an empty array may also be written as `name = []`. */
static const struct value *get_tables(const struct value *root, const char *name) {
    static const struct value none;
    const struct value *array = get(root, name);
    if (array == NULL) return &none;
    if (array->kind != ARRAY) metadata_error(type_error(array, name, "slice"));
    for (size_t i = 0; i < array->count; i++) {
        const struct value *element = array->members[i].value;
        if (element->kind != TABLE) metadata_error(type_error(element, name, "struct"));
    }
    return array;
}

static struct metadata read_metadata(const char *layers) {
    struct bytes text;
    struct value root = {0};
    const char *problem = read_file(join_path(layers, "config/metadata.toml"), &text);
    if (problem == NULL) problem = parse_toml(text, &root);
    if (problem != NULL) metadata_error(problem);
    const struct value *processes = get_tables(&root, "processes"), *buildpacks = get_tables(&root, "buildpacks");
    struct metadata metadata = {
        .processes = allocate(processes->count * sizeof *metadata.processes),
        .buildpacks = allocate(buildpacks->count * sizeof *metadata.buildpacks),
        .process_count = processes->count,
        .buildpack_count = buildpacks->count,
    };
    for (size_t i = 0; i < processes->count; i++) {
        const struct value *table = processes->members[i].value;
        metadata.processes[i] = (struct process){
            .type = get_text(table, "processes", "type"),
            .command = get_command(table),
            .arguments = get_texts(table, "processes", "args"),
            .direct = get_truth(table, "processes", "direct"),
            .buildpack = get_text(table, "processes", "buildpack-id"),
            .working_directory = get_text(table, "processes", "working-dir"),
            .exec_env = get_texts(table, "processes", "exec-env"),
        };
    }
    for (size_t i = 0; i < buildpacks->count; i++) {
        const struct value *table = buildpacks->members[i].value;
        metadata.buildpacks[i] = (struct buildpack){
            .id = get_text(table, "buildpacks", "id"),
            .api = get_text(table, "buildpacks", "api"),
        };
    }
    return metadata;
}

/* ---- API versions ----------------------------------------------------------------------- */

struct version {
    unsigned long major, minor;
};

/* `1`, `1.`, `1.2` or `v1.2`. Numbers of more than 9 digits are no versions. */
static bool parse_version(const char *text, struct version *version) {
    unsigned long parts[2] = {0, 0};
    if (*text == 'v') text++;
    for (int i = 0; i < 2; i++) {
        size_t digits = 0;
        for (; is_digit((unsigned char)*text); text++) {
            if (++digits > 9) return false;
            parts[i] = parts[i] * 10 + (unsigned long)(*text - '0');
        }
        if (i == 0 && digits == 0) return false;
        if (i == 0 && *text == '.') text++;
    }
    *version = (struct version){parts[0], parts[1]};
    return *text == '\0';
}

/* True for 0.`minor` and everything after it. */
static bool is_at_least(struct version version, unsigned long minor) {
    return version.major > 0 || version.minor >= minor;
}

static bool is_within(struct version version, unsigned long first, unsigned long last) {
    return version.major == 0 && version.minor >= first && version.minor <= last;
}

static bool is_blank(const char *text) { return text[strspn(text, " \t\r\n\v\f")] == '\0'; }

static const char *variable(const char *name, const char *fallback) {
    const char *value = getenv(name);
    return value == NULL || *value == '\0' ? fallback : value;
}

static struct version platform_api(void) {
    const char *text = variable("CNB_PLATFORM_API", "");
    struct version version;
    if (is_blank(text)) {
        die(EXIT_PLATFORM_API, "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired "
                               "platform API version");
    }
    if (!parse_version(text, &version)) die(EXIT_PLATFORM_API, CONCAT("failed to parse platform API '", text, "'"));
    if (!is_within(version, PLATFORM_API_FIRST, PLATFORM_API_LAST)) {
        die(EXIT_PLATFORM_API, CONCAT("failed to set platform API: platform API version '", text,
                                      "' is incompatible with the lifecycle"));
    }
    return version;
}

static struct version buildpack_api(const struct buildpack *buildpack) {
    struct version version;
    if (!parse_version(buildpack->api, &version)) {
        die(EXIT_BUILDPACK_API, CONCAT("failed to parse buildpack API '", buildpack->api, "' for buildpack '",
                                       buildpack->id, "'"));
    }
    if (!is_within(version, BUILDPACK_API_FIRST, BUILDPACK_API_LAST)) {
        die(EXIT_BUILDPACK_API, CONCAT("failed to set API for buildpack '", buildpack->id, "': buildpack API version '",
                                       buildpack->api, "' is incompatible with the lifecycle"));
    }
    return version;
}

/* ---- the environment of the process ------------------------------------------------------ */

struct environment {
    char **names, **values;
    size_t count, capacity;
};

static const char *get_variable(const struct environment *env, const char *name) {
    for (size_t i = 0; i < env->count; i++) {
        if (strcmp(env->names[i], name) == 0) return env->values[i];
    }
    return "";
}

static void set_variable(struct environment *env, const char *name, const char *value) {
    for (size_t i = 0; i < env->count; i++) {
        if (strcmp(env->names[i], name) != 0) continue;
        env->values[i] = (char *)value;
        return;
    }
    if (env->count == env->capacity) {
        size_t capacity = env->capacity == 0 ? 64 : env->capacity * 2;
        char **names = allocate(capacity * sizeof *names), **values = allocate(capacity * sizeof *values);
        if (env->count > 0) {
            memcpy(names, env->names, env->count * sizeof *names);
            memcpy(values, env->values, env->count * sizeof *values);
        }
        env->names = names;
        env->values = values;
        env->capacity = capacity;
    }
    env->names[env->count] = (char *)name;
    env->values[env->count++] = (char *)value;
}

/* `addition`, and before or after it the old value with the delimiter, when there is one. */
static void prepend_variable(struct environment *env, const char *name, const char *addition, const char *delimiter) {
    const char *old = get_variable(env, name);
    set_variable(env, name, *old == '\0' ? addition : CONCAT(addition, delimiter, old));
}

static void append_variable(struct environment *env, const char *name, const char *addition, const char *delimiter) {
    const char *old = get_variable(env, name);
    set_variable(env, name, *old == '\0' ? addition : CONCAT(old, delimiter, addition));
}

static char **to_envp(const struct environment *env) {
    struct strings list = {0};
    append(&list, "");
    list.count = 0;
    list.items[0] = NULL;
    for (size_t i = 0; i < env->count; i++) append(&list, CONCAT(env->names[i], "=", env->values[i]));
    return list.items;
}

/* The app sees neither the directories of the launcher in PATH ... */
static char *strip_path(const char *path) {
    char *result = allocate(strlen(path) + 1), *end = result;
    for (bool first = true;; path++) {
        size_t size = strcspn(path, ":");
        bool own = (size == 12 && memcmp(path, "/cnb/process", size) == 0) || (size == 14 && memcmp(path, "/cnb/lifecycle", size) == 0);
        if (!own) {
            if (!first) *end++ = ':';
            memcpy(end, path, size);
            end += size;
            first = false;
        }
        path += size;
        if (*path == '\0') break;
    }
    *end = '\0';
    return result;
}

/* ... nor the variables that the exporter set for the launcher. */
static struct environment inherited_environment(void) {
    static const char *const excluded[] = {"CNB_LAYERS_DIR", "CNB_APP_DIR", "CNB_PROCESS_TYPE", "CNB_PLATFORM_API",
                                           "CNB_DEPRECATION_MODE"};
    struct environment env = {0};
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (equals == NULL) continue;
        const char *name = copy_bytes(*entry, (size_t)(equals - *entry));
        bool skip = false;
        for (size_t i = 0; i < sizeof excluded / sizeof *excluded; i++) skip = skip || strcmp(name, excluded[i]) == 0;
        if (!skip) set_variable(&env, name, strcmp(name, "PATH") == 0 ? strip_path(equals + 1) : equals + 1);
    }
    return env;
}

/* <layer>/bin and <layer>/lib go before PATH and LD_LIBRARY_PATH. Buildpack specification, "Layer Paths". */
static void add_layer_root(struct environment *env, const char *layer) {
    static const char *const roots[][2] = {{"bin", "PATH"}, {"lib", "LD_LIBRARY_PATH"}};
    for (size_t i = 0; i < 2; i++) {
        const char *folder = join_path(layer, roots[i][0]);
        struct stat info;
        if (stat(folder, &info) == 0) prepend_variable(env, roots[i][1], folder, ":");
        else if (errno != ENOENT) launch_error(CONCAT("modify env: add layer root: ", path_error("stat", folder, errno)));
    }
}

static const char *read_variable(const char *path, const char *context) {
    struct bytes value;
    const char *problem = read_file(path, &value);
    if (problem != NULL) launch_error(CONCAT(context, problem));
    if (strlen(value.data) != value.length) launch_error(CONCAT(context, "the value in ", path, " has a NUL byte"));
    return value.data;
}

static const char *delimiter_of(const char *folder, const char *name, const char *fallback) {
    struct bytes value;
    return read_file(CONCAT(folder, "/", name, ".delim"), &value) == NULL ? value.data : fallback;
}

/* One file of an env folder: NAME, NAME.append and so on. Buildpack specification, "Environment Variable Modification Rules". */
static void add_env_file(struct environment *env, const char *folder, const char *file, const char *value) {
    const char *dot = strchr(file, '.');
    const char *name = dot == NULL ? file : copy_bytes(file, (size_t)(dot - file));
    const char *action = dot == NULL ? "override" : dot + 1;
    if (strcmp(action, "override") == 0) set_variable(env, name, value);
    else if (strcmp(action, "append") == 0) append_variable(env, name, value, delimiter_of(folder, name, ""));
    else if (strcmp(action, "prepend") == 0) prepend_variable(env, name, value, delimiter_of(folder, name, ""));
    else if (strcmp(action, "") == 0) prepend_variable(env, name, value, delimiter_of(folder, name, ":"));
    else if (strcmp(action, "default") == 0 && *get_variable(env, name) == '\0') set_variable(env, name, value);
}

static void add_env_folder(struct environment *env, const char *folder) {
    const char *context = CONCAT("modify env: add layer env: apply env files from dir '", folder, "': ");
    struct strings files = list_folder(folder, false, context);
    for (size_t i = 0; i < files.count; i++) {
        const char *path = CONCAT(folder, "/", files.items[i]);
        struct stat info;
        if (stat(path, &info) != 0) launch_error(CONCAT(context, path_error("stat", path, errno)));
        if (!S_ISDIR(info.st_mode)) add_env_file(env, folder, files.items[i], read_variable(path, context));
    }
}

/* ---- layers ----------------------------------------------------------------------------- */

struct launcher {
    const char *self, *layers, *app;
    struct version platform;
    struct metadata metadata;
    struct environment env;
};

/* A buildpack's directory of layers, or NULL when it made none. */
static const char *layers_of(const struct launcher *launcher, const struct buildpack *buildpack, const char *context) {
    char *name = CONCAT(buildpack->id);
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '/') *at = '_';
    }
    const char *folder = join_path(launcher->layers, name);
    struct stat info;
    if (stat(folder, &info) == 0) return folder;
    if (errno == ENOENT) return NULL;
    launch_error(CONCAT(context, "find buildpack directory: ", path_error("stat", folder, errno)));
}

static struct strings layer_paths(const char *folder, const char *context) {
    struct strings paths = {0};
    struct strings names = list_folder(folder, true, CONCAT(context, "failed to list files in dir '", folder, "': "));
    for (size_t i = 0; i < names.count; i++) append(&paths, CONCAT(folder, "/", names.items[i]));
    return paths;
}

static char *absolute(const char *path) {
    if (path[0] == '/') return CONCAT(path);
    char *current = getcwd(NULL, 0);
    if (current == NULL) launch_error(CONCAT("modify env: add layer root: getwd: ", error_text(errno)));
    return join_path(current, path);
}

/* All directories count, launch layers or not: the exporter put only launch layers into the image. */
static void modify_environment(struct launcher *launcher, const char *type) {
    for (size_t i = 0; i < launcher->metadata.buildpack_count; i++) {
        const char *folder = layers_of(launcher, &launcher->metadata.buildpacks[i], "modify env: ");
        if (folder == NULL) continue;
        struct strings layers = layer_paths(folder, "modify env: add layer root: ");
        for (size_t j = 0; j < layers.count; j++) add_layer_root(&launcher->env, absolute(layers.items[j]));
        for (size_t j = 0; j < layers.count; j++) {
            add_env_folder(&launcher->env, CONCAT(layers.items[j], "/env"));
            add_env_folder(&launcher->env, CONCAT(layers.items[j], "/env.launch"));
            if (*type != '\0') add_env_folder(&launcher->env, CONCAT(layers.items[j], "/env.launch/", type));
        }
    }
}

/* The files of <layer>/<name> and <layer>/<name>/<type>, layer by layer. */
static struct strings files_of_layers(const struct launcher *launcher, const char *name, const char *type, const char *context) {
    struct strings files = {0};
    for (size_t i = 0; i < launcher->metadata.buildpack_count; i++) {
        const char *folder = layers_of(launcher, &launcher->metadata.buildpacks[i], context);
        if (folder == NULL) continue;
        struct strings layers = layer_paths(folder, context);
        for (size_t j = 0; j < layers.count; j++) {
            const char *folders[] = {CONCAT(layers.items[j], "/", name), CONCAT(layers.items[j], "/", name, "/", type)};
            for (size_t k = 0; k < (*type == '\0' ? 1u : 2u); k++) {
                struct strings names = list_folder(folders[k], false, CONCAT(context, "failed to list files in dir '", folders[k], "': "));
                for (size_t n = 0; n < names.count; n++) append(&files, CONCAT(folders[k], "/", names.items[n]));
            }
        }
    }
    return files;
}

/* ---- exec.d ----------------------------------------------------------------------------- */

/* An input that is at its end: /dev/null may be missing in a bare root filesystem. */
static int empty_input(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), ends[2];
    if (fd >= 0 || pipe2(ends, O_CLOEXEC) != 0) return fd;
    close(ends[1]);
    return ends[0];
}

/* In the child: becomes the program with its output on descriptor 3, or sends errno to `errors`. */
static _Noreturn void become_helper(const char *path, char **env, int input, int output, int errors) {
    char *arguments[] = {(char *)path, NULL};
    /* Out of the way of 0 and 3 first, where one of them may already be. */
    input = fcntl(input, F_DUPFD_CLOEXEC, 10);
    output = fcntl(output, F_DUPFD_CLOEXEC, 10);
    errors = fcntl(errors, F_DUPFD_CLOEXEC, 10);
    if (input >= 0 && output >= 0 && errors >= 0 && dup2(input, 0) == 0 && dup2(output, 3) == 3) {
        execve(path, arguments, env);
    }
    int number = errno;
    ssize_t ignored = write(errors, &number, sizeof number);
    (void)ignored;
    _exit(127);
}

/* NULL, or how the program ended. */
static const char *describe_status(int status) {
    if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? NULL : CONCAT("exit status ", decimal((unsigned long)WEXITSTATUS(status)));
    const char *name = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : NULL;
    char *text = CONCAT("signal: ", name == NULL ? "unknown" : name);
    if (text[8] >= 'A' && text[8] <= 'Z') text[8] = (char)(text[8] - 'A' + 'a');
    return WCOREDUMP(status) ? CONCAT(text, " (core dumped)") : text;
}

/* Runs the program and reads what it writes to descriptor 3; returns NULL or what went wrong. */
static const char *run_helper(const char *path, char **env, struct bytes *output) {
    int data[2], errors[2], input = empty_input();
    if (input < 0 || pipe2(data, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) return CONCAT("failed to create pipe: ", error_text(errno));
    pid_t child = fork();
    if (child < 0) return path_error("fork/exec", path, errno);
    if (child == 0) become_helper(path, env, input, data[1], errors[1]);
    close(input);
    close(data[1]);
    close(errors[1]);
    struct bytes failure;
    bool complete = read_all(errors[0], &failure) && read_all(data[0], output);
    int read_error = errno, status = 0, number = 0;
    close(errors[0]);
    close(data[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (failure.length == sizeof number) {
        memcpy(&number, failure.data, sizeof number);
        return path_error("fork/exec", path, number);
    }
    const char *problem = describe_status(status);
    return problem != NULL || complete ? problem : error_text(read_error);
}

/* Buildpack specification, "exec.d": the variables are TOML, a table of strings. */
static void run_exec_d(struct launcher *launcher, const char *path) {
    struct bytes output;
    struct value variables = {0};
    const char *problem = run_helper(path, to_envp(&launcher->env), &output);
    if (problem != NULL) launch_error(CONCAT("exec.d: failed to execute exec.d file at path '", path, "': ", problem));
    const char *context = CONCAT("exec.d: failed to decode output from exec.d file at path '", path, "': ");
    problem = parse_toml(output, &variables);
    if (problem != NULL) launch_error(CONCAT(context, problem));
    for (size_t i = 0; i < variables.count; i++) {
        const struct member *member = &variables.members[i];
        const struct value *value = member->value;
        if (value->kind != STRING) launch_error(CONCAT(context, type_error(value, member->key.data, "string")));
        if (strlen(value->text.data) != value->text.length || strlen(member->key.data) != member->key.length) {
            launch_error(CONCAT(context, value_error(value, member->key.data, "the text has a NUL character")));
        }
    }
    for (size_t i = 0; i < variables.count; i++) {
        set_variable(&launcher->env, variables.members[i].key.data, variables.members[i].value->text.data);
    }
}

/* ---- which process ---------------------------------------------------------------------- */

/* Execution environments exist from Platform API 0.15 on. */
static bool is_eligible(const struct launcher *launcher, const struct process *process) {
    if (!is_at_least(launcher->platform, 15) || process->exec_env.count == 0) return true;
    return contains(&process->exec_env, "*") || contains(&process->exec_env, variable("CNB_EXEC_ENV", "production"));
}

static const struct buildpack *find_buildpack(const struct launcher *launcher, const char *id) {
    for (size_t i = 0; i < launcher->metadata.buildpack_count; i++) {
        if (strcmp(launcher->metadata.buildpacks[i].id, id) == 0) return &launcher->metadata.buildpacks[i];
    }
    return NULL;
}

/* The user's arguments replace `args` (not the rest of `command`) or follow them, as the two APIs have it. */
static void apply_user_arguments(const struct launcher *launcher, struct process *process, const struct strings *user) {
    if (!is_at_least(launcher->platform, 10)) {
        append_all(&process->arguments, user, 0);
    } else if (process->command.count > 1) {
        struct strings arguments = {0}, command = {0};
        append(&command, process->command.items[0]);
        append_all(&arguments, &process->command, 1);
        append_all(&arguments, user->count > 0 ? user : &process->arguments, 0);
        process->command = command;
        process->arguments = arguments;
    } else if (user->count > 0) {
        const struct buildpack *buildpack = find_buildpack(launcher, process->buildpack);
        if (buildpack == NULL) {
            launch_error(CONCAT("determine start command: failed to find buildpack for process ", process->type,
                                " with buildpack ID ", process->buildpack));
        }
        if (is_at_least(buildpack_api(buildpack), 9)) process->arguments = (struct strings){0};
        append_all(&process->arguments, user, 0);
    }
}

static struct process user_process(const struct strings *user) {
    struct process process = {.type = "", .buildpack = "", .working_directory = ""};
    if (user->count == 0) launch_error("determine start command: when there is no default process a command is required");
    process.direct = user->count > 1 && strcmp(user->items[0], "--") == 0;
    size_t first = process.direct ? 1 : 0;
    append(&process.command, user->items[first]);
    append_all(&process.arguments, user, first + 1);
    return process;
}

/* The name that the launcher was called by is the process type, when there is such a type. */
static struct process choose_process(const struct launcher *launcher, const struct strings *user) {
    const char *slash = strrchr(launcher->self, '/'), *type = slash == NULL ? launcher->self : slash + 1;
    bool known = false;
    for (size_t i = 0; *type != '\0' && i < launcher->metadata.process_count; i++) {
        const struct process *candidate = &launcher->metadata.processes[i];
        if (strcmp(candidate->type, type) != 0) continue;
        known = true;
        if (!is_eligible(launcher, candidate)) continue;
        struct process process = *candidate;
        apply_user_arguments(launcher, &process, user);
        return process;
    }
    if (known) launch_error(CONCAT("determine start command: process type ", type, " was not found"));
    return user_process(user);
}

/* ---- becoming it ------------------------------------------------------------------------ */

/* NULL when it can be executed by this user, or why not. */
static const char *why_not_executable(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) return path_error("stat", path, errno);
    if (S_ISDIR(info.st_mode)) return "is a directory";
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? NULL : error_text(errno);
}

/* A name with a slash is a path; others are looked for in PATH, where relative entries are refused. */
static const char *look_up(const char *name, const char *path) {
    const char *problem = strchr(name, '/') == NULL ? NULL : why_not_executable(name);
    if (strchr(name, '/') != NULL) {
        if (problem == NULL) return name;
        launch_error(CONCAT("path lookup: exec: ", quoted(name), ": ", problem));
    }
    for (; *path != '\0' && *name != '\0'; path++) {
        size_t size = strcspn(path, ":");
        const char *candidate = join_path(size == 0 ? "." : copy_bytes(path, size), name);
        if (why_not_executable(candidate) == NULL) {
            if (candidate[0] == '/') return candidate;
            launch_error(CONCAT("path lookup: exec: ", quoted(name), ": cannot run executable found relative to current directory"));
        }
        path += size;
        if (*path == '\0') break;
    }
    launch_error(CONCAT("path lookup: exec: ", quoted(name), ": executable file not found in $PATH"));
}

static _Noreturn void launch_directly(struct launcher *launcher, const struct process *process) {
    if (process->command.count == 0) launch_error(CONCAT("no command provided for process type ", quoted(process->type)));
    const char *program = look_up(process->command.items[0], get_variable(&launcher->env, "PATH"));
    const char *folder = *process->working_directory == '\0' ? launcher->app : process->working_directory;
    if (chdir(folder) != 0) launch_error(CONCAT("change directory: ", path_error("chdir", folder, errno)));
    struct strings arguments = {0};
    append_all(&arguments, &process->command, 0);
    append_all(&arguments, &process->arguments, 0);
    execve(program, arguments.items, to_envp(&launcher->env));
    launch_error(CONCAT("direct exec: ", error_text(errno)));
}

/* Each argument is a word that bash expands once: "$(eval echo \"${1}\")". */
static char *token_script(size_t arguments) {
    struct strings parts = {0};
    size_t length = 0;
    append(&parts, "exec bash -c '\"$(eval echo \\\"$0\\\")\"");
    for (size_t i = 1; i <= arguments; i++) append(&parts, CONCAT(" \"$(eval echo \\\"${", decimal(i), "}\\\")\""));
    append(&parts, "' \"${@:1}\"");
    for (size_t i = 0; i < parts.count; i++) length += strlen(parts.items[i]);
    char *script = allocate(length + 1), *end = script;
    for (size_t i = 0; i < parts.count; i++) {
        size_t size = strlen(parts.items[i]);
        memcpy(end, parts.items[i], size);
        end += size;
    }
    return script;
}

static struct strings profiles_of(const struct launcher *launcher, const char *type) {
    struct strings profiles = files_of_layers(launcher, "profile.d", type, "find profiles: ");
    const char *own = join_path(launcher->app, ".profile");
    struct stat info;
    if (stat(own, &info) == 0) {
        if (!S_ISDIR(info.st_mode)) append(&profiles, ".profile");
    } else if (errno != ENOENT) {
        launch_error(CONCAT("find profiles: failed to determine if app profile script exists at path '", own,
                            "': ", path_error("stat", own, errno)));
    }
    return profiles;
}

static char *join_words(const struct strings *words) {
    char *text = CONCAT(words->count > 0 ? words->items[0] : "");
    for (size_t i = 1; i < words->count; i++) text = CONCAT(text, " ", words->items[i]);
    return text;
}

/* One bash sources the profiles and becomes a second one, which runs the command. */
static _Noreturn void launch_with_shell(struct launcher *launcher, const struct process *process) {
    struct strings profiles = profiles_of(launcher, process->type), arguments = {0};
    if (process->arguments.count > 0 && *process->buildpack != '\0' && find_buildpack(launcher, process->buildpack) == NULL) {
        launch_error(CONCAT("process type '", process->type, "' provided by unknown buildpack '", process->buildpack, "'"));
    }
    char *script = CONCAT("");
    for (size_t i = 0; i < profiles.count; i++) script = CONCAT(script, "source \"", profiles.items[i], "\"\n");
    const char *folder = *process->working_directory == '\0' ? launcher->app : process->working_directory;
    const char *last = process->arguments.count == 0 ? "exec bash -c \"$@\"" : token_script(process->arguments.count);
    append(&arguments, "bash");
    append(&arguments, "-c");
    append(&arguments, CONCAT(script, "cd \"", folder, "\"\n", last));
    append(&arguments, launcher->self);
    append(&arguments, join_words(&process->command));
    append_all(&arguments, &process->arguments, 0);
    execve("/bin/bash", arguments.items, to_envp(&launcher->env));
    int reason = errno;
    const char *advice = reason != ENOENT ? "" :
        "\n  a command without -- and a process with direct = false need /bin/bash, which this image does not have:"
        "\n  put -- before the command, make the process direct, or choose a run image with bash";
    launch_error(CONCAT("bash exec: ", error_text(reason), advice));
}

static void warn_about_process_type(struct version platform) {
    const char *type = variable("CNB_PROCESS_TYPE", "");
    if (*type == '\0') return;
    warn(CONCAT("CNB_PROCESS_TYPE is not supported in Platform API ", decimal(platform.major), ".", decimal(platform.minor)));
    warn(CONCAT("Run with ENTRYPOINT '", type, "' to invoke the '", type, "' process type"));
}

int main(int argc, char **argv) {
    struct launcher launcher = {
        .self = argc > 0 ? argv[0] : "launcher",
        .platform = platform_api(),
        .layers = variable("CNB_LAYERS_DIR", "/layers"),
        .app = variable("CNB_APP_DIR", "/workspace"),
    };
    launcher.metadata = read_metadata(launcher.layers);
    for (size_t i = 0; i < launcher.metadata.buildpack_count; i++) buildpack_api(&launcher.metadata.buildpacks[i]);
    warn_about_process_type(launcher.platform);
    struct strings user = {0};
    for (int i = 1; i < argc; i++) append(&user, argv[i]);
    struct process process = choose_process(&launcher, &user);

    if (chdir(launcher.app) != 0) launch_error(CONCAT("change to app directory: ", path_error("chdir", launcher.app, errno)));
    launcher.env = inherited_environment();
    modify_environment(&launcher, process.type);
    struct strings helpers = files_of_layers(&launcher, "exec.d", process.type, "exec.d: ");
    for (size_t i = 0; i < helpers.count; i++) run_exec_d(&launcher, helpers.items[i]);
    if (process.direct) launch_directly(&launcher, &process);
    launch_with_shell(&launcher, &process);
}
