/*
 * QTest testcase for the clipboard of SDL's windows
 *
 * The host's side is an X server and xclip, the guest's is an agent: the test,
 * at the other end of the guest's UART.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <spice/vd_agent.h>
#ifdef CONFIG_LINUX
#include <sys/prctl.h>
#endif
#include "virtio-desktop-util.h"
#include "virtio-input-util.h"
#include "xorg-util.h"

#define OPTIONS     "-machine fb=on -global virtio-fb-device.vram=16M" \
                    " -chardev qemu-vdagent,id=agent,clipboard=on,mouse=off" \
                    " -serial chardev:agent -display sdl"

#define UART_BASE   0x09000000
#define UART_DR     0x00
#define UART_FR     0x18
#define UART_FR_RXFE    0x10

#define HOST_TEXT   "from the host"
#define GUEST_TEXT  "from the guest"

static XorgServer *xorg;

typedef struct Desk {
    InputMachine *machine;
    InputGuest keyboard;
    GByteArray *received;       /* but not yet looked at */
} Desk;

/* Returns: whether there is time left to wait */
static bool look(Desk *desk, gint64 *end)
{
    input_guest_drain(&desk->keyboard, &desk->machine->dev[INPUT_KEYBOARD]);
    if (!*end) {
        *end = g_get_monotonic_time() + HANG_US;
    }
    g_usleep(1000);
    return g_get_monotonic_time() < *end;
}

#define wait_until(desk, condition) \
    do { \
        gint64 end_ = 0; \
        bool met_; \
        while (!(met_ = (condition)) && look((desk), &end_)) { \
            ; \
        } \
        g_assert_true(met_); \
    } while (0)

/*
 * The host
 */

static GPid owner;

static void end_with_test(gpointer opaque)
{
#ifdef CONFIG_LINUX
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

static void end_owner(GPid pid)
{
    if (pid) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* What a user pastes; NULL if there is nothing */
static char *paste(void)
{
    const char *argv[] = { "xclip", "-selection", "clipboard", "-out", NULL };
    char *text = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                               G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
                               NULL, NULL, &text, NULL, &status, NULL));
    if (status) {
        g_clear_pointer(&text, g_free);
    }
    return text;
}

static bool can_paste(const char *text)
{
    g_autofree char *pasted = paste();

    return !g_strcmp0(pasted, text);
}

