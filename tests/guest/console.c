/*
 * Where results go: virtio-console, and the debug UART if there is one
 *
 * What is printed before they are found is kept for them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "tap.h"
#include "virtio.h"

#define RECEIVE     0
#define TRANSMIT    1
#define ROLE        7
#define LINE_MS     60000

#define UART_DATA   (UART + 0x00)
#define UART_FLAGS  (UART + 0x18)
#define UART_FULL   BIT(5)

static struct virtio console;
static bool console_works;

static char text[0x10000];
static size_t text_size;        /* printed so far */
static size_t uart_at, console_at;
static char input[64];

static void uart_flush(void)
{
    uint64_t deadline = in_ms(PATIENCE_MS);

    while (uart_at < text_size) {
        while (read32(UART_FLAGS) & UART_FULL && !passed(deadline)) {
            relax();
        }
        if (text[uart_at] == '\n') {
            write32(UART_DATA, '\r');
        }
        write32(UART_DATA, text[uart_at++]);
    }
}

static bool console_flush(void)
{
    size_t size = text_size - console_at;

    if (size && virtio_request(&console, TRANSMIT, text + console_at, size,
                               NULL, 0) < 0) {
        return false;
    }
    console_at = text_size;
    return true;
}

void console_write(const char *data, size_t size)
{
    if (size > sizeof(text) - text_size) {
        return;
    }
    memcpy(text + text_size, data, size);
    text_size += size;
    if (dt.has_uart) {
        uart_flush();
    }
    /* One that does not take its text would cost patience each time */
    if (console_works) {
        console_works = console_flush();
    }
}

int check_console_send(void)
{
    int slot = virtio_find(VIRTIO_ID_CONSOLE, ROLE);

    if (slot < 0) {
        return skip("there is no console");
    }
    TRY(virtio_open(&console, slot, 0, 2));
    note("the console is in slot %d", slot);
    console_works = console_flush();
    EXPECT(console_works);
    return PASS;
}

/* The end is near: if there is no way out for the text yet, find one */
void console_try(void)
{
    static bool tried;

    if (!tried && !dt.has_uart && !console_works) {
        tried = true;
        check_console_send();
    }
}

int check_console_receive(void)
{
    struct piece piece = { input, sizeof(input), true };
    uint32_t length;

    if (!console.base) {
        return skip("there is no console");
    }
    if (!boot_option("line")) {
        return skip("nobody is there to type: no boot argument \"line\"");
    }
    virtq_add(&console, RECEIVE, 0, &piece, 1);
    virtq_notify(&console, RECEIVE);
    note("type a line now");
    if (virtq_wait(&console, RECEIVE, &length, LINE_MS) < 0) {
        return fail("nothing came in %u ms", LINE_MS);
    }
    EXPECT(length >= 1 && length < sizeof(input));
    input[length - 1] = 0;      /* the end of the line */
    note("received \"%s\"", input);
    return PASS;
}
