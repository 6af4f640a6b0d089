/*
 * An X server of the test's own, with a keyboard, a mouse and a touch screen
 * that the test moves: for tests of what a user does with QEMU's windows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef XORG_UTIL_H
#define XORG_UTIL_H

#define XORG_WIDTH      1280
#define XORG_HEIGHT     800
#define XORG_FINGERS    20

/* Keycodes are those of the kernel plus this */
#define XORG_KEYCODE(key)   ((key) + 8)

typedef struct XorgServer XorgServer;

/*
 * Programs that are started from now on use it.
 *
 * Returns: NULL if that is not possible here; then @reason says why
 */
XorgServer *xorg_start(const char **reason);
void xorg_stop(XorgServer *xorg);

/*
 * What the user does. The server has passed it on when these return.
 */

void xorg_key(XorgServer *xorg, int keycode, bool down);
/* The key that was pressed last, and is held, has been repeated */
void xorg_wait_repeat(XorgServer *xorg);
void xorg_button(XorgServer *xorg, int button, bool down);
void xorg_point(XorgServer *xorg, int x, int y);
/* A finger is on the screen, or moves there, or is taken away */
void xorg_touch_begin(XorgServer *xorg, uint32_t finger, int x, int y);
void xorg_touch_update(XorgServer *xorg, uint32_t finger, int x, int y);
void xorg_touch_end(XorgServer *xorg, uint32_t finger);

/*
 * What the window manager does, which is the test too
 */

/* Wait for the n-th window to be shown. Windows are counted from 0. */
void xorg_wait_window(XorgServer *xorg, int window);
void xorg_place(XorgServer *xorg, int window, int x, int y, int width,
                int height);
/* Window -1: none has the focus */
void xorg_focus(XorgServer *xorg, int window);
void xorg_hide(XorgServer *xorg, int window);

/* What two keys have printed on them is the other way round from now on */
void xorg_swap_keys(XorgServer *xorg, int keycode, int other);

#endif
