/*
 * virtio-fb: a display whose video memory the host owns
 *
 * Video memory is a shared memory region.  Guests draw there, and what they
 * draw is what shows: the device has no copy of it.  See
 * docs/specs/virtio-fb.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/display/virtio-fb.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"

#define EVENT_QUEUE_SIZE    64

/* Surfaces have the offset of their memory as a 32-bit number */
#define MAX_VRAM            (4 * GiB)

/* Refresh rates beyond this are of no use, and costly */
#define MAX_REFRESH         1000

static void virtio_fb_get_config(VirtIODevice *vdev, uint8_t *data)
{
    VirtIOFB *fb = VIRTIO_FB(vdev);
    struct virtio_fb_config config = {
        .num_scanouts = cpu_to_le32(fb->max_outputs),
        .max_width = cpu_to_le32(VIRTIO_FB_MAX_SIZE),
        .max_height = cpu_to_le32(VIRTIO_FB_MAX_SIZE),
        .max_rects = cpu_to_le32(VIRTIO_FB_MAX_RECTS),
        .cursor_width = cpu_to_le32(VIRTIO_FB_MAX_CURSOR),
        .cursor_height = cpu_to_le32(VIRTIO_FB_MAX_CURSOR),
        .discard_align = cpu_to_le32(VIRTIO_FB_DISCARD_ALIGN),
        .boot_width = cpu_to_le32(fb->xres),
        .boot_height = cpu_to_le32(fb->yres),
        .boot_stride = cpu_to_le32(fb->xres * 4),
        .boot_format = cpu_to_le32(VIRTIO_FB_FORMAT_XRGB8888),
        .num_formats = cpu_to_le32(virtio_fb_num_formats),
    };
    int i;

    for (i = 0; i < virtio_fb_num_formats; i++) {
        config.formats[i] = cpu_to_le32(virtio_fb_formats[i].fourcc);
    }
    memcpy(data, &config, sizeof(config));
}

static uint64_t virtio_fb_get_features(VirtIODevice *vdev, uint64_t features,
                                       Error **errp)
{
    if (VIRTIO_FB(vdev)->edid) {
        virtio_add_feature(&features, VIRTIO_FB_F_EDID);
    }
    virtio_add_feature(&features, VIRTIO_FB_F_CURSOR);
    virtio_add_feature(&features, VIRTIO_FB_F_DISCARD);
    /* Flips are answered late */
    virtio_clear_feature(&features, VIRTIO_F_IN_ORDER);
    return features;
}

static MemoryRegion *virtio_fb_get_shm(VirtIODevice *vdev, uint8_t id)
{
    return id == VIRTIO_FB_SHM_VRAM ? &VIRTIO_FB(vdev)->vram : NULL;
}

static void virtio_fb_control_bh(void *opaque)
{
    VirtIOFB *fb = opaque;

    virtio_fb_handle_control(VIRTIO_DEVICE(fb), fb->control_vq);
}

static void virtio_fb_handle_event(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_fb_send_events(VIRTIO_FB(vdev));
}

