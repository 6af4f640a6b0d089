/*
 * The keyboard of the kernel's virtual terminal.  It takes every key of every
 * keyboard, and its buffers are a thousand times those of evdev: whoever reads
 * late has lost nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "evdev.h"

static struct {
    int fd;
    int mode;
    struct termios termios;
    unsigned char code[3];      /* a key so far */
    int length;
    bool held[1 << 14];
    uint64_t keys;
    uint32_t hash;
} terminal = {
    .fd = -1,
};

int terminal_start(void)
{
    struct termios raw;

    terminal_stop();
    terminal.fd = open("/dev/tty0", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal.fd < 0 || ioctl(terminal.fd, KDGKBMODE, &terminal.mode) ||
        tcgetattr(terminal.fd, &terminal.termios)) {
        return fail("/dev/tty0: %s", strerror(errno));
    }
    raw = terminal.termios;
    cfmakeraw(&raw);
    tcsetattr(terminal.fd, TCSANOW, &raw);
    if (ioctl(terminal.fd, KDSKBMODE, K_MEDIUMRAW)) {
        return fail("/dev/tty0: %s", strerror(errno));
    }
    tcflush(terminal.fd, TCIFLUSH);
    memset(terminal.held, 0, sizeof(terminal.held));
    terminal.length = 0;
    terminal.keys = 0;
    terminal.hash = HASH_START;
    return 0;
}

void terminal_stop(void)
{
    if (terminal.fd >= 0) {
        ioctl(terminal.fd, KDSKBMODE, terminal.mode);
        tcsetattr(terminal.fd, TCSAFLUSH, &terminal.termios);
        close(terminal.fd);
        terminal.fd = -1;
    }
}

static void handle_key(unsigned code, bool down)
{
    /* What is down already is a repeat */
    if (terminal.held[code] != down) {
        terminal.held[code] = down;
        terminal.keys++;
        terminal.hash = hash_add(terminal.hash, code << 1 | down);
    }
}

/* A byte for a small code; else one that is 0, and seven bits in each of two */
static void handle_byte(unsigned char byte)
{
    const unsigned char *code = terminal.code;

    terminal.code[terminal.length++] = byte;
    if (code[0] & 0x7f) {
        handle_key(code[0] & 0x7f, !(code[0] & 0x80));
        terminal.length = 0;
    } else if (terminal.length == 3) {
        handle_key((code[1] & 0x7f) << 7 | (code[2] & 0x7f),
                   !(code[0] & 0x80));
        terminal.length = 0;
    }
}

int terminal_print(void)
{
    unsigned char bytes[4096];
    ssize_t i, size;
    unsigned code;

    while ((size = read(terminal.fd, bytes, sizeof(bytes))) > 0) {
        for (i = 0; i < size; i++) {
            handle_byte(bytes[i]);
        }
    }
    if (size < 0 && errno != EAGAIN) {
        return fail("/dev/tty0: %s", strerror(errno));
    }
    printf("terminal keys=%llu key_hash=%u\nheld",
           (unsigned long long)terminal.keys, terminal.hash);
    for (code = 0; code < sizeof(terminal.held); code++) {
        if (terminal.held[code]) {
            printf(" %u", code);
        }
    }
    printf("\n");
    return 0;
}