/* A program of the host has it */
static void copy(Desk *desk, const char *text)
{
    g_autofree char *path = NULL;
    const char *argv[] = {
        "xclip", "-quiet", "-selection", "clipboard", "-in", NULL, NULL
    };
    GPid old_owner = owner;
    int fd = g_file_open_tmp("clipboard-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
    close(fd);
    argv[5] = path;
    g_assert_true(g_spawn_async(NULL, (char **)argv, NULL,
                                G_SPAWN_SEARCH_PATH |
                                G_SPAWN_DO_NOT_REAP_CHILD |
                                G_SPAWN_STDOUT_TO_DEV_NULL |
                                G_SPAWN_STDERR_TO_DEV_NULL,
                                end_with_test, NULL, &owner, NULL));
    wait_until(desk, can_paste(text));
    end_owner(old_owner);
    unlink(path);
}

/* The same, and then the user comes to the window with it */
static void bring(Desk *desk, const char *text)
{
    xorg_focus(xorg, -1);
    copy(desk, text);
    xorg_focus(xorg, 0);
}

static void press(Desk *desk, bool down)
{
    xorg_key(xorg, XORG_KEYCODE(KEY_F12), down);
    wait_until(desk, desk->keyboard.keys[KEY_F12] == down);
}

/* QEMU has seen what the X server told it so far; the window gets the focus */
static void barrier(Desk *desk)
{
    xorg_focus(xorg, 0);
    press(desk, true);
    press(desk, false);
}

/* It is gone when QEMU lets go of a key that is still down */
static void lose_focus(Desk *desk)
{
    press(desk, true);
    xorg_focus(xorg, -1);
    wait_until(desk, !desk->keyboard.keys[KEY_F12]);
    xorg_key(xorg, XORG_KEYCODE(KEY_F12), false);
}

/*
 * The guest's agent: without selections and serial numbers
 */

static void send_message(Desk *desk, uint32_t type, const void *data,
                         uint32_t size)
{
    VDAgentMessage message = {
        .protocol = VD_AGENT_PROTOCOL, .type = type, .size = size,
    };
    VDIChunkHeader chunk = {
        .port = VDP_CLIENT_PORT, .size = sizeof(message) + size,
    };
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint i;

    g_byte_array_append(bytes, (void *)&chunk, sizeof(chunk));
    g_byte_array_append(bytes, (void *)&message, sizeof(message));
    g_byte_array_append(bytes, data, size);
    for (i = 0; i < bytes->len; i++) {
        qtest_writel(desk->machine->qts, UART_BASE + UART_DR, bytes->data[i]);
    }
}

static void read_uart(Desk *desk)
{
    QTestState *qts = desk->machine->qts;

    while (!(qtest_readl(qts, UART_BASE + UART_FR) & UART_FR_RXFE)) {
        uint8_t byte = qtest_readl(qts, UART_BASE + UART_DR);

        g_byte_array_append(desk->received, &byte, 1);
    }
}

/* All messages of the test fit into one chunk. Returns: NULL if none came */
static VDAgentMessage *receive(Desk *desk)
{
    const size_t start = sizeof(VDIChunkHeader);
    VDIChunkHeader chunk;
    VDAgentMessage *message;

    read_uart(desk);
    if (!desk->received->len) {
        return NULL;
    }
    g_assert_cmpuint(desk->received->len, >=, start + sizeof(*message));
    memcpy(&chunk, desk->received->data, start);
    g_assert_cmpuint(desk->received->len, >=, start + chunk.size);
    message = g_memdup2(desk->received->data + start, chunk.size);
    g_assert_cmpuint(chunk.size, ==, sizeof(*message) + message->size);
    g_byte_array_remove_range(desk->received, 0, start + chunk.size);
    return message;
}

/* Has one of this type come? Messages before it are dropped. */
static bool has_come(Desk *desk, uint32_t type)
{
    for (;;) {
        g_autofree VDAgentMessage *message = receive(desk);

        if (!message || message->type == type) {
            return message;
        }
    }
}

/* A program of the guest asks for the host's text */
static void expect_text(Desk *desk, const char *text)
{
    uint32_t type = VD_AGENT_CLIPBOARD_UTF8_TEXT;
    g_autofree VDAgentMessage *message = NULL;

    while (has_come(desk, VD_AGENT_CLIPBOARD)) {
        ;
    }
    send_message(desk, VD_AGENT_CLIPBOARD_REQUEST, &type, sizeof(type));
    /* The answer may be preceded by other news */
    do {
        g_free(message);
        message = receive(desk);
        g_assert_nonnull(message);
    } while (message->type != VD_AGENT_CLIPBOARD);
    g_assert_cmpuint(message->size, ==, sizeof(type) + strlen(text));
    g_assert_cmpint(memcmp(message->data + sizeof(type), text, strlen(text)),
                    ==, 0);
}

/* A program of the guest has it. Returns: whether the host has asked for it */
static bool copy_in_guest(Desk *desk, const char *text)
{
    uint32_t type = VD_AGENT_CLIPBOARD_UTF8_TEXT;
    g_autoptr(GByteArray) data = g_byte_array_new();
    bool is_asked;

    send_message(desk, VD_AGENT_CLIPBOARD_GRAB, &type, sizeof(type));
    is_asked = has_come(desk, VD_AGENT_CLIPBOARD_REQUEST);
    /* A hostile guest does not wait to be asked */
    g_byte_array_append(data, (void *)&type, sizeof(type));
    g_byte_array_append(data, (void *)text, strlen(text));
    send_message(desk, VD_AGENT_CLIPBOARD, data->data, data->len);
    return is_asked;
}

static void connect_agent(Desk *desk)
{
    /* The answer is asked for, as it makes what was sent before it come, too */
    uint32_t data[] = { true, 1 << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND };

    send_message(desk, VD_AGENT_ANNOUNCE_CAPABILITIES, data, sizeof(data));
    read_uart(desk);
    g_assert_cmpuint(desk->received->len, >, 0);
    /* The UART's reset has lost the beginning */
    g_byte_array_set_size(desk->received, 0);
}

static Desk *desk_start(const char *direction)
{
    g_autofree char *options =
        g_strdup_printf(OPTIONS "%s%s", direction ? ",clipboard=" : "",
                        direction ?: "");
    Desk *desk = g_new0(Desk, 1);

    desk->machine = input_start_drivers(options);
    desk->received = g_byte_array_new();
    input_guest_init(&desk->keyboard);
    xorg_wait_window(xorg, 0);
    connect_agent(desk);
    barrier(desk);
    return desk;
}

static void desk_stop(Desk *desk)
{
    input_quit(desk->machine);
    g_byte_array_unref(desk->received);
    g_free(desk);
    end_owner(owner);
    owner = 0;
}

/*
 * Tests
 */

typedef struct Direction {
    const char *name;           /* NULL: not said */
    bool to_guest;
    bool to_host;
} Direction;

static const Direction directions[] = {
    { NULL, false, false },
    { "off", false, false },
    { "to-guest", true, false },
    { "to-host", false, true },
    { "both", true, true },
};

static void test_direction(gconstpointer data)
{
    const Direction *direction = data;
    Desk *desk = desk_start(direction->name);
    bool is_asked;

    bring(desk, HOST_TEXT);
    if (direction->to_guest) {
        wait_until(desk, has_come(desk, VD_AGENT_CLIPBOARD_GRAB));
        expect_text(desk, HOST_TEXT);
    } else {
        barrier(desk);
        g_assert_false(has_come(desk, VD_AGENT_CLIPBOARD_GRAB));
        expect_text(desk, "");
    }

    is_asked = copy_in_guest(desk, GUEST_TEXT);
    g_assert_true(is_asked == direction->to_host);
    if (direction->to_host) {
        wait_until(desk, can_paste(GUEST_TEXT));
    } else {
        barrier(desk);
        g_assert_true(can_paste(HOST_TEXT));
    }
    desk_stop(desk);
}

/* To look at the host's clipboard, or to replace it, takes the focus */
static void test_focus(void)
{
    Desk *desk = desk_start("both");

    bring(desk, HOST_TEXT);
    wait_until(desk, has_come(desk, VD_AGENT_CLIPBOARD_GRAB));
    lose_focus(desk);
    expect_text(desk, "");
    g_assert_false(copy_in_guest(desk, GUEST_TEXT));
    g_assert_true(can_paste(HOST_TEXT));

    copy(desk, "for another program");
    expect_text(desk, "");
    xorg_focus(xorg, 0);
    wait_until(desk, has_come(desk, VD_AGENT_CLIPBOARD_GRAB));
    expect_text(desk, "for another program");
    g_assert_true(copy_in_guest(desk, GUEST_TEXT));
    wait_until(desk, can_paste(GUEST_TEXT));
    desk_stop(desk);
}

/* A guest that asked in vain is told again when it may have the text */
static void test_asked_in_vain(void)
{
    Desk *desk = desk_start("to-guest");

    bring(desk, HOST_TEXT);
    wait_until(desk, has_come(desk, VD_AGENT_CLIPBOARD_GRAB));
    lose_focus(desk);
    expect_text(desk, "");
    xorg_focus(xorg, 0);
    wait_until(desk, has_come(desk, VD_AGENT_CLIPBOARD_GRAB));
    expect_text(desk, HOST_TEXT);
    desk_stop(desk);
}

static void test_bad_value(void)
{
    g_autofree char *errors = NULL;

    g_assert_cmpint(desktop_run_qemu(" -display sdl,clipboard=maybe", &errors),
                    !=, 0);
    g_assert_nonnull(strstr(errors, "clipboard"));
    g_assert_nonnull(strstr(errors, "maybe"));
}

static void add_tests(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(directions); i++) {
        g_autofree char *path =
            g_strdup_printf("/virtio-desktop-clipboard/%s",
                            directions[i].name ?: "default");

        qtest_add_data_func(path, &directions[i], test_direction);
    }
    qtest_add_func("/virtio-desktop-clipboard/focus", test_focus);
    qtest_add_func("/virtio-desktop-clipboard/asked-in-vain",
                   test_asked_in_vain);
}

static void skip(const void *reason)
{
    g_test_skip(reason);
}

int main(int argc, char **argv)
{
    g_autofree char *xclip = g_find_program_in_path("xclip");
    const char *reason = "xclip is not installed";
    int status;

    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/virtio-desktop-clipboard/bad-value", test_bad_value);
    xorg = xclip ? xorg_start(&reason) : NULL;
    if (xorg) {
        add_tests();
    } else {
        qtest_add_data_func("/virtio-desktop-clipboard/all", reason, skip);
    }
    status = g_test_run();
    if (xorg) {
        xorg_stop(xorg);
    }
    return status;
}
