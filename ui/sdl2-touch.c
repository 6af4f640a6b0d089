/*
 * SDL: fingers on a window are contacts on the guest's touch screen
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/console.h"
#include "ui/input.h"
#include "ui/sdl2.h"
#include "ui/touch.h"

/* A touch pad moves the pointer: its fingers are not where the window is */
static bool is_touch_screen(SDL_TouchID id)
{
#if SDL_VERSION_ATLEAST(2, 0, 10)
    SDL_TouchDeviceType type = SDL_GetTouchDeviceType(id);

    return type != SDL_TOUCH_DEVICE_INDIRECT_ABSOLUTE &&
           type != SDL_TOUCH_DEVICE_INDIRECT_RELATIVE;
#else
    return true;
#endif
}

static struct sdl2_console *touched_console(SDL_TouchFingerEvent *ev)
{
#if SDL_VERSION_ATLEAST(2, 0, 12)
    return sdl2_console_of_window(ev->windowID);
#else
    SDL_Window *window = SDL_GetKeyboardFocus();

    return window ? sdl2_console_of_window(SDL_GetWindowID(window)) : NULL;
#endif
}

static bool is_within(double x, double y)
{
    return x >= 0 && x <= 1 && y >= 0 && y <= 1;
}

/* Turn a place in the window into one on the picture */
static void place_on_picture(struct sdl2_console *scon, double *x, double *y)
{
    SDL_Rect picture;
    int width, height;

    SDL_GetWindowSize(scon->real_window, &width, &height);
    sdl2_place_picture(scon, width, height, &picture);
    *x = (*x * width - picture.x) / picture.w;
    *y = (*y * height - picture.y) / picture.h;
}

/*
 * SDL hears twice of a contact if a window has X11's pointer grab.  It then
 * takes the second time for a new contact, and the end of the first for lost.
 * What it makes up of that must not become a tap in the guest.
 */
static bool is_made_up_end(SDL_TouchFingerEvent *ev)
{
    SDL_Event next;
    SDL_TouchFingerEvent *begin = &next.tfinger;

    if (SDL_PeepEvents(&next, 1, SDL_PEEKEVENT, SDL_FINGERDOWN,
                       SDL_FINGERDOWN) != 1 ||
        begin->touchId != ev->touchId || begin->fingerId != ev->fingerId ||
        begin->x != ev->x || begin->y != ev->y) {
        return false;
    }
    SDL_PeepEvents(&next, 1, SDL_GETEVENT, SDL_FINGERDOWN, SDL_FINGERDOWN);
    return true;
}

void sdl2_process_finger(SDL_TouchFingerEvent *ev)
{
    struct sdl2_console *scon = touched_console(ev);
    InputMultiTouchType type = INPUT_MULTI_TOUCH_TYPE_UPDATE;
    double x = ev->x, y = ev->y;

    if (!scon || !qemu_console_is_graphic(scon->dcl.con) ||
        !is_touch_screen(ev->touchId)) {
        return;
    }

    place_on_picture(scon, &x, &y);
    if (ev->type == SDL_FINGERDOWN) {
        if (!is_within(x, y)) {
            return;
        }
        type = INPUT_MULTI_TOUCH_TYPE_BEGIN;
    } else if (ev->type == SDL_FINGERUP) {
        if (is_made_up_end(ev)) {
            return;
        }
        type = INPUT_MULTI_TOUCH_TYPE_END;
    }
    touch_event(scon->dcl.con, ev->touchId, ev->fingerId, type, x, y, NULL);
}
