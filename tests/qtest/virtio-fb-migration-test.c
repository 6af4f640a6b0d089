/*
 * QTest testcase for virtio-fb: migration and snapshots
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "virtio-fb-util.h"

#define OPTIONS     ",vram=16M,xres=64,yres=48,max_outputs=2"
#define WIDTH       64
#define HEIGHT      48

static void forget_files(const char *dir)
{
    g_autofree char *socket = g_strdup_printf("%s/socket", dir);
    g_autofree char *disk = g_strdup_printf("%s/disk", dir);

    unlink(socket);
    unlink(disk);
    rmdir(dir);
}

/* Move the machine to a second QEMU with the same options */
static QVirtioFb *migrate(QVirtioFb *from)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-fb-XXXXXX", NULL);
    g_autofree char *uri = g_strdup_printf("unix:%s/socket", dir);
    QVirtioFb *to = fb_start_target(from, uri);

    migrate_qmp(from->qts, to->qts, uri, NULL, "{}");
    wait_for_migration_complete(from->qts);
    qtest_qmp_eventwait(to->qts, "RESUME");
    fb_quit(from);
    forget_files(dir);
    return to;
}

static QVirtioFbMode image(uint32_t format, int number)
{
    return fb_mode(format, WIDTH, HEIGHT, number * MiB);
}

/*
 * Before a driver
 */

static void test_boot(void)
{
    QVirtioFb *fb = fb_start(OPTIONS);
    QVirtioFbMode boot = fb_boot_mode(WIDTH, HEIGHT);
    g_autoptr(FbPicture) picture = fb_draw(fb, &boot, 1);

    qtest_memset(fb->qts, fb->vram + 15 * MiB, 0xa5, 1 * MiB);
    fb = migrate(fb);
    fb_assert_shows(fb, 0, picture);
    g_assert_cmphex(qtest_readq(fb->qts, fb->vram + 16 * MiB - 8), ==,
                    0xa5a5a5a5a5a5a5a5);

    /* It still notices what is drawn, and a driver can take over */
    fb_picture_free(picture);
    picture = fb_draw(fb, &boot, 2);
    fb_assert_shows(fb, 0, picture);
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    boot.offset = 1 * MiB;
    fb_picture_free(picture);
    picture = fb_draw(fb, &boot, 3);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &boot));
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* The register that selects a region goes along */
static void test_shm_select(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS);
    uint64_t base, size;

    qvirtio_fb_get_shm(fb, 1, &base, &size);
    fb = migrate(fb);
    g_assert_cmphex(qtest_readl(fb->qts, fb->slot->addr + 0xb0), ==,
                    UINT32_MAX);
    g_assert_true(qvirtio_fb_get_shm(fb, 0, &base, &size));
    g_assert_cmphex(size, ==, 16 * MiB);
    fb_quit(fb);
}

/*
 * With a driver
 */

static void draw_cursor(QVirtioFb *fb)
{
    QVirtioFbCursor cursor = {
        .offset = 8 * MiB, .width = 9, .height = 6, .stride = 36,
        .hot_x = 1, .hot_y = 2, .x = 20, .y = 30,
    };
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 9, 6, 8 * MiB);
    int i;

    fb_picture_free(fb_draw(fb, &mode, 99));
    for (i = 0; i < 9 * 6; i++) {
        qtest_writeb(fb->qts, fb->vram + 8 * MiB + i * 4 + 3, 0xff);
    }
    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &cursor));
    qtest_memset(fb->qts, fb->vram + 8 * MiB, 0, 36 * 6);
}

