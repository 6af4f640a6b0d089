/*
 * QTest testcase for virtio-fb: states of the machine that are easily forgotten
 *
 * Suspended, about to be restored from another machine, and with displays that
 * come and go.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "libqos/virtio-power.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define OPTIONS     ",vram=16M,xres=64,yres=48,max_outputs=2"
#define WIDTH       64
#define HEIGHT      48

/*
 * Suspended: there are no refreshes, so nothing waits for one
 */

static void assert_ends_now(QVirtioFb *fb, QVirtioFbRequest *request)
{
    fb_assert_ok(qvirtio_fb_finish_flip(fb, request, NULL));
}

static void test_suspend(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS);
    QVirtioFbMode a = fb_boot_mode(WIDTH, HEIGHT);
    QVirtioFbMode b = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, HEIGHT, MiB);
    g_autoptr(FbPicture) shows_a = fb_draw(fb, &a, 1);
    g_autoptr(FbPicture) shows_b = fb_draw(fb, &b, 2);
    QVirtioMMIODevice slot;
    QVirtioPower power;
    QVirtioPowerRequest sleep;
    QVirtioFbRequest flip;
    QVirtioFbEvent event;
    uint32_t reason;

    qvirtio_mmio_init_device(&slot, fb->qts, desktop_reg(0, 0), 4096);
    qvirtio_power_attach(&power, &slot, fb->alloc);
    qvirtio_power_start(&power, QVIRTIO_POWER_FEATURES);
    qvirtio_fb_add_event_buffer(fb);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &a));
    flip = qvirtio_fb_flip(fb, 0, b.offset, NULL, 0);
    fb_barrier(fb);
    g_assert_false(qvirtio_fb_is_used(fb, &flip));
    sleep = qvirtio_power_suspend(&power, 0);
    qtest_qmp_eventwait(fb->qts, "SUSPEND");
    assert_ends_now(fb, &flip);
    fb_assert_shows(fb, 0, shows_b);

    flip = qvirtio_fb_flip(fb, 0, a.offset, NULL, 0);
    assert_ends_now(fb, &flip);
    fb_assert_shows(fb, 0, shows_a);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));

    qtest_qmp_assert_success(fb->qts, "{'execute': 'system_wakeup'}");
    qtest_qmp_eventwait(fb->qts, "WAKEUP");
    g_assert_cmpuint(qvirtio_power_finish_suspend(&power, &sleep, &reason), ==,
                     VIRTIO_POWER_S_OK);
    flip = qvirtio_fb_flip(fb, 0, b.offset, NULL, 0);
    fb_barrier(fb);
    g_assert_false(qvirtio_fb_is_used(fb, &flip));
    fb_step(fb, FB_NS_PER_SEC);
    assert_ends_now(fb, &flip);
    g_assert_true(qvirtio_fb_get_event(fb, &event));
    g_assert_cmpuint(event.type, ==, VIRTIO_FB_EVENT_VBLANK);
    qvirtio_power_cleanup(&power);
    fb_quit(fb);
}

/*
 * Incoming: a reset must leave what has come
 */

static void test_reset_incoming(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-fb-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/socket", dir);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    const char *ungoals[] = { "completed", "failed", NULL };
    QVirtioFb *from = fb_start(OPTIONS), *to = fb_start_target(from, uri);
    uint64_t offset;

    qtest_memset(from->qts, from->vram, 0xa5, 16 * MiB);
    migrate_set_capability(from->qts, "pause-before-switchover", true);
    migrate_qmp(from->qts, to->qts, uri, NULL, "{}");
    wait_for_migration_status(from->qts, "pre-switchover", ungoals);
    /* Nearly all of the memory is there, and is not sent again */
    qtest_system_reset(to->qts);
    migrate_continue(from->qts, "pre-switchover");
    wait_for_migration_complete(from->qts);
    qtest_qmp_eventwait(to->qts, "RESUME");

    for (offset = 0; offset < 16 * MiB; offset += 16 * KiB) {
        g_assert_cmphex(qtest_readq(to->qts, to->vram + offset), ==,
                        0xa5a5a5a5a5a5a5a5);
    }
    fb_quit(from);
    fb_quit(to);
    unlink(path);
    rmdir(dir);
}

