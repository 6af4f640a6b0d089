/*
 * An X server of the test's own
 *
 * It is Xorg with the drivers "dummy" (a display that is memory) and
 * "inputtest" (input devices that are sockets), which need no rights, no
 * terminal and no hardware.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/un.h>
#include <X11/Xlib.h>
#include <X11/extensions/XI2.h>
#include "virtio-desktop-util.h"
#include "xorg-util.h"

/* Of the input driver's protocol, version 1.1, in the host's byte order */
#define MSG_VERSION     0
#define MSG_SYNC        1
#define MSG_MOTION      2
#define MSG_BUTTON      4
#define MSG_KEY         5
#define MSG_TOUCH       6
#define NUM_VALUATORS   64
#define VALUATOR_MAX    65535

#define MAX_WINDOWS     8

/* A key that is held is repeated after this time, and then as often, in ms */
#define REPEAT_MS       "50"
#define REPEAT_US       50000

typedef struct Header {
    uint32_t length;
    uint32_t type;
} Header;

typedef struct Valuators {
    uint32_t has_unaccelerated;
    uint8_t mask[NUM_VALUATORS / 8];
    double value[NUM_VALUATORS];
    double unaccelerated[NUM_VALUATORS];
} Valuators;

typedef struct VersionMessage {
    Header header;
    uint16_t major;
    uint16_t minor;
} VersionMessage;

/* Of a motion the first word says whether it is absolute */
typedef struct PlaceMessage {
    Header header;
    uint32_t is_absolute;
    Valuators valuators;
} PlaceMessage;

typedef struct ButtonMessage {
    Header header;
    int32_t is_absolute;
    int32_t button;
    uint32_t is_press;
    Valuators valuators;
} ButtonMessage;

typedef struct KeyMessage {
    Header header;
    int32_t keycode;
    uint32_t is_press;
} KeyMessage;

typedef struct TouchMessage {
    Header header;
    uint32_t finger;
    uint32_t type;
    Valuators valuators;
} TouchMessage;

enum { KEYBOARD, POINTER, TOUCH, NUM_DEVICES };

static const struct {
    const char *name;
    const char *type;
    const char *role;
} devices[NUM_DEVICES] = {
    [KEYBOARD] = { "keyboard", "Keyboard", "CoreKeyboard" },
    [POINTER] = { "pointer", "PointerAbsolute", "CorePointer" },
    [TOUCH] = { "touch", "Touch", "SendCoreEvents" },
};

struct XorgServer {
    char *dir;
    GPid pid;
    int sockets[NUM_DEVICES];
    Display *display;
};

/*
 * The server
 */

static char *path_of(XorgServer *xorg, const char *name)
{
    return g_strdup_printf("%s/%s", xorg->dir, name);
}

static void add_device(XorgServer *xorg, GString *config, int device)
{
    g_autofree char *path = path_of(xorg, devices[device].name);

    g_string_append_printf(config,
                           "Section \"InputDevice\"\n"
                           " Identifier \"%s\"\n"
                           " Driver \"inputtest\"\n"
                           " Option \"SocketPath\" \"%s\"\n"
                           " Option \"DeviceType\" \"%s\"\n"
                           " Option \"TouchCount\" \"%d\"\n"
                           "EndSection\n",
                           devices[device].name, path, devices[device].type,
                           XORG_FINGERS);
}

static char *write_config(XorgServer *xorg)
{
    g_autoptr(GString) config = g_string_new(NULL);
    char *path = path_of(xorg, "xorg.conf");
    int i;

    for (i = 0; i < NUM_DEVICES; i++) {
        add_device(xorg, config, i);
    }
    g_string_append_printf(config,
                           "Section \"ServerFlags\"\n"
                           " Option \"AutoAddDevices\" \"false\"\n"
                           " Option \"AutoEnableDevices\" \"false\"\n"
                           "EndSection\n"
                           "Section \"Device\"\n"
                           " Identifier \"card\"\n"
                           " Driver \"dummy\"\n"
                           "EndSection\n"
                           "Section \"Monitor\"\n"
                           " Identifier \"monitor\"\n"
                           " HorizSync 5-1000\n"
                           " VertRefresh 5-200\n"
                           "EndSection\n"
                           "Section \"Screen\"\n"
                           " Identifier \"screen\"\n"
                           " Device \"card\"\n"
                           " Monitor \"monitor\"\n"
                           " DefaultDepth 24\n"
                           " SubSection \"Display\"\n"
                           "  Modes \"%dx%d\"\n"
                           " EndSubSection\n"
                           "EndSection\n"
                           "Section \"ServerLayout\"\n"
                           " Identifier \"layout\"\n"
                           " Screen \"screen\"\n",
                           XORG_WIDTH, XORG_HEIGHT);
    for (i = 0; i < NUM_DEVICES; i++) {
        g_string_append_printf(config, " InputDevice \"%s\" \"%s\"\n",
                               devices[i].name, devices[i].role);
    }
    g_string_append(config, "EndSection\n");
    g_assert_true(g_file_set_contents(path, config->str, -1, NULL));
    return path;
}

