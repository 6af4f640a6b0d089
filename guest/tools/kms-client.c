/*
 * kms-client: drive a display by Linux' kernel mode setting
 *
 *     kms-client [-d DEVICE] COMMAND [OPTION...] [WORD...]
 *     kms-client [-d DEVICE] -
 *
 * DEVICE is a path or the name of a driver.  With "-", commands come from
 * standard input, a line each, and what they show stays until the end or
 * "quit"; each ends with a line "done COMMAND" or "failed COMMAND".  A single
 * command that shows something waits for a line (or the end) of standard input.
 *
 * All output is lines of a word and KEY=VALUE pairs; trouble is a line
 * "error: SENTENCE", and exit status 1 of a single command.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

static const struct command {
    const char *name;
    int (*run)(struct kms *kms, const struct options *options);
    bool shows;
    const char *help;
} commands[] = {
    { "info", command_info, false,
      "                              device, connectors, modes, planes" },
    { "pattern", command_pattern, true,
      "[-c C] [-m WxH] [-f F] [-p P] set a mode, show pattern P" },
    { "draw", command_draw, true,
      "[-c C] [-p P] -r X,Y,W,H [-a] draw pattern P there, tell by DIRTYFB\n"
      "                                       or an atomic commit (-a)" },
    { "flip", command_flip, true,
      "[-c C] [-m WxH] [-p P] [-n N] [-w] [-a] [-r X,Y,W,H]\n"
      "                                       N page flips; -w: draw each image,"
      " P and on" },
    { "damage", command_damage, true,
      "[-c C] [-m WxH] [-n N] [-s S] [-R HZ] [-a]\n"
      "                                       N changes of S x S pixels" },
    { "cursor", command_cursor, true,
      "[-c C] X Y | off              show the cursor there, or not" },
    { "atomic", command_atomic, true,
      "[-c C] [-m WxH] [-n N]        set a mode, N commits with clips" },
    { "disable", command_disable, true,
      "[-c C]                        take the image away" },
    { "dpms", command_dpms, true,
      "[-c C] on | off               switch the screen" },
    { "wait-hotplug", command_wait_hotplug, false,
      "                              wait for the kernel's event" },
    { "prime", command_prime, false,
      "                              export, import and map a buffer" },
    { "exhaust", command_exhaust, false,
      "[-m WxH] [-n N]               all buffers there are (at most N)" },
    { "scroll", command_scroll, false,
      "[-n N] [TTY]                  N lines of text on a console" },
};

#define NUM_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(void)
{
    size_t i;

    printf("usage: kms-client [-d DEVICE] COMMAND...\n"
           "       kms-client [-d DEVICE] -      commands from standard input\n");
    for (i = 0; i < NUM_COMMANDS; i++) {
        printf("  %-12s %s\n", commands[i].name, commands[i].help);
    }
    printf("C is a connector's name or number, F a format such as XRGB8888.\n");
    return 1;
}

static bool parse_size(const char *text, struct options *options)
{
    char rest;

    return sscanf(text, "%ux%u%c", &options->width, &options->height,
                  &rest) == 2;
}

static bool parse_rect(const char *text, struct drm_mode_rect *rect)
{
    int width, height;
    char rest;

    if (sscanf(text, "%d,%d,%d,%d%c", &rect->x1, &rect->y1, &width, &height,
               &rest) != 4) {
        return false;
    }
    rect->x2 = rect->x1 + width;
    rect->y2 = rect->y1 + height;
    return true;
}

static bool parse_option(int letter, char *value, struct options *options)
{
    switch (letter) {
    case 'c':
        options->connector = value;
        return true;
    case 'm':
        return parse_size(value, options);
    case 'f':
        options->format = format_from_name(value);
        return options->format != 0;
    case 'p':
        options->pattern = atoi(value);
        return true;
    case 'n':
        options->count = atoi(value);
        return options->count > 0;
    case 's':
        options->size = atoi(value);
        return options->size > 0;
    case 'r':
        return parse_rect(value, &options->rect);
    case 'R':
        options->rate = atoi(value);
        return true;
    case 'a':
        options->atomic = true;
        return true;
    case 'w':
        options->draw = true;
        return true;
    default:
        return false;
    }
}

static int parse_options(int argc, char **argv, struct options *options)
{
    int letter;

    *options = (struct options) {
        .format = DRM_FORMAT_XRGB8888,
        .size = 64,
    };
    optind = 0;                 /* start anew, past the command */
    opterr = 0;
    while ((letter = getopt(argc, argv, "+c:m:f:p:n:s:r:R:aw")) != -1) {
        if (!parse_option(letter, optarg, options)) {
            return fail("%s: option not understood", argv[0]);
        }
    }
    options->num_words = argc - optind;
    options->words = argv + optind;
    return 0;
}

static const struct command *find_command(const char *name)
{
    size_t i;

    for (i = 0; i < NUM_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    fail("there is no command %s", name);
    return NULL;
}

static int run_command(struct kms *kms, const struct command *command,
                       int argc, char **argv)
{
    struct options options;

    return parse_options(argc, argv, &options) || command->run(kms, &options)
           ? -1 : 0;
}

static int run_single(struct kms *kms, int argc, char **argv)
{
    const struct command *command = find_command(argv[0]);

    if (!command || run_command(kms, command, argc, argv)) {
        return 1;
    }
    if (command->shows) {
        printf("waiting\n");
        getchar();
    }
    return 0;
}

static int run_lines(struct kms *kms)
{
    char line[1024], *words[32], *word;
    int status = 0;

    while (fgets(line, sizeof(line), stdin)) {
        const struct command *command;
        int count = 0;

        for (word = strtok(line, " \n"); word && count < 31;
             word = strtok(NULL, " \n")) {
            words[count++] = word;
        }
        words[count] = NULL;
        if (count == 0) {
            continue;
        }
        if (strcmp(words[0], "quit") == 0) {
            break;
        }
        command = find_command(words[0]);
        if (command && run_command(kms, command, count, words) == 0) {
            printf("done %s\n", words[0]);
        } else {
            printf("failed %s\n", words[0]);
            status = 1;
        }
    }
    return status;
}

int main(int argc, char **argv)
{
    const char *device = NULL;
    static struct kms kms;
    int letter;

    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((letter = getopt(argc, argv, "+d:")) != -1) {
        if (letter != 'd') {
            return usage();
        }
        device = optarg;
    }
    argc -= optind;
    argv += optind;
    if (argc == 0) {
        return usage();
    }
    if (kms_open(&kms, device)) {
        return 1;
    }
    if (strcmp(argv[0], "-") == 0) {
        return run_lines(&kms);
    }
    return run_single(&kms, argc, argv);
}
