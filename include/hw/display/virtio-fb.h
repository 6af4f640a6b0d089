/*
 * virtio-fb: a display whose video memory the host owns
 *
 * Shared by the parts of the device: virtio-fb.c is the virtio device,
 * virtio-fb-request.c carries out what a driver asks, virtio-fb-refresh.c
 * has the time of the display, virtio-fb-scanout.c what each of its outputs
 * shows, virtio-fb-damage.c how a user interface learns of changes, and
 * virtio-fb-firmware.c which display has firmware's framebuffer.  See
 * docs/specs/virtio-fb.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VIRTIO_FB_H
#define HW_DISPLAY_VIRTIO_FB_H

#include "exec/memory.h"
#include "hw/display/ramfb.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-fb-wire.h"
#include "hw/virtio/virtio-guard.h"
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

#define VIRTIO_FB_CONTROL_SIZE      256

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
    bool ui_changed;                /* before the machine was loaded */

    /* Set by the driver; fourcc stands for the format in the VM state */
    bool taken;                     /* and so not the boot display's */
    bool enabled;
    VirtIOFBMode mode;
    uint32_t fourcc;
    bool flip_pending;
    uint64_t flip_offset;
    uint64_t flip_after;            /* the latest refresh when it was taken */
    bool vblank;

    /* In the VM state; take effect when all of it has been checked */
    bool saved_taken;
    bool saved_enabled;
    bool saved_flip_pending;

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
    bool converted;                 /* the surface is of our own making */
    int next_line;                  /* where to go on with converting */
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
    uint32_t resets;                /* of the device, modulo 2^32 */

    /* Runtime */
    VirtQueue *control_vq;
    VirtQueue *event_vq;
    QEMUBH *control_bh;
    QEMUTimer *timer;
    QEMUTimer *tell_timer;
    int64_t tell_after;             /* ns, QEMU_CLOCK_REALTIME */
    RAMFBState *ramfb;              /* if this display has it */
    char *path;                     /* of the device, tells displays apart */
    QTAILQ_ENTRY(VirtIOFB) next_display;
    VMChangeStateEntry *vm_change;
    Notifier suspend_notifier;
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

/**
 * virtio_fb_discard: give video memory back to the host
 *
 * Returns: whether it could be done; if so, the range reads as zero
 */
bool virtio_fb_discard(VirtIOFB *fb, uint64_t offset, uint64_t size);

/* virtio-fb-refresh.c */

/* virtio_fb_is_live: may the device use its queues? */
bool virtio_fb_is_live(VirtIOFB *fb);

/**
 * virtio_fb_enter: begin something that may write to guest memory
 *
 * Each write may land on registers of any device, and so may change the state
 * of this one: the device may have been reset, stopped or even removed.  See to
 * virtio_fb_is_live() again after each.
 *
 * Returns: what virtio_fb_leave() takes
 */
MemReentrancyGuard *virtio_fb_enter(VirtIOFB *fb);
void virtio_fb_leave(VirtIOFB *fb, MemReentrancyGuard *guard);

/* virtio_fb_notify: notify the driver, unless it is gone meanwhile */
void virtio_fb_notify(VirtIOFB *fb, VirtQueue *vq);

/* virtio_fb_tick: callback of the refresh timer, @opaque is the VirtIOFB */
void virtio_fb_tick(void *opaque);

/* virtio_fb_arm: have the timer run at the next refresh */
void virtio_fb_arm(VirtIOFB *fb);

/* virtio_fb_resume: arm the timer if anything waits for a refresh */
void virtio_fb_resume(VirtIOFB *fb);

/* virtio_fb_end_flips: do not wait for a refresh, as there will be none */
void virtio_fb_end_flips(VirtIOFB *fb);

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

/**
 * virtio_fb_scanout_fits: may this scanout show @mode, which is checked?
 *
 * The surfaces of converted images are memory of the host.  Those of all
 * scanouts together take as much as there is video memory, at most.
 */
bool virtio_fb_scanout_fits(VirtIOFBScanout *s, const VirtIOFBMode *mode);

/* virtio_fb_scanout_latch: show the image of the pending flip */
void virtio_fb_scanout_latch(VirtIOFBScanout *s);

/* virtio_fb_scanout_cursor_changed: show the cursor at the next refresh */
void virtio_fb_scanout_cursor_changed(VirtIOFBScanout *s, bool new_image);

/* virtio_fb_scanout_show_cursor: show it now */
void virtio_fb_scanout_show_cursor(VirtIOFBScanout *s);

/**
 * virtio_fb_scanout_restore: show what the loaded fields say
 *
 * Returns: 0, or -EINVAL if they make no sense
 */
int virtio_fb_scanout_restore(VirtIOFBScanout *s);

/* virtio-fb-damage.c */

/* virtio_fb_scanout_add_damage: @rects are inside the image set last */
void virtio_fb_scanout_add_damage(VirtIOFBScanout *s,
                                  const pixman_box32_t *rects, int num_rects);

/* virtio_fb_scanout_damage_all: all of the surface has changed */
void virtio_fb_scanout_damage_all(VirtIOFBScanout *s);

/* virtio_fb_scanout_converts: is what shows a converted copy? */
bool virtio_fb_scanout_converts(VirtIOFBScanout *s);

/**
 * virtio_fb_scanout_flush: tell the user interface what has changed
 *
 * If it cannot be told all of that now, this is done later.
 */
void virtio_fb_scanout_flush(VirtIOFBScanout *s);

/**
 * virtio_fb_scanout_flushed: after a flush
 *
 * Let go on who waits for the surface, if it is what the guest has drawn.
 */
void virtio_fb_scanout_flushed(VirtIOFBScanout *s);

/* virtio_fb_tell: callback of the timer that flushes what had to wait */
void virtio_fb_tell(void *opaque);

/* virtio-fb-firmware.c */

/**
 * virtio_fb_firmware_add: the display may have firmware's framebuffer
 *
 * If there is firmware, and no other device has it, then the display in the
 * lowest slot of all has it, whatever the order in which they come and go.
 */
void virtio_fb_firmware_add(VirtIOFB *fb);
void virtio_fb_firmware_remove(VirtIOFB *fb);

#endif /* HW_DISPLAY_VIRTIO_FB_H */