/* Called when the machine goes on, too: see to what came in between */
static void virtio_fb_set_status(VirtIODevice *vdev, uint8_t status)
{
    VirtIOFB *fb = VIRTIO_FB(vdev);

    if (vdev->vm_running && (status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        qemu_bh_schedule(fb->control_bh);
        virtio_fb_send_events(fb);
        virtio_fb_resume(fb);
    }
}

/* Images of flips that wait are shown, but nobody is told */
static void virtio_fb_queue_reset(VirtIODevice *vdev, uint32_t index)
{
    if (index == VIRTIO_FB_VQ_CONTROL) {
        virtio_fb_drop_flips(VIRTIO_FB(vdev));
    }
}

/* The driver is gone; what it had drawn stays in video memory */
static void virtio_fb_reset(VirtIODevice *vdev)
{
    VirtIOFB *fb = VIRTIO_FB(vdev);
    int i;

    fb->resets++;
    timer_del(fb->timer);
    qemu_bh_cancel(fb->control_bh);
    virtio_fb_drop_flips(fb);
    fb->display_event = 0;
    fb->vblank_event = 0;
    for (i = 0; i < fb->max_outputs; i++) {
        virtio_fb_scanout_reset(&fb->scanout[i]);
    }
}

static void virtio_fb_clear(VirtIOFB *fb)
{
    if (!virtio_fb_discard(fb, 0, fb->vram_size)) {
        memset(memory_region_get_ram_ptr(&fb->vram), 0, fb->vram_size);
        memory_region_set_dirty(&fb->vram, 0, fb->vram_size);
    }
    virtio_fb_boot_written(fb);
}

/* The machine's reset, which also is the power switch, leaves no image */
static void virtio_fb_reset_hold(Object *obj, ResetType type)
{
    VirtIOFB *fb = VIRTIO_FB(obj);

    /* What has come in of another machine must stay */
    if (!runstate_check(RUN_STATE_INMIGRATE)) {
        virtio_fb_clear(fb);
    }
    if (fb->ramfb) {
        ramfb_reset(fb->ramfb);
    }
}

/*
 * Life
 */

static bool virtio_fb_check_properties(VirtIOFB *fb, Error **errp)
{
    uint64_t boot_size = (uint64_t)fb->xres * fb->yres * 4;

    if (!fb->max_outputs || fb->max_outputs > VIRTIO_FB_MAX_SCANOUTS) {
        error_setg(errp, "max_outputs=%u is not between 1 and %d",
                   fb->max_outputs, VIRTIO_FB_MAX_SCANOUTS);
        return false;
    }
    if (!fb->xres || fb->xres > VIRTIO_FB_MAX_SIZE ||
        !fb->yres || fb->yres > VIRTIO_FB_MAX_SIZE) {
        error_setg(errp, "xres=%u,yres=%u: both must be between 1 and %d",
                   fb->xres, fb->yres, VIRTIO_FB_MAX_SIZE);
        return false;
    }
    if (!fb->refresh || fb->refresh > MAX_REFRESH) {
        error_setg(errp, "refresh=%u is not between 1 and %d (Hz)",
                   fb->refresh, MAX_REFRESH);
        return false;
    }
    if (!QEMU_IS_ALIGNED(fb->vram_size, MiB) || fb->vram_size > MAX_VRAM) {
        error_setg(errp, "vram=%" PRIu64 " is not a multiple of 1M up to 4G",
                   fb->vram_size);
        return false;
    }
    if (fb->vram_size < boot_size) {
        error_setg(errp, "vram=%" PRIu64 " does not hold an image of %u x %u"
                   " pixels of 4 bytes", fb->vram_size, fb->xres, fb->yres);
        return false;
    }
    return true;
}

static void virtio_fb_vm_change(void *opaque, bool running, RunState state)
{
    virtio_fb_boot_vm_change(opaque, running);
    if (running && state == RUN_STATE_SUSPENDED) {
        virtio_fb_end_flips(opaque);
    }
}

static void virtio_fb_suspend(Notifier *notifier, void *data)
{
    virtio_fb_end_flips(container_of(notifier, VirtIOFB, suspend_notifier));
}

static void virtio_fb_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOFB *fb = VIRTIO_FB(dev);
    int i;

    if (!virtio_fb_check_properties(fb, errp)) {
        return;
    }
    /* Shared, so that a user interface's process can map it as well */
    if (!memory_region_init_ram_flags_nomigrate(&fb->vram, OBJECT(fb),
                                                "virtio-fb.vram",
                                                fb->vram_size,
                                                RAM_SHARED | RAM_NORESERVE,
                                                errp)) {
        return;
    }
    vmstate_register_ram(&fb->vram, dev);

    virtio_init(vdev, VIRTIO_FB_DEVICE_ID, sizeof(struct virtio_fb_config));
    fb->control_vq = virtio_add_queue(vdev, VIRTIO_FB_CONTROL_SIZE,
                                      virtio_fb_handle_control);
    fb->event_vq = virtio_add_queue(vdev, EVENT_QUEUE_SIZE,
                                    virtio_fb_handle_event);
    fb->control_bh = virtio_bh_new_guarded(dev, virtio_fb_control_bh, fb);
    fb->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, virtio_fb_tick, fb);
    fb->tell_timer = timer_new_ns(QEMU_CLOCK_REALTIME, virtio_fb_tell, fb);
    QTAILQ_INIT(&fb->flips);
    virtio_fb_firmware_add(fb);
    for (i = 0; i < fb->max_outputs; i++) {
        virtio_fb_scanout_init(fb, i);
    }
    /* After virtio's own, so that queues are ready when the machine runs */
    fb->vm_change = qdev_add_vm_change_state_handler(dev, virtio_fb_vm_change,
                                                     fb);
    fb->suspend_notifier.notify = virtio_fb_suspend;
    qemu_register_suspend_notifier(&fb->suspend_notifier);
}

static void virtio_fb_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOFB *fb = VIRTIO_FB(dev);
    int i;

    qemu_del_vm_change_state_handler(fb->vm_change);
    notifier_remove(&fb->suspend_notifier);
    virtio_fb_firmware_remove(fb);
    virtio_fb_drop_flips(fb);
    for (i = 0; i < fb->max_outputs; i++) {
        virtio_fb_scanout_cleanup(&fb->scanout[i]);
    }
    timer_free(fb->timer);
    timer_free(fb->tell_timer);
    qemu_bh_delete(fb->control_bh);
    virtio_del_queue(vdev, VIRTIO_FB_VQ_CONTROL);
    virtio_del_queue(vdev, VIRTIO_FB_VQ_EVENT);
    virtio_cleanup(vdev);
    vmstate_unregister_ram(&fb->vram, dev);
}

