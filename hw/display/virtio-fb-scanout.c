/*
 * virtio-fb: what each output shows
 *
 * A console's surface is the guest's image in video memory itself, but for
 * formats that user interfaces do not know: those get a surface of their own,
 * brought up to date where the image has changed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "hw/display/virtio-fb.h"
#include "system/guest-cache.h"
#include "trace.h"

/* Cursors farther out than this are as good as gone */
#define MAX_CURSOR_POSITION 0x8000

/*
 * The alpha of a scanout means nothing: behind it there is nothing.  Pixman
 * has some formats in the host's byte order only.
 */
const VirtIOFBFormat virtio_fb_formats[] = {
    { VIRTIO_FB_FORMAT_XRGB8888, PIXMAN_LE_x8r8g8b8, false },
    { VIRTIO_FB_FORMAT_ARGB8888, PIXMAN_LE_x8r8g8b8, false },
#if !HOST_BIG_ENDIAN
    { VIRTIO_FB_FORMAT_RGB565, PIXMAN_r5g6b5, false },
#endif
    { VIRTIO_FB_FORMAT_XBGR8888, PIXMAN_LE_x8b8g8r8, true },
    { VIRTIO_FB_FORMAT_ABGR8888, PIXMAN_LE_x8b8g8r8, true },
#if !HOST_BIG_ENDIAN
    { VIRTIO_FB_FORMAT_XRGB2101010, PIXMAN_x2r10g10b10, true },
#endif
};
const size_t virtio_fb_num_formats = ARRAY_SIZE(virtio_fb_formats);

QEMU_BUILD_BUG_ON(ARRAY_SIZE(virtio_fb_formats) > VIRTIO_FB_MAX_FORMATS);

const VirtIOFBFormat *virtio_fb_find_format(uint32_t fourcc)
{
    int i;

    for (i = 0; i < virtio_fb_num_formats; i++) {
        if (virtio_fb_formats[i].fourcc == fourcc) {
            return &virtio_fb_formats[i];
        }
    }
    return NULL;
}

/*
 * Readers of a surface may go through it by whole lines, so all of the last
 * line's stride has to be there too.
 */
enum virtio_fb_status virtio_fb_mode_check(VirtIOFB *fb,
                                           const VirtIOFBMode *mode)
{
    uint64_t size = (uint64_t)mode->stride * mode->height;
    uint64_t line;

    if (!mode->format) {
        return VIRTIO_FB_S_UNSUPPORTED;
    }
    line = (uint64_t)mode->width * PIXMAN_FORMAT_BPP(mode->format->pixman) / 8;
    if (!mode->width || mode->width > VIRTIO_FB_MAX_SIZE ||
        !mode->height || mode->height > VIRTIO_FB_MAX_SIZE ||
        mode->stride % 4 || mode->offset % 4 || mode->stride < line) {
        return VIRTIO_FB_S_INVALID;
    }
    if (size > fb->vram_size || mode->offset > fb->vram_size - size) {
        return VIRTIO_FB_S_MEMORY;
    }
    return VIRTIO_FB_S_OK;
}

static VirtIOFBMode boot_mode(VirtIOFB *fb)
{
    return (VirtIOFBMode) {
        .format = virtio_fb_find_format(VIRTIO_FB_FORMAT_XRGB8888),
        .width = fb->xres,
        .height = fb->yres,
        .stride = fb->xres * 4,
    };
}

/*
 * The boot display is a plain framebuffer, which guests may map uncached.  It
 * is at the start of video memory.
 */
static size_t boot_size(VirtIOFB *fb)
{
    return (size_t)fb->xres * fb->yres * 4;
}

void virtio_fb_boot_written(VirtIOFB *fb)
{
    guest_cache_clean(memory_region_get_ram_ptr(&fb->vram), boot_size(fb));
}

static bool boot_read(VirtIOFB *fb, size_t offset, size_t size)
{
    return guest_cache_flush(memory_region_get_ram_ptr(&fb->vram) + offset,
                             size);
}

void virtio_fb_boot_vm_change(VirtIOFB *fb, bool running)
{
    if (fb->scanout[0].shown != VIRTIO_FB_SHOWS_BOOT) {
        return;
    }
    if (running) {
        virtio_fb_boot_written(fb);
    } else if (boot_read(fb, 0, boot_size(fb))) {
        /* What has migrated of it may not have been the guest's latest */
        memory_region_set_dirty(&fb->vram, 0, boot_size(fb));
    }
}

/*
 * Surfaces
 */

static void *mode_data(VirtIOFB *fb, const VirtIOFBMode *mode)
{
    return memory_region_get_ram_ptr(&fb->vram) + mode->offset;
}