/* The server writes its number there once it can be used */
static char *read_number(int fd)
{
    GString *number = g_string_new(":");
    char c;

    while (read(fd, &c, 1) == 1 && g_ascii_isdigit(c)) {
        g_string_append_c(number, c);
    }
    return g_string_free(number, false);
}

static bool spawn(XorgServer *xorg, int fd)
{
    g_autofree char *config = write_config(xorg);
    g_autofree char *log = path_of(xorg, "log");
    g_autofree char *number = g_strdup_printf("%d", fd);
    /* It ends with its last client, so also if this test ends early */
    const char *argv[] = {
        "Xorg", "-displayfd", number, "-config", config, "-logfile", log,
        "-ar1", REPEAT_MS, "-ar2", REPEAT_MS,
        "-terminate", "-nolisten", "tcp", NULL,
    };

    return g_spawn_async(NULL, (char **)argv, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                         G_SPAWN_LEAVE_DESCRIPTORS_OPEN |
                         G_SPAWN_STDOUT_TO_DEV_NULL |
                         G_SPAWN_STDERR_TO_DEV_NULL,
                         NULL, NULL, &xorg->pid, NULL);
}

static bool open_display(XorgServer *xorg, int fd)
{
    g_autofree char *number = read_number(fd);

    xorg->display = XOpenDisplay(number);
    if (!xorg->display) {
        return false;
    }
    g_assert_cmpint(DisplayWidth(xorg->display, 0), ==, XORG_WIDTH);
    g_assert_cmpint(DisplayHeight(xorg->display, 0), ==, XORG_HEIGHT);
    g_setenv("DISPLAY", number, true);
    g_setenv("SDL_VIDEODRIVER", "x11", true);
    return true;
}

/*
 * Messages to the devices
 */

static void put(XorgServer *xorg, int device, uint32_t type, void *message,
                uint32_t length)
{
    Header *header = message;

    header->length = length;
    header->type = type;
    g_assert_cmpint(write(xorg->sockets[device], message, length), ==, length);
}

static void get(XorgServer *xorg, int device, void *message, uint32_t length)
{
    g_assert_cmpint(recv(xorg->sockets[device], message, length, MSG_WAITALL),
                    ==, length);
}

/* Send it, then wait until the server has passed it on */
static void tell(XorgServer *xorg, int device, uint32_t type, void *message,
                 uint32_t length)
{
    Header sync;

    put(xorg, device, type, message, length);
    put(xorg, device, MSG_SYNC, &sync, sizeof(sync));
    get(xorg, device, &sync, sizeof(sync));
}

static void connect_device(XorgServer *xorg, int device)
{
    g_autofree char *path = path_of(xorg, devices[device].name);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval hang = { .tv_sec = HANG_US / G_USEC_PER_SEC };
    VersionMessage version = { .major = 1, .minor = 1 };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_assert_cmpuint(g_strlcpy(address.sun_path, path,
                               sizeof(address.sun_path)), <,
                     sizeof(address.sun_path));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof(hang));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                    ==, 0);
    xorg->sockets[device] = fd;
    put(xorg, device, MSG_VERSION, &version, sizeof(version));
    get(xorg, device, &version, sizeof(version));
    g_assert_cmpuint(version.major, ==, 1);
}

static void set_place(Valuators *valuators, int x, int y)
{
    valuators->mask[0] = 3;
    valuators->value[0] = (x + 0.5) * VALUATOR_MAX / XORG_WIDTH;
    valuators->value[1] = (y + 0.5) * VALUATOR_MAX / XORG_HEIGHT;
}

void xorg_key(XorgServer *xorg, int keycode, bool down)
{
    KeyMessage message = { .keycode = keycode, .is_press = down };

    tell(xorg, KEYBOARD, MSG_KEY, &message, sizeof(message));
}

void xorg_wait_repeat(XorgServer *xorg)
{
    g_usleep(2 * REPEAT_US);
    /* The server looks at its timers between the two */
    XSync(xorg->display, false);
    XSync(xorg->display, false);
}

void xorg_button(XorgServer *xorg, int button, bool down)
{
    ButtonMessage message = { .button = button, .is_press = down };

    tell(xorg, POINTER, MSG_BUTTON, &message, sizeof(message));
}

void xorg_point(XorgServer *xorg, int x, int y)
{
    PlaceMessage message = { .is_absolute = true };

    set_place(&message.valuators, x, y);
    tell(xorg, POINTER, MSG_MOTION, &message, sizeof(message));
}

static void touch(XorgServer *xorg, uint32_t finger, uint32_t type, int x,
                  int y)
{
    TouchMessage message = { .finger = finger, .type = type };

    set_place(&message.valuators, x, y);
    tell(xorg, TOUCH, MSG_TOUCH, &message, sizeof(message));
}

