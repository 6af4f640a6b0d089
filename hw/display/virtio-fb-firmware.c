/*
 * virtio-fb: which display shows the framebuffer of firmware
 *
 * Firmware has one framebuffer (QEMU's ramfb), but displays may be many, and
 * may come and go.  The one in the lowest slot has it, so that it is the same
 * one on both sides of a migration.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/display/virtio-fb.h"
#include "hw/qdev-core.h"

static QTAILQ_HEAD(, VirtIOFB) displays = QTAILQ_HEAD_INITIALIZER(displays);

/* Lives as long as firmware's configuration, also while there is no display */
static RAMFBState *the_ramfb;

static void choose_display(void)
{
    VirtIOFB *fb, *first = QTAILQ_FIRST(&displays);

    /* The path has the slot's address, with all of its digits */
    QTAILQ_FOREACH(fb, &displays, next_display) {
        if (g_strcmp0(fb->path, first->path) < 0) {
            first = fb;
        }
    }
    QTAILQ_FOREACH(fb, &displays, next_display) {
        fb->ramfb = fb == first ? the_ramfb : NULL;
    }
}

void virtio_fb_firmware_add(VirtIOFB *fb)
{
    fb->path = qdev_get_dev_path(DEVICE(fb));
    if (!the_ramfb) {
        the_ramfb = ramfb_new(NULL);
    }
    QTAILQ_INSERT_TAIL(&displays, fb, next_display);
    choose_display();
}

void virtio_fb_firmware_remove(VirtIOFB *fb)
{
    /* What is there by now is not for the next display to show */
    if (fb->ramfb) {
        ramfb_reset(fb->ramfb);
    }
    QTAILQ_REMOVE(&displays, fb, next_display);
    choose_display();
    fb->ramfb = NULL;
    g_clear_pointer(&fb->path, g_free);
}