/*
 * Migration
 */

static int virtio_fb_pre_save(void *opaque)
{
    VirtIOFBScanout *s = opaque;

    s->fourcc = s->mode.format ? s->mode.format->fourcc : 0;
    s->saved_taken = s->taken;
    s->saved_enabled = s->enabled;
    s->saved_flip_pending = s->flip_pending;
    if (!s->cursor_image) {
        /* As a state that could not be loaded has left it */
        s->cursor_size = 0;
    }
    return 0;
}

/* Before there is memory for it */
static bool virtio_fb_check_cursor(void *opaque, int version_id)
{
    VirtIOFBScanout *s = opaque;

    return !s->cursor_size ||
           (s->cursor_width <= VIRTIO_FB_MAX_CURSOR &&
            s->cursor_height <= VIRTIO_FB_MAX_CURSOR &&
            s->cursor_size == s->cursor_width * s->cursor_height * 4 &&
            s->cursor_hot_x < s->cursor_width &&
            s->cursor_hot_y < s->cursor_height);
}

static const VMStateDescription vmstate_virtio_fb_scanout = {
    .name = "virtio-fb/scanout",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = virtio_fb_pre_save,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(saved_taken, VirtIOFBScanout),
        VMSTATE_BOOL(saved_enabled, VirtIOFBScanout),
        VMSTATE_UINT32(fourcc, VirtIOFBScanout),
        VMSTATE_UINT32(mode.width, VirtIOFBScanout),
        VMSTATE_UINT32(mode.height, VirtIOFBScanout),
        VMSTATE_UINT32(mode.stride, VirtIOFBScanout),
        VMSTATE_UINT64(mode.offset, VirtIOFBScanout),
        VMSTATE_BOOL(saved_flip_pending, VirtIOFBScanout),
        VMSTATE_UINT64(flip_offset, VirtIOFBScanout),
        VMSTATE_BOOL(vblank, VirtIOFBScanout),
        VMSTATE_UINT32(cursor_size, VirtIOFBScanout),
        VMSTATE_UINT32(cursor_width, VirtIOFBScanout),
        VMSTATE_UINT32(cursor_height, VirtIOFBScanout),
        VMSTATE_UINT32(cursor_hot_x, VirtIOFBScanout),
        VMSTATE_UINT32(cursor_hot_y, VirtIOFBScanout),
        VMSTATE_INT32(cursor_x, VirtIOFBScanout),
        VMSTATE_INT32(cursor_y, VirtIOFBScanout),
        VMSTATE_VALIDATE("cursor", virtio_fb_check_cursor),
        VMSTATE_VBUFFER_ALLOC_UINT32(cursor_image, VirtIOFBScanout, 0, NULL,
                                     cursor_size),
        VMSTATE_END_OF_LIST()
    }
};

static int virtio_fb_put_flips(QEMUFile *f, void *pv, size_t size,
                               const VMStateField *field, JSONWriter *vmdesc)
{
    VirtIOFB *fb = container_of(pv, VirtIOFB, flips);
    VirtIOFBFlip *flip;

    QTAILQ_FOREACH(flip, &fb->flips, next) {
        qemu_put_byte(f, true);
        qemu_put_be32(f, flip->scanout);
        qemu_put_virtqueue_element(VIRTIO_DEVICE(fb), f, &flip->elem);
    }
    qemu_put_byte(f, false);
    return 0;
}

static int virtio_fb_get_flips(QEMUFile *f, void *pv, size_t size,
                               const VMStateField *field)
{
    VirtIOFB *fb = container_of(pv, VirtIOFB, flips);
    VirtIOFBFlip *flip;
    int n;

    for (n = 0; qemu_get_byte(f); n++) {
        uint32_t scanout = qemu_get_be32(f);

        if (n == VIRTIO_FB_CONTROL_SIZE || scanout >= fb->max_outputs) {
            return -EINVAL;
        }
        flip = qemu_get_virtqueue_element(VIRTIO_DEVICE(fb), f, sizeof(*flip));
        flip->scanout = scanout;
        QTAILQ_INSERT_TAIL(&fb->flips, flip, next);
    }
    return 0;
}

static const VMStateInfo vmstate_info_virtio_fb_flips = {
    .name = "virtio-fb/flips",
    .get = virtio_fb_get_flips,
    .put = virtio_fb_put_flips,
};

static bool virtio_fb_ramfb_needed(void *opaque)
{
    VirtIOFB *fb = opaque;

    return fb->ramfb && ramfb_is_set(fb->ramfb);
}

