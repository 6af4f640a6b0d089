/*
 * Results of checks, in the Test Anything Protocol
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdarg.h>

#include "guest.h"
#include "power.h"
#include "tap.h"

#define LINE 240

struct line {
    char text[LINE];
    size_t size;
};

static struct line reason;
static unsigned number, failures, skipped;

static void put(struct line *line, char c)
{
    if (line->size < LINE - 1) {
        line->text[line->size++] = c;
    }
}

static void put_text(struct line *line, const char *text)
{
    while (*text) {
        put(line, *text++);
    }
}

static void put_number(struct line *line, uint64_t value, unsigned base)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n) {
        put(line, digits[--n]);
    }
}

/* %s, %d, %u, %x and the latter with l: as much of printf() as is needed */
static void format_line(struct line *line, const char *format, va_list args)
{
    for (; *format; format++) {
        bool is_long = false;
        uint64_t value;

        if (*format != '%') {
            put(line, *format);
            continue;
        }
        if (*++format == 'l') {
            is_long = true;
            format++;
        }
        if (*format == 's') {
            put_text(line, va_arg(args, const char *));
            continue;
        }
        value = is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned);
        if (*format == 'd' && (int)value < 0) {
            put(line, '-');
            value = -(int)value;
        }
        put_number(line, value, *format == 'x' ? 16 : 10);
    }
}

static void print(struct line *line)
{
    put(line, '\n');
    line->text[line->size - 1] = '\n';
    console_write(line->text, line->size);
}

int fail(const char *format, ...)
{
    va_list args;

    reason.size = 0;
    va_start(args, format);
    format_line(&reason, format, args);
    va_end(args);
    return FAIL;
}

int skip(const char *format, ...)
{
    va_list args;

    reason.size = 0;
    va_start(args, format);
    format_line(&reason, format, args);
    va_end(args);
    return SKIP;
}

void note(const char *format, ...)
{
    struct line line = { .size = 0 };
    va_list args;

    put_text(&line, "# ");
    va_start(args, format);
    format_line(&line, format, args);
    va_end(args);
    print(&line);
}

void bail_out(const char *format, ...)
{
    struct line line = { .size = 0 };
    va_list args;

    console_try();
    put_text(&line, "Bail out! ");
    va_start(args, format);
    format_line(&line, format, args);
    va_end(args);
    print(&line);
    power_end(255);
}

void tap_plan(unsigned checks)
{
    struct line line = { .size = 0 };

    put_text(&line, "1..");
    put_number(&line, checks, 10);
    print(&line);
}

void tap_result(const char *name, int result)
{
    struct line line = { .size = 0 };

    reason.text[reason.size] = 0;
    if (result == FAIL) {
        note("%s", reason.text);
    }
    put_text(&line, result == FAIL ? "not ok " : "ok ");
    put_number(&line, ++number, 10);
    put_text(&line, " - ");
    put_text(&line, name);
    if (result == SKIP) {
        put_text(&line, " # SKIP ");
        put_text(&line, reason.text);
    }
    print(&line);
    failures += result == FAIL;
    skipped += result == SKIP;
}

unsigned tap_failures(void)
{
    return failures;
}

unsigned tap_skipped(void)
{
    return skipped;
}