/* Two screens, one of them converted, and a cursor: all look the same after */
static void test_screens(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS);
    QVirtioFbMode modes[] = {
        image(VIRTIO_FB_FORMAT_RGB565, 1), image(VIRTIO_FB_FORMAT_ABGR8888, 2),
    };
    g_autoptr(FbPicture) first = NULL;
    g_autoptr(FbPicture) second = fb_draw(fb, &modes[1], 2);

    first = fb_draw(fb, &modes[0], 1);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &modes[0]));
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 1, &modes[1]));
    draw_cursor(fb);
    fb_picture_free(first);
    first = fb_screendump(fb, 0);

    fb = migrate(fb);
    fb_assert_shows(fb, 0, first);
    fb_assert_shows(fb, 1, second);

    /* The driver goes on as if nothing had happened */
    fb_barrier(fb);
    fb_picture_free(second);
    second = fb_draw(fb, &modes[1], 3);
    fb_assert_ok(qvirtio_fb_update(fb, 1, NULL, 0));
    fb_assert_shows(fb, 1, second);
    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &(QVirtioFbCursor) { }));
    fb_picture_free(first);
    first = fb_draw(fb, &modes[0], 4);
    fb_assert_shows(fb, 0, first);
    fb_quit(fb);
}

/* Where the driver shows nothing, nothing shows, also if it never did */
static void test_disabled(const void *data)
{
    bool shown = data;
    QVirtioFb *fb = fb_start_driver(OPTIONS);
    QVirtioFbMode boot = fb_boot_mode(WIDTH, HEIGHT);
    g_autoptr(FbPicture) picture = fb_draw(fb, &boot, 1);
    g_autoptr(FbPicture) blank = NULL;

    if (shown) {
        fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &boot));
    }
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    fb = migrate(fb);
    blank = fb_screendump(fb, 0);
    g_assert_false(fb_same(blank, picture));
    qvirtio_fb_reset(fb);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* Both flips that were under way end on the other side, at its next refresh */
static void test_flip(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS);
    QVirtioFbMode a = image(VIRTIO_FB_FORMAT_XBGR8888, 0);
    QVirtioFbMode b = image(VIRTIO_FB_FORMAT_XBGR8888, 2);
    g_autoptr(FbPicture) shows_a = fb_draw(fb, &a, 1);
    g_autoptr(FbPicture) shows_b = fb_draw(fb, &b, 2);
    QVirtioFbRequest first, second;
    QVirtioFbRefresh refresh, before;

    fb_step(fb, FB_NS_PER_SEC + 4711);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &a));
    first = qvirtio_fb_flip(fb, 0, 1 * MiB, NULL, 0);
    second = qvirtio_fb_flip(fb, 0, b.offset, NULL, 0);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 1, 0, &before));

    fb = migrate(fb);
    fb_barrier(fb);
    g_assert_false(qvirtio_fb_is_used(fb, &first));
    g_assert_false(qvirtio_fb_is_used(fb, &second));
    fb_assert_shows(fb, 0, shows_a);

    g_assert_cmpint(fb_next_timer(fb), ==,
                    (before.sequence + 1) * before.period);
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &first, &refresh));
    g_assert_cmpuint(refresh.sequence, ==, before.sequence + 1);
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &second, &refresh));
    g_assert_cmpuint(refresh.sequence, ==, before.sequence + 1);
    fb_assert_shows(fb, 0, shows_b);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

/* A subscription goes along, and the event that found no buffer */
static void test_vblank(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS);
    QVirtioFbRefresh refresh;
    QVirtioFbEvent event;

    fb_assert_ok(qvirtio_fb_set_vblank(fb, 1, 1, &refresh));
    fb_step(fb, 3 * refresh.period + 1);
    fb = migrate(fb);

    qvirtio_fb_add_event_buffer(fb);
    g_assert_true(qvirtio_fb_get_event(fb, &event));
    g_assert_cmpuint(event.type, ==, VIRTIO_FB_EVENT_VBLANK);
    g_assert_cmphex(event.scanouts, ==, 1 << 1);
    g_assert_cmpuint(event.refresh.sequence, ==, 3);
    g_assert_cmpuint(event.refresh.age, ==, fb_now(fb) - 3 * refresh.period);

    qvirtio_fb_add_event_buffer(fb);
    g_assert_false(qvirtio_fb_get_event(fb, &event));
    fb_step_to(fb, 4 * refresh.period);
    g_assert_true(qvirtio_fb_get_event(fb, &event));
    g_assert_cmpuint(event.refresh.sequence, ==, 4);
    fb_quit(fb);
}