static void unref_vram(pixman_image_t *image, void *opaque)
{
    memory_region_unref(opaque);
}

/* A user interface may hold the surface when the device is long gone */
static DisplaySurface *create_surface(VirtIOFB *fb, const VirtIOFBMode *mode)
{
    DisplaySurface *surface;

    surface = qemu_create_displaysurface_from(mode->width, mode->height,
                                              mode->format->pixman,
                                              mode->stride,
                                              mode_data(fb, mode));
    memory_region_ref(&fb->vram);
    pixman_image_set_destroy_function(surface->image, unref_vram, &fb->vram);
#ifndef WIN32
    if (memory_region_get_fd(&fb->vram) >= 0) {
        qemu_displaysurface_set_share_handle(surface,
                                             memory_region_get_fd(&fb->vram),
                                             mode->offset);
    }
#endif
    return surface;
}

/*
 * Cursor
 */

static QEMUCursor *create_cursor(VirtIOFBScanout *s)
{
    QEMUCursor *cursor = cursor_alloc(s->cursor_width, s->cursor_height);
    int i;

    cursor->hot_x = s->cursor_hot_x;
    cursor->hot_y = s->cursor_hot_y;
    for (i = 0; i < s->cursor_width * s->cursor_height; i++) {
        cursor->data[i] = ldl_le_p(s->cursor_image + i * 4);
    }
    return cursor;
}

/*
 * Guests move their cursor far more often than anyone can see, and some user
 * interfaces queue each change for a slow client: keep to the refresh.
 */
void virtio_fb_scanout_cursor_changed(VirtIOFBScanout *s, bool new_image)
{
    s->cursor_defined |= new_image;
    s->cursor_moved = true;
    if (qemu_console_is_visible(s->con)) {
        virtio_fb_arm(s->fb);
    }
}

void virtio_fb_scanout_show_cursor(VirtIOFBScanout *s)
{
    int x = MAX(-MAX_CURSOR_POSITION, MIN(s->cursor_x, MAX_CURSOR_POSITION));
    int y = MAX(-MAX_CURSOR_POSITION, MIN(s->cursor_y, MAX_CURSOR_POSITION));

    if (s->cursor_defined && s->cursor_image) {
        QEMUCursor *cursor = create_cursor(s);

        dpy_cursor_define(s->con, cursor);
        cursor_unref(cursor);
    }
    if (s->cursor_moved) {
        dpy_mouse_set(s->con, x, y, s->enabled && s->cursor_image);
    }
    s->cursor_defined = false;
    s->cursor_moved = false;
}

/*
 * What shows
 */

/* A guest that does not know the device tells nothing: watch its writes */
static void set_shown(VirtIOFBScanout *s, VirtIOFBShown shown)
{
    bool was_boot = s->shown == VIRTIO_FB_SHOWS_BOOT;
    bool is_boot = shown == VIRTIO_FB_SHOWS_BOOT;

    if (was_boot != is_boot) {
        memory_region_set_log(&s->fb->vram, is_boot, DIRTY_MEMORY_VGA);
    }
    trace_virtio_fb_shown(s->index, shown);
    s->shown = shown;
    s->converted &= shown == VIRTIO_FB_SHOWS_DRIVER;
}

/* Bytes of the host that it takes to show an image */
static uint64_t surface_size(const VirtIOFBMode *mode)
{
    return mode->format->convert ? (uint64_t)mode->width * mode->height * 4 : 0;
}

bool virtio_fb_scanout_fits(VirtIOFBScanout *s, const VirtIOFBMode *mode)
{
    VirtIOFB *fb = s->fb;
    uint64_t size = surface_size(mode);
    int i;

    for (i = 0; i < fb->max_outputs; i++) {
        if (i != s->index && fb->scanout[i].enabled) {
            size += surface_size(&fb->scanout[i].mode);
        }
    }
    return size <= fb->vram_size;
}

/* A guest may set the same mode over and over again: one surface will do */
static void set_surface(VirtIOFBScanout *s, const VirtIOFBMode *mode)
{
    DisplaySurface *surface = qemu_console_surface(s->con);

    if (!mode->format->convert) {
        s->converted = false;
        dpy_gfx_replace_surface(s->con, create_surface(s->fb, mode));
    } else if (!s->converted || surface_width(surface) != mode->width ||
               surface_height(surface) != mode->height) {
        s->converted = true;
        dpy_gfx_replace_surface(s->con,
                                qemu_create_displaysurface(mode->width,
                                                           mode->height));
    }
}

static void show_image(VirtIOFBScanout *s, VirtIOFBShown shown,
                       const VirtIOFBMode *mode)
{
    set_shown(s, shown);
    set_surface(s, mode);
    virtio_fb_scanout_damage_all(s);
    if (qemu_console_is_visible(s->con)) {
        virtio_fb_scanout_flush(s);
    }
}