void xorg_touch_begin(XorgServer *xorg, uint32_t finger, int x, int y)
{
    touch(xorg, finger, XI_TouchBegin, x, y);
}

void xorg_touch_update(XorgServer *xorg, uint32_t finger, int x, int y)
{
    touch(xorg, finger, XI_TouchUpdate, x, y);
}

void xorg_touch_end(XorgServer *xorg, uint32_t finger)
{
    TouchMessage message = { .finger = finger, .type = XI_TouchEnd };

    tell(xorg, TOUCH, MSG_TOUCH, &message, sizeof(message));
}

/*
 * Windows
 */

/* Fills in those that are shown, in the order in which they were made */
static int list_windows(XorgServer *xorg, Window *windows)
{
    Window root, parent, *all;
    XWindowAttributes attributes;
    unsigned int i, num_all;
    int j, n = 0;

    g_assert_true(XQueryTree(xorg->display, DefaultRootWindow(xorg->display),
                             &root, &parent, &all, &num_all));
    for (i = 0; i < num_all; i++) {
        if (!XGetWindowAttributes(xorg->display, all[i], &attributes) ||
            attributes.map_state != IsViewable) {
            continue;
        }
        g_assert_cmpint(n, <, MAX_WINDOWS);
        for (j = n++; j > 0 && windows[j - 1] > all[i]; j--) {
            windows[j] = windows[j - 1];
        }
        windows[j] = all[i];
    }
    XFree(all);
    return n;
}

static Window find_window(XorgServer *xorg, int window)
{
    Window windows[MAX_WINDOWS];

    g_assert_cmpint(list_windows(xorg, windows), >, window);
    return windows[window];
}

void xorg_wait_window(XorgServer *xorg, int window)
{
    Window windows[MAX_WINDOWS];
    gint64 end = g_get_monotonic_time() + HANG_US;

    while (list_windows(xorg, windows) <= window) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(1000);
    }
}

void xorg_place(XorgServer *xorg, int window, int x, int y, int width,
                int height)
{
    XMoveResizeWindow(xorg->display, find_window(xorg, window), x, y, width,
                      height);
    XSync(xorg->display, false);
}

void xorg_focus(XorgServer *xorg, int window)
{
    XSetInputFocus(xorg->display, window < 0 ? None : find_window(xorg, window),
                   RevertToNone, CurrentTime);
    XSync(xorg->display, false);
}

void xorg_hide(XorgServer *xorg, int window)
{
    XUnmapWindow(xorg->display, find_window(xorg, window));
    XSync(xorg->display, false);
}

void xorg_swap_keys(XorgServer *xorg, int keycode, int other)
{
    int n, n_other;
    KeySym *syms = XGetKeyboardMapping(xorg->display, keycode, 1, &n);
    KeySym *other_syms = XGetKeyboardMapping(xorg->display, other, 1,
                                             &n_other);

    XChangeKeyboardMapping(xorg->display, keycode, n_other, other_syms, 1);
    XChangeKeyboardMapping(xorg->display, other, n, syms, 1);
    XSync(xorg->display, false);
    XFree(syms);
    XFree(other_syms);
}

/*
 * Begin and end
 */

/* Programs of which the server hears no more are no failure of the test */
static int ignore_error(Display *display, XErrorEvent *event)
{
    return 0;
}

XorgServer *xorg_start(const char **reason)
{
    XorgServer *xorg = g_new0(XorgServer, 1);
    int fds[2], i;

    XSetErrorHandler(ignore_error);
    xorg->dir = g_dir_make_tmp("xorg-XXXXXX", NULL);
    g_assert_cmpint(pipe(fds), ==, 0);
    if (!spawn(xorg, fds[1])) {
        *reason = "Xorg is not installed";
        close(fds[1]);
    } else {
        close(fds[1]);
        if (open_display(xorg, fds[0])) {
            for (i = 0; i < NUM_DEVICES; i++) {
                connect_device(xorg, i);
            }
        } else {
            *reason = "Xorg does not start with the drivers dummy and"
                      " inputtest";
        }
    }
    close(fds[0]);
    if (!xorg->display) {
        xorg_stop(xorg);
        return NULL;
    }
    return xorg;
}

static void remove_file(XorgServer *xorg, const char *name)
{
    g_autofree char *path = path_of(xorg, name);

    unlink(path);
}

void xorg_stop(XorgServer *xorg)
{
    int i;

    if (xorg->display) {
        XCloseDisplay(xorg->display);
        for (i = 0; i < NUM_DEVICES; i++) {
            close(xorg->sockets[i]);
        }
    }
    if (xorg->pid) {
        kill(xorg->pid, SIGTERM);
        waitpid(xorg->pid, NULL, 0);
    }
    for (i = 0; i < NUM_DEVICES; i++) {
        remove_file(xorg, devices[i].name);
    }
    remove_file(xorg, "xorg.conf");
    remove_file(xorg, "log");
    rmdir(xorg->dir);
    g_free(xorg->dir);
    g_free(xorg);
}