/*
 * Snapshots
 */

static void test_snapshot(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-fb-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/disk", dir);
    g_autofree char *options = g_strdup_printf(
        OPTIONS " -drive if=none,format=qcow2,cache-clean-interval=0,file=%s",
        path);
    QVirtioFbMode a = image(VIRTIO_FB_FORMAT_XRGB8888, 1);
    QVirtioFbMode b = image(VIRTIO_FB_FORMAT_XBGR8888, 2);
    g_autoptr(FbPicture) old = NULL;
    g_autoptr(FbPicture) new = NULL;
    g_autofree char *said = NULL;
    QVirtioFbRequest request;
    QVirtioFb *fb;

    if (!have_qemu_img() || !mkimg(path, "qcow2", 64)) {
        g_test_skip("there is no qemu-img to make a disk with");
        forget_files(dir);
        return;
    }
    fb = fb_start_driver(options);
    old = fb_draw(fb, &a, 1);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &a));
    request = qvirtio_fb_flip(fb, 0, a.offset, NULL, 0);
    said = qtest_hmp(fb->qts, "savevm one");
    g_assert_cmpstr(said, ==, "");

    /* Another screen, a flip that ends, a cursor: none of it is left */
    fb_step(fb, FB_NS_PER_SEC);
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &request, NULL));
    new = fb_draw(fb, &b, 2);
    fb_picture_free(fb_draw(fb, &a, 3));
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &b));
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 1, &b));
    fb_assert_shows(fb, 0, new);
    draw_cursor(fb);

    g_free(said);
    said = qtest_hmp(fb->qts, "loadvm one");
    g_assert_cmpstr(said, ==, "");
    fb_assert_shows(fb, 0, old);
    fb_step(fb, FB_NS_PER_SEC);
    g_assert_cmpuint(qtest_readl(fb->qts, request.addr + request.out), ==,
                     VIRTIO_FB_S_OK);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
    forget_files(dir);
}

/*
 * Into another machine: the target refuses, whatever the source thinks
 */

static void test_differs(const void *data)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-fb-XXXXXX", NULL);
    g_autofree char *uri = g_strdup_printf("unix:%s/socket", dir);
    g_autofree char *options = g_strdup_printf("%s -incoming %s",
                                               (const char *)data, uri);
    QVirtioFb *from = fb_start(OPTIONS), *to = fb_start(options);

    migrate_qmp(from->qts, NULL, uri, NULL, "{}");
    fb_wait_exit(to, 1);
    fb_quit(from);
    forget_files(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-fb/migrate/boot", test_boot);
    qtest_add_func("virtio-fb/migrate/shm-select", test_shm_select);
    qtest_add_func("virtio-fb/migrate/screens", test_screens);
    qtest_add_data_func("virtio-fb/migrate/disabled", "shown", test_disabled);
    qtest_add_data_func("virtio-fb/migrate/never-enabled", NULL,
                        test_disabled);
    qtest_add_func("virtio-fb/migrate/flip", test_flip);
    qtest_add_func("virtio-fb/migrate/vblank", test_vblank);
    qtest_add_func("virtio-fb/snapshot", test_snapshot);

    qtest_add_data_func("virtio-fb/migrate/other-vram",
                        ",vram=32M,xres=64,yres=48,max_outputs=2",
                        test_differs);
    qtest_add_data_func("virtio-fb/migrate/other-outputs",
                        ",vram=16M,xres=64,yres=48,max_outputs=1",
                        test_differs);
    qtest_add_data_func("virtio-fb/migrate/other-size",
                        ",vram=16M,xres=64,yres=32,max_outputs=2",
                        test_differs);

    return g_test_run();
}