static void show_nothing(VirtIOFBScanout *s)
{
    set_shown(s, VIRTIO_FB_SHOWS_NOTHING);
    pixman_region32_clear(&s->damage);
    dpy_gfx_replace_surface(s->con, NULL);
}

/* Without a driver: firmware's image, else the boot display */
static void show_default(VirtIOFBScanout *s)
{
    VirtIOFB *fb = s->fb;
    VirtIOFBMode mode = boot_mode(fb);
    bool firmware = fb->ramfb && ramfb_is_set(fb->ramfb);

    if (s->index) {
        if (s->shown != VIRTIO_FB_SHOWS_NOTHING) {
            show_nothing(s);
        }
    } else if (firmware && s->shown != VIRTIO_FB_SHOWS_FIRMWARE) {
        set_shown(s, VIRTIO_FB_SHOWS_FIRMWARE);
        pixman_region32_clear(&s->damage);
        ramfb_invalidate(fb->ramfb);
    } else if (!firmware && s->shown != VIRTIO_FB_SHOWS_BOOT) {
        boot_read(fb, 0, boot_size(fb));
        show_image(s, VIRTIO_FB_SHOWS_BOOT, &mode);
    }
}

static void end_flip(VirtIOFBScanout *s)
{
    s->flip_pending = false;
    pixman_region32_clear(&s->flip_damage);
    virtio_fb_complete_flips(s);
}

void virtio_fb_scanout_set(VirtIOFBScanout *s, const VirtIOFBMode *mode)
{
    trace_virtio_fb_set_scanout(s->index, mode->format->fourcc, mode->width,
                                mode->height, mode->stride, mode->offset);
    s->taken = true;
    s->enabled = true;
    s->mode = *mode;
    s->cursor_moved = true;
    show_image(s, VIRTIO_FB_SHOWS_DRIVER, mode);
    end_flip(s);
}

void virtio_fb_scanout_disable(VirtIOFBScanout *s)
{
    s->taken = true;
    s->enabled = false;
    if (s->shown != VIRTIO_FB_SHOWS_NOTHING) {
        show_nothing(s);
    }
    s->cursor_moved = true;
    virtio_fb_scanout_show_cursor(s);
    end_flip(s);
}

void virtio_fb_scanout_latch(VirtIOFBScanout *s)
{
    bool moved = s->mode.offset != s->flip_offset;

    if (!s->enabled) {
        end_flip(s);
        return;
    }
    trace_virtio_fb_latch(s->index, s->flip_offset);
    s->mode.offset = s->flip_offset;
    if (moved && !s->mode.format->convert) {
        dpy_gfx_flip(s->con, create_surface(s->fb, &s->mode));
    }
    pixman_region32_union(&s->damage, &s->damage, &s->flip_damage);
    end_flip(s);
}

void virtio_fb_scanout_reset(VirtIOFBScanout *s)
{
    s->taken = false;
    s->enabled = false;
    s->vblank = false;
    s->flip_pending = false;
    pixman_region32_clear(&s->flip_damage);
    g_clear_pointer(&s->cursor_image, g_free);
    s->cursor_size = 0;
    s->cursor_moved = true;
    virtio_fb_scanout_show_cursor(s);
    show_default(s);
}

/*
 * Console
 */

static void update_boot(VirtIOFBScanout *s)
{
    VirtIOFBMode mode = boot_mode(s->fb);
    g_autofree DirtyBitmapSnapshot *snap =
        memory_region_snapshot_and_clear_dirty(&s->fb->vram, 0,
                                               mode.stride * mode.height,
                                               DIRTY_MEMORY_VGA);
    int y;

    for (y = 0; y < mode.height; y++) {
        if (memory_region_snapshot_get_dirty(&s->fb->vram, snap,
                                             y * mode.stride, mode.stride)) {
            boot_read(s->fb, y * mode.stride, mode.stride);
            pixman_region32_union_rect(&s->damage, &s->damage,
                                       0, y, mode.width, 1);
        }
    }
}

static void virtio_fb_gfx_update(void *opaque)
{
    VirtIOFBScanout *s = opaque;

    if (s->shown == VIRTIO_FB_SHOWS_BOOT ||
        s->shown == VIRTIO_FB_SHOWS_FIRMWARE) {
        /* Firmware may have come or a reset may have sent it away */
        show_default(s);
    }
    if (s->shown == VIRTIO_FB_SHOWS_FIRMWARE) {
        ramfb_display_update(s->con, s->fb->ramfb);
    }
    if (s->shown == VIRTIO_FB_SHOWS_BOOT) {
        update_boot(s);
    }
    virtio_fb_scanout_flush(s);
    virtio_fb_scanout_flushed(s);
}

