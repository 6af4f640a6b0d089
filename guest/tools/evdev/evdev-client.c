/*
 * evdev-client: what the kernel makes of input devices
 *
 *     evdev-client list|follow|state [NAME]
 *     evdev-client -
 *
 * With "-", commands come from standard input, a line each, and devices stay
 * open from one to the next; each ends with a line "done COMMAND" or "failed
 * COMMAND".  NAME is part of a device's name, or its node, such as event3.
 *
 * All output is lines of a word and KEY=VALUE pairs; trouble is a line
 * "error: SENTENCE", and exit status 1 of a single command.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evdev.h"

static struct device devices[MAX_DEVICES];
static int num_devices;

int fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("error: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    return -1;
}

/* A number of the line's @word, or @otherwise */
static int number(const char *word, int otherwise)
{
    return word ? atoi(word) : otherwise;
}

static int command_list(char *argument)
{
    return devices_visit(argument, device_list, NULL);
}

static int open_one(int number, void *opaque)
{
    (void)opaque;
    if (num_devices == MAX_DEVICES) {
        return fail("too many devices");
    }
    if (device_open(&devices[num_devices], number)) {
        return -1;
    }
    printf("open event=%d name=%s\n", number, devices[num_devices].name);
    num_devices++;
    return 0;
}

static int command_open(char *argument)
{
    return devices_visit(argument, open_one, NULL);
}

static int command_close(char *argument)
{
    (void)argument;
    while (num_devices > 0) {
        device_close(&devices[--num_devices]);
    }
    return 0;
}

static int command_reset(char *argument)
{
    int i;

    (void)argument;
    for (i = 0; i < num_devices; i++) {
        if (device_drain(&devices[i], false) < 0) {
            return -1;
        }
        totals_reset(&devices[i]);
    }
    return 0;
}

static int drain_all(bool print)
{
    int i, count, sum = 0;

    for (i = 0; i < num_devices; i++) {
        count = device_drain(&devices[i], print);
        if (count < 0) {
            return -1;
        }
        sum += count;
    }
    return sum;
}

static int command_read(char *argument)
{
    (void)argument;
    return drain_all(true) < 0 ? -1 : 0;
}

static int command_state(char *argument)
{
    int i;

    (void)argument;
    for (i = 0; i < num_devices; i++) {
        if (device_print_state(&devices[i])) {
            return -1;
        }
    }
    return 0;
}

/* Returns true if there are events, false if there is a line first */
static bool wait_for_events(void)
{
    struct pollfd fds[MAX_DEVICES + 1];
    int i;

    for (i = 0; i < num_devices; i++) {
        fds[i] = (struct pollfd) { .fd = devices[i].fd, .events = POLLIN };
    }
    fds[i] = (struct pollfd) { .fd = STDIN_FILENO, .events = POLLIN };
    if (poll(fds, num_devices + 1, -1) < 0) {
        return false;
    }
    return fds[num_devices].revents == 0;
}

/* Events as they come, until the next line */
static int command_follow(char *argument)
{
    (void)argument;
    while (wait_for_events()) {
        if (drain_all(true) < 0) {
            return -1;
        }
    }
    return 0;
}

/*
 * Answer as soon as there is something, so often; only then may the next come.
 * The host measures the way there and back.
 */
static int command_answer(char *argument)
{
    int i, count = number(argument, 1);

    for (i = 0; i < count && wait_for_events(); i++) {
        if (drain_all(false) < 0) {
            return -1;
        }
        printf("!\n");
    }
    return 0;
}

/* The same with lines: what of that way is the console's */
static int command_echo(char *argument)
{
    int i, count = number(argument, 1);
    char line[16];

    for (i = 0; i < count && fgets(line, sizeof(line), stdin); i++) {
        printf("!\n");
    }
    return 0;
}

/* Read until a key or button has gone up again so often, as fast as possible */
static int command_count(char *argument)
{
    uint16_t code = number(argument, BTN_EXTRA);
    struct device *device = &devices[0];

    if (num_devices != 1) {
        return fail("count needs one open device");
    }
    do {
        if (!wait_for_events() || device_drain(device, false) < 0) {
            return fail("not read to the end");
        }
        /* The totals end with that key, which is pressed for this alone */
    } while (!test_bit(device->state.keys, code));
    return device_print_state(device);
}

static int command_led(char *argument)
{
    struct input_event events[2] = {
        { .type = EV_LED },
        { .type = EV_SYN, .code = SYN_REPORT },
    };

    if (!argument || sscanf(argument, "%hu %d", &events[0].code,
                            &events[0].value) != 2) {
        return fail("led needs a number, and 0 or 1");
    }
    if (num_devices == 0) {
        return fail("no device is open");
    }
    if (write(devices[0].fd, events, sizeof(events)) != sizeof(events)) {
        return fail("event%d: %s", devices[0].number, strerror(errno));
    }
    return 0;
}

static int command_terminal(char *argument)
{
    if (!argument) {
        return terminal_print();
    }
    if (strcmp(argument, "on") == 0) {
        return terminal_start();
    }
    terminal_stop();
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(char *argument);
    const char *help;
} commands[] = {
    { "list", command_list, "[NAME]       describe devices" },
    { "open", command_open, "[NAME]       open devices" },
    { "close", command_close, "            close all" },
    { "read", command_read, "            print the events that there are" },
    { "follow", command_follow, "            events until the next line" },
    { "state", command_state, "            totals, held keys, axes, contacts" },
    { "reset", command_reset, "            begin with new totals" },
    { "count", command_count, "[CODE]       totals up to a press of it" },
    { "answer", command_answer, "[N]          print a line for each event" },
    { "echo", command_echo, "[N]          print a line for each line" },
    { "led", command_led, "CODE 0|1     switch an LED" },
    { "terminal", command_terminal,
      "[on|off]     every key that virtual terminals get" },
};

#define NUM_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(void)
{
    size_t i;

    printf("usage: evdev-client list|follow|state [NAME]\n"
           "       evdev-client -      commands from standard input\n");
    for (i = 0; i < NUM_COMMANDS; i++) {
        printf("  %-9s %s\n", commands[i].name, commands[i].help);
    }
    return 1;
}

static int run_command(const char *name, char *argument)
{
    size_t i;

    for (i = 0; i < NUM_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(argument);
        }
    }
    return fail("there is no command %s", name);
}

static int run_line(char *line)
{
    char *argument;
    int ret;

    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '!') {               /* anything else, by a shell */
        ret = system(line + 1) ? -1 : 0;
        line[1] = '\0';
    } else {
        argument = strchr(line, ' ');
        if (argument) {
            *argument++ = '\0';
        }
        ret = run_command(line, argument);
    }
    printf("%s %s\n", ret ? "failed" : "done", line);
    return ret;
}

static int run_lines(void)
{
    char line[1024];
    int status = 0;

    while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
        if (run_line(line)) {
            status = 1;
        }
    }
    terminal_stop();
    return status;
}

/* NAME is for this command, or for an "open" before it; none: all devices */
static int run_single(const char *command, char *name)
{
    bool describe = strcmp(command, "list") == 0;

    if (!describe && command_open(name)) {
        return 1;
    }
    return run_command(command, describe ? name : NULL) ? 1 : 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* Not read ahead: "follow" polls */
    setvbuf(stdin, NULL, _IONBF, 0);
    if (argc < 2) {
        return usage();
    }
    if (strcmp(argv[1], "-") == 0) {
        return run_lines();
    }
    return run_single(argv[1], argv[2]);
}
