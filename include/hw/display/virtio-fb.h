/*
 * virtio-fb: a display whose video memory the host owns
 *
 * Shared by the parts of the device: virtio-fb.c is the virtio device,
 * virtio-fb-request.c carries out what a driver asks, virtio-fb-refresh.c
 * has the time of the display, virtio-fb-scanout.c what each of its outputs
 * shows.  See docs/specs/virtio-fb.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VIRTIO_FB_H
#define HW_DISPLAY_VIRTIO_FB_H

#include "exec/memory.h"
#include "hw/display/ramfb.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-fb-wire.h"
#include "qemu/queue.h"
#include "qom/object.h"
#include "system/runstate.h"
#include "ui/console.h"

#define TYPE_VIRTIO_FB "virtio-fb-device"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOFB, VIRTIO_FB)

/* Limits that the configuration space announces */
#define VIRTIO_FB_MAX_SIZE          16384
#define VIRTIO_FB_MAX_RECTS         256
#define VIRTIO_FB_MAX_CURSOR        256
#define VIRTIO_FB_DISCARD_ALIGN     (64 * KiB)

/* A format scanouts can have, and how to show it */
typedef struct VirtIOFBFormat {
    uint32_t fourcc;                /* VIRTIO_FB_FORMAT_* */
    pixman_format_code_t pixman;
    bool convert;                   /* through a surface of another format */
} VirtIOFBFormat;

/* An image in video memory, checked to lie inside */
typedef struct VirtIOFBMode {
    const VirtIOFBFormat *format;
    uint32_t width;                 /* pixels */
    uint32_t height;
    uint32_t stride;                /* bytes */
    uint64_t offset;                /* bytes */
} VirtIOFBMode;

/* Whose image a scanout shows, in order of precedence from the last */
typedef enum VirtIOFBShown {
    VIRTIO_FB_SHOWS_NOTHING,
    VIRTIO_FB_SHOWS_BOOT,
    VIRTIO_FB_SHOWS_FIRMWARE,
    VIRTIO_FB_SHOWS_DRIVER,
} VirtIOFBShown;

typedef struct VirtIOFBScanout {
    VirtIOFB *fb;
    uint32_t index;
    QemuConsole *con;

    /* What the user's display would like, see struct virtio_fb_display */
    bool connected;
    QemuUIInfo ui;

    /* Set by the driver; fourcc stands for the format in the VM state */
    bool taken;                     /* and so not the boot display's */
    bool enabled;
    VirtIOFBMode mode;
    uint32_t fourcc;
    bool flip_pending;
    uint64_t flip_offset;
    bool vblank;

    /* Cursor: packed little-endian ARGB8888, no image if it is hidden */
    uint8_t *cursor_image;
    uint32_t cursor_size;           /* bytes */
    uint32_t cursor_width;
    uint32_t cursor_height;
    uint32_t cursor_hot_x;
    uint32_t cursor_hot_y;
    int32_t cursor_x;
    int32_t cursor_y;

    /* Runtime: what the console shows, and where that has changed */
    VirtIOFBShown shown;
    pixman_region32_t damage;
    pixman_region32_t flip_damage;  /* of the image flip_offset */
    bool cursor_defined;            /* has a new image... */
    bool cursor_moved;              /* ...or place since it was shown */
} VirtIOFBScanout;

/* A FLIP request that waits for its refresh */
typedef struct VirtIOFBFlip {
    VirtQueueElement elem;
    uint32_t scanout;
    QTAILQ_ENTRY(VirtIOFBFlip) next;
} VirtIOFBFlip;

struct VirtIOFB {
    /*< private >*/
    VirtIODevice parent_obj;

    /*< public >*/
    /* Properties */
    uint64_t vram_size;
    uint32_t max_outputs;
    uint32_t xres;
    uint32_t yres;
    uint32_t refresh;               /* Hz */
    bool edid;

    /* Guest-visible */
    MemoryRegion vram;
    VirtIOFBScanout scanout[VIRTIO_FB_MAX_SCANOUTS];
    QTAILQ_HEAD(, VirtIOFBFlip) flips;
    uint32_t display_event;         /* scanouts with an event to send */
    uint32_t vblank_event;
    uint64_t vblank_sequence;       /* the refresh of vblank_event */

    /* Runtime */
    VirtQueue *control_vq;
    VirtQueue *event_vq;
    QEMUBH *control_bh;
    QEMUTimer *timer;
    int64_t tell_after;             /* ns, QEMU_CLOCK_REALTIME */
    RAMFBState *ramfb;
    VMChangeStateEntry *vm_change;
    bool cannot_discard;
};

