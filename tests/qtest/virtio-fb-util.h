/*
 * What the tests of virtio-fb share: a machine with the device, its clock, and
 * pictures to compare
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIRTIO_FB_UTIL_H
#define VIRTIO_FB_UTIL_H

#include "libqos/virtio-fb.h"
#include "libqtest.h"

#define FB_NS_PER_SEC   1000000000LL
#define FB_NS_PER_MS    1000000LL

#define fb_assert_ok(call) g_assert_cmpuint((call), ==, VIRTIO_FB_S_OK)

/*
 * Start QEMU with the device in its usual slot. @properties of the device start
 * with a comma, or are empty; further options can follow them. No driver runs.
 */
QVirtioFb *fb_start(const char *properties);
QVirtioFb *fb_start_driver(const char *properties);
/*
 * The same for tests that need no QEMU of their own: they share one, and each
 * of them finds a machine that was just reset and a driver that just started.
 * @properties are the same for all tests of a program.
 */
QVirtioFb *fb_share_driver(const char *properties);
/* One that is shared goes on */
void fb_quit(QVirtioFb *fb);
/* After all tests */
void fb_quit_shared(void);
/* QEMU ends by itself, with this status; @fb is no more after that */
void fb_wait_exit(QVirtioFb *fb, int status);

/* A second QEMU that waits for migration; the driver's state comes with it */
QVirtioFb *fb_start_target(QVirtioFb *from, const char *uri);

/* A request that is answered at once: what was sent before has been executed */
void fb_barrier(QVirtioFb *fb);

/*
 * Clock, in ns. It stands still but for these.
 */

int64_t fb_now(QVirtioFb *fb);
void fb_step(QVirtioFb *fb, int64_t ns);
void fb_step_to(QVirtioFb *fb, int64_t time);
/* The first time when a timer of the machine runs, or -1 in the next hour */
int64_t fb_next_timer(QVirtioFb *fb);

/*
 * Pictures, as a screendump has them: three bytes a pixel
 */

typedef struct FbPicture {
    int width;
    int height;
    uint8_t *rgb;
} FbPicture;

FbPicture *fb_picture_new(int width, int height);
void fb_picture_free(FbPicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FbPicture, fb_picture_free)

uint8_t *fb_pixel(const FbPicture *picture, int x, int y);
FbPicture *fb_screendump(QVirtioFb *fb, int head);
bool fb_same(const FbPicture *a, const FbPicture *b);
void fb_assert_shows(QVirtioFb *fb, int head, const FbPicture *expected);

/*
 * Draw noise that depends on @seed into video memory, also where a mode has
 * bytes or bits that do not show. Returns: the picture that a screen shows.
 */
FbPicture *fb_draw(QVirtioFb *fb, const QVirtioFbMode *mode, uint32_t seed);
/* The same for a part, also in @picture */
void fb_draw_rect(QVirtioFb *fb, const QVirtioFbMode *mode,
                  const QVirtioFbRect *rect, uint32_t seed,
                  FbPicture *picture);

/*
 * A driver shows an image, updates parts of it, flips to a second one that is
 * noise from @seed, and updates that. @client sees each picture; what was not
 * told to have changed stays as it was.
 */
void fb_play_scene(QVirtioFb *fb, uint32_t format, uint32_t seed,
                   void (*wait_until_seen)(void *client,
                                           const FbPicture *picture),
                   void *client);

/* A mode with lines that follow each other without a gap */
QVirtioFbMode fb_mode(uint32_t format, uint32_t width, uint32_t height,
                      uint64_t offset);
/* The mode of the boot display */
QVirtioFbMode fb_boot_mode(uint32_t width, uint32_t height);

/*
 * Set up a framebuffer as firmware does, where the machine has fw_cfg. It is in
 * RAM, but the offset counts from video memory.
 */
void fb_set_firmware(QVirtioFb *fb, const QVirtioFbMode *mode);

#endif