static void virtio_fb_invalidate(void *opaque)
{
    VirtIOFBScanout *s = opaque;

    if (s->shown == VIRTIO_FB_SHOWS_BOOT ||
        s->shown == VIRTIO_FB_SHOWS_DRIVER) {
        virtio_fb_scanout_damage_all(s);
    }
}

static bool fits_vram(VirtIOFB *fb, uint64_t width, uint64_t height)
{
    return width <= VIRTIO_FB_MAX_SIZE && height <= VIRTIO_FB_MAX_SIZE &&
           width * height * 4 <= fb->vram_size;
}

/* The user resized a window, or opened or closed one */
static void virtio_fb_ui_info(void *opaque, uint32_t head, QemuUIInfo *info)
{
    VirtIOFBScanout *s = opaque;
    QemuUIInfo ui = *info;
    bool connected = ui.width && ui.height;

    if (!connected || !fits_vram(s->fb, ui.width, ui.height)) {
        ui.width = s->ui.width;
        ui.height = s->ui.height;
    }
    /* The refresh rate is the device's own */
    ui.refresh_rate = s->ui.refresh_rate;
    if (s->connected == connected && !memcmp(&s->ui, &ui, sizeof(ui))) {
        return;
    }
    trace_virtio_fb_ui_info(s->index, ui.width, ui.height);
    s->connected = connected;
    s->ui = ui;
    /* The driver of a machine that comes in knows what the source had */
    s->ui_changed |= runstate_check(RUN_STATE_INMIGRATE);
    if (VIRTIO_DEVICE(s->fb)->status & VIRTIO_CONFIG_S_DRIVER_OK) {
        s->fb->display_event |= 1u << s->index;
        virtio_fb_send_events(s->fb);
    }
}

static const GraphicHwOps virtio_fb_gfx_ops = {
    .invalidate = virtio_fb_invalidate,
    .gfx_update = virtio_fb_gfx_update,
    .gfx_update_async = true,
    .ui_info = virtio_fb_ui_info,
};

void virtio_fb_scanout_init(VirtIOFB *fb, uint32_t index)
{
    VirtIOFBScanout *s = &fb->scanout[index];

    s->fb = fb;
    s->index = index;
    s->connected = true;
    s->ui = (QemuUIInfo) {
        .width = fb->xres,
        .height = fb->yres,
        .refresh_rate = fb->refresh * 1000,
    };
    pixman_region32_init(&s->damage);
    pixman_region32_init(&s->flip_damage);
    s->con = graphic_console_init(DEVICE(fb), index, &virtio_fb_gfx_ops, s);
    show_default(s);
}

void virtio_fb_scanout_cleanup(VirtIOFBScanout *s)
{
    set_shown(s, VIRTIO_FB_SHOWS_NOTHING);
    pixman_region32_clear(&s->damage);
    virtio_fb_scanout_flushed(s);
    graphic_console_close(s->con);
    g_clear_pointer(&s->cursor_image, g_free);
    pixman_region32_fini(&s->damage);
    pixman_region32_fini(&s->flip_damage);
}

/* As the other side sent them: check again */
static bool check_loaded(VirtIOFBScanout *s)
{
    VirtIOFBMode mode = s->mode;

    mode.format = virtio_fb_find_format(s->fourcc);
    if (s->saved_enabled && (!s->saved_taken ||
                             virtio_fb_mode_check(s->fb, &mode) ||
                             !virtio_fb_scanout_fits(s, &mode))) {
        return false;
    }
    s->mode = mode;
    mode.offset = s->flip_offset;
    return !s->saved_flip_pending || !s->saved_enabled ||
           !virtio_fb_mode_check(s->fb, &mode);
}

int virtio_fb_scanout_restore(VirtIOFBScanout *s)
{
    if (!check_loaded(s)) {
        return -EINVAL;
    }
    s->taken = s->saved_taken;
    s->enabled = s->saved_enabled;
    s->flip_pending = s->saved_flip_pending;
    s->flip_after = virtio_fb_get_sequence(s->fb);
    s->cursor_defined = true;
    s->cursor_moved = true;
    virtio_fb_scanout_show_cursor(s);
    if (s->enabled) {
        show_image(s, VIRTIO_FB_SHOWS_DRIVER, &s->mode);
    } else if (s->taken) {
        show_nothing(s);
    } else {
        show_default(s);
        virtio_fb_invalidate(s);
    }
    if (s->flip_pending && s->enabled) {
        /* What of it had changed was not sent along */
        pixman_region32_union_rect(&s->flip_damage, &s->flip_damage, 0, 0,
                                   s->mode.width, s->mode.height);
    }
    return 0;
}