/* virtio-fb-request.c */

/**
 * virtio_fb_handle_control: carry out requests of the control queue
 *
 * A virtqueue handler.  Does a bounded amount of work and schedules
 * @control_bh for more.
 */
void virtio_fb_handle_control(VirtIODevice *vdev, VirtQueue *vq);

/* virtio-fb-refresh.c */

/* virtio_fb_tick: callback of the refresh timer, @opaque is the VirtIOFB */
void virtio_fb_tick(void *opaque);

/* virtio_fb_arm: have the timer run at the next refresh */
void virtio_fb_arm(VirtIOFB *fb);

/* virtio_fb_catch_up: if the timer is due, do not wait for it to run */
void virtio_fb_catch_up(VirtIOFB *fb);

/* virtio_fb_get_sequence: number of the refresh that came last */
uint64_t virtio_fb_get_sequence(VirtIOFB *fb);

/* virtio_fb_get_refresh: describe refresh @sequence to the driver */
void virtio_fb_get_refresh(VirtIOFB *fb, uint64_t sequence,
                           struct virtio_fb_refresh *refresh);

/* virtio_fb_complete_flips: respond to all FLIPs of a scanout */
void virtio_fb_complete_flips(VirtIOFBScanout *s);

/* virtio_fb_drop_flips: forget all FLIPs, on reset */
void virtio_fb_drop_flips(VirtIOFB *fb);

/* virtio_fb_send_events: send what is due, as far as there are buffers */
void virtio_fb_send_events(VirtIOFB *fb);

/* virtio-fb-scanout.c */

/* The formats, in the order the configuration space has them */
extern const VirtIOFBFormat virtio_fb_formats[];
extern const size_t virtio_fb_num_formats;

/* virtio_fb_find_format: look up a VIRTIO_FB_FORMAT_*, NULL if unknown */
const VirtIOFBFormat *virtio_fb_find_format(uint32_t fourcc);

/**
 * virtio_fb_mode_check: is an image of this shape inside video memory?
 * @fb: device
 * @mode: all fields set, as a guest gave them
 *
 * Returns: VIRTIO_FB_S_OK, or what is wrong with @mode
 */
enum virtio_fb_status virtio_fb_mode_check(VirtIOFB *fb,
                                           const VirtIOFBMode *mode);

/* virtio_fb_boot_written: QEMU has written to the boot display's image */
void virtio_fb_boot_written(VirtIOFB *fb);

/**
 * virtio_fb_boot_vm_change: keep the boot display's image coherent
 * @fb: device
 * @running: the guest is about to run, else it has stopped
 */
void virtio_fb_boot_vm_change(VirtIOFB *fb, bool running);

/* virtio_fb_scanout_init: create the console of scanout @index */
void virtio_fb_scanout_init(VirtIOFB *fb, uint32_t index);

/* virtio_fb_scanout_cleanup: the opposite */
void virtio_fb_scanout_cleanup(VirtIOFBScanout *s);

/* virtio_fb_scanout_reset: forget the driver, show what it found */
void virtio_fb_scanout_reset(VirtIOFBScanout *s);

/* virtio_fb_scanout_set: show the image @mode, which is checked */
void virtio_fb_scanout_set(VirtIOFBScanout *s, const VirtIOFBMode *mode);

/* virtio_fb_scanout_disable: show no image */
void virtio_fb_scanout_disable(VirtIOFBScanout *s);

/* virtio_fb_scanout_latch: show the image of the pending flip */
void virtio_fb_scanout_latch(VirtIOFBScanout *s);

/* virtio_fb_scanout_add_damage: @rects are inside the image set last */
void virtio_fb_scanout_add_damage(VirtIOFBScanout *s,
                                  const pixman_box32_t *rects, int num_rects);

/* virtio_fb_scanout_flush: tell the user interface what has changed */
void virtio_fb_scanout_flush(VirtIOFBScanout *s);

/* virtio_fb_scanout_cursor_changed: show the cursor at the next refresh */
void virtio_fb_scanout_cursor_changed(VirtIOFBScanout *s, bool new_image);

/**
 * virtio_fb_scanout_restore: show what the loaded fields say
 *
 * Returns: 0, or -EINVAL if they make no sense
 */
int virtio_fb_scanout_restore(VirtIOFBScanout *s);

#endif /* HW_DISPLAY_VIRTIO_FB_H */