/*
 * Firmware's framebuffer is on the display in the lowest slot
 */

#define FIRMWARE_FB (RAM_BASE + 64 * MiB)
#define MACHINE     "-M virtio-desktop,fw-cfg=on -nodefaults -m 128M"
#define FIRST       " -device virtio-fb-device,id=fb,bus=virtio-mmio-bus.1" \
                    OPTIONS
#define SECOND      " -device virtio-fb-device,id=other,bus=virtio-mmio-bus.9" \
                    OPTIONS

typedef struct Displays {
    QVirtioFb fb;
    QVirtioMMIODevice slot;
} Displays;

static void start_displays(Displays *d, const char *options)
{
    QTestState *qts = qtest_initf(MACHINE "%s", options);

    qvirtio_mmio_init_device(&d->slot, qts, desktop_reg(1, 0), 4096);
    qvirtio_fb_attach(&d->fb, &d->slot, NULL);
}

static QVirtioFbMode firmware_mode(QVirtioFb *fb)
{
    return fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 80, 60, FIRMWARE_FB - fb->vram);
}

static FbPicture *draw_firmware(QVirtioFb *fb)
{
    QVirtioFbMode mode = firmware_mode(fb);
    FbPicture *picture = fb_draw(fb, &mode, 1);

    fb_set_firmware(fb, &mode);
    return picture;
}

static void test_firmware_order(const void *data)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-fb-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/socket", dir);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    bool reverse = data;
    g_autofree char *incoming = g_strdup_printf(
        "%s -incoming %s", reverse ? FIRST SECOND : SECOND FIRST, uri);
    g_autoptr(FbPicture) picture = NULL;
    Displays from, to;

    start_displays(&from, reverse ? SECOND FIRST : FIRST SECOND);
    picture = draw_firmware(&from.fb);
    fb_assert_shows(&from.fb, 0, picture);
    start_displays(&to, incoming);
    migrate_qmp(from.fb.qts, to.fb.qts, uri, NULL, "{}");
    wait_for_migration_complete(from.fb.qts);
    qtest_qmp_eventwait(to.fb.qts, "RESUME");
    fb_assert_shows(&to.fb, 0, picture);
    qtest_quit(from.fb.qts);
    qtest_quit(to.fb.qts);
    unlink(path);
    rmdir(dir);
}

static void remove_display(QTestState *qts)
{
    qtest_qmp_assert_success(qts, "{'execute': 'device_del', 'arguments':"
                             " {'id': 'fb'}}");
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
}

static void add_display(QTestState *qts)
{
    qtest_qmp_assert_success(qts, "{'execute': 'device_add', 'arguments':"
                             " {'driver': 'virtio-fb-device', 'id': 'fb',"
                             "  'bus': 'virtio-mmio-bus.1', 'vram': 16777216,"
                             "  'xres': 64, 'yres': 48}}");
}

/* It has no more the old framebuffer, but takes the next one */
static void test_firmware_again(void)
{
    Displays d;
    g_autoptr(FbPicture) picture = NULL;
    g_autoptr(FbPicture) black = fb_picture_new(WIDTH, HEIGHT);

    start_displays(&d, FIRST);
    picture = draw_firmware(&d.fb);
    fb_assert_shows(&d.fb, 0, picture);
    remove_display(d.fb.qts);
    add_display(d.fb.qts);
    fb_assert_shows(&d.fb, 0, black);
    fb_picture_free(draw_firmware(&d.fb));
    fb_assert_shows(&d.fb, 0, picture);
    qtest_quit(d.fb.qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-fb/states/suspend", test_suspend);
    qtest_add_func("virtio-fb/states/reset-incoming", test_reset_incoming);
    if (desktop_arch()->fw_cfg_base) {
        qtest_add_data_func("virtio-fb/states/firmware/order", NULL,
                            test_firmware_order);
        qtest_add_data_func("virtio-fb/states/firmware/reverse", "reverse",
                            test_firmware_order);
        qtest_add_func("virtio-fb/states/firmware/again", test_firmware_again);
    }

    return g_test_run();
}