static int virtio_fb_ramfb_pre_load(void *opaque)
{
    VirtIOFB *fb = opaque;

    if (!fb->ramfb) {
        error_report("virtio-fb: display '%s' shows the framebuffer of firmware"
                     " in the machine that is to be restored, but cannot here",
                     fb->path);
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription vmstate_virtio_fb_ramfb = {
    .name = "virtio-fb-device/ramfb",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = virtio_fb_ramfb_needed,
    .pre_load = virtio_fb_ramfb_pre_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(ramfb, VirtIOFB, ramfb_vmstate, RAMFBState),
        VMSTATE_END_OF_LIST()
    }
};

/* What the guest was told of the device must be so on the other side */
static const VMStateDescription vmstate_virtio_fb_device = {
    .name = "virtio-fb-device",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(max_outputs, VirtIOFB, "max_outputs differs"),
        VMSTATE_UINT32_EQUAL(xres, VirtIOFB, "xres differs"),
        VMSTATE_UINT32_EQUAL(yres, VirtIOFB, "yres differs"),
        VMSTATE_UINT32_EQUAL(refresh, VirtIOFB, "refresh differs"),
        VMSTATE_UINT32(display_event, VirtIOFB),
        VMSTATE_UINT32(vblank_event, VirtIOFB),
        VMSTATE_UINT64(vblank_sequence, VirtIOFB),
        VMSTATE_STRUCT_VARRAY_UINT32(scanout, VirtIOFB, max_outputs, 1,
                                     vmstate_virtio_fb_scanout,
                                     VirtIOFBScanout),
        VMSTATE_SINGLE(flips, VirtIOFB, 1, vmstate_info_virtio_fb_flips,
                       typeof_field(VirtIOFB, flips)),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_virtio_fb_ramfb,
        NULL
    }
};

static int virtio_fb_post_load(VirtIODevice *vdev)
{
    VirtIOFB *fb = VIRTIO_FB(vdev);
    uint64_t sequence = virtio_fb_get_sequence(fb);
    VirtIOFBFlip *flip;
    int i, ret;

    for (i = 0; i < fb->max_outputs; i++) {
        ret = virtio_fb_scanout_restore(&fb->scanout[i]);
        if (ret) {
            return ret;
        }
        if (fb->scanout[i].ui_changed) {
            fb->scanout[i].ui_changed = false;
            fb->display_event |= 1u << i;
        }
    }
    virtio_fb_resume(fb);
    QTAILQ_FOREACH(flip, &fb->flips, next) {
        if (!fb->scanout[flip->scanout].flip_pending) {
            return -EINVAL;
        }
    }
    if (!(vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        fb->display_event = 0;
    }
    fb->display_event &= MAKE_64BIT_MASK(0, fb->max_outputs);
    fb->vblank_event &= MAKE_64BIT_MASK(0, fb->max_outputs);
    fb->vblank_sequence = MIN(fb->vblank_sequence, sequence);
    return 0;
}

static const VMStateDescription vmstate_virtio_fb = {
    .name = "virtio-fb",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_VIRTIO_DEVICE,
        VMSTATE_END_OF_LIST()
    }
};

static const Property virtio_fb_properties[] = {
    DEFINE_PROP_SIZE("vram", VirtIOFB, vram_size, 256 * MiB),
    DEFINE_PROP_UINT32("max_outputs", VirtIOFB, max_outputs, 1),
    DEFINE_PROP_UINT32("xres", VirtIOFB, xres, 1280),
    DEFINE_PROP_UINT32("yres", VirtIOFB, yres, 800),
    DEFINE_PROP_UINT32("refresh", VirtIOFB, refresh, 60),
    DEFINE_PROP_BOOL("edid", VirtIOFB, edid, true),
};

static void virtio_fb_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(oc);

    dc->desc = "Zero-copy framebuffer display";
    dc->vmsd = &vmstate_virtio_fb;
    device_class_set_props(dc, virtio_fb_properties);
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
    rc->phases.hold = virtio_fb_reset_hold;
    vdc->realize = virtio_fb_realize;
    vdc->unrealize = virtio_fb_unrealize;
    vdc->get_config = virtio_fb_get_config;
    vdc->get_features = virtio_fb_get_features;
    vdc->get_shm = virtio_fb_get_shm;
    vdc->set_status = virtio_fb_set_status;
    vdc->reset = virtio_fb_reset;
    vdc->queue_reset = virtio_fb_queue_reset;
    vdc->vmsd = &vmstate_virtio_fb_device;
    vdc->post_load = virtio_fb_post_load;
}

static const TypeInfo virtio_fb_info = {
    .name = TYPE_VIRTIO_FB,
    .parent = TYPE_VIRTIO_DEVICE,
    .instance_size = sizeof(VirtIOFB),
    .class_init = virtio_fb_class_init,
};

static void virtio_fb_register_types(void)
{
    type_register_static(&virtio_fb_info);
}

type_init(virtio_fb_register_types)
