/*
 * What the tests of virtio-fb share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "standard-headers/linux/qemu_fw_cfg.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define FB_SLOT         1
#define RAM_SIZE        (128 * MiB)

/* Registers of the PL031 */
#define RTC_DATA        0x00
#define RTC_MATCH       0x04
#define RTC_CLEAR       0x1c

/* The alarm that fb_next_timer() sets */
#define ALARM_SECONDS   3600

/* QEMU searches all of a command for its end each time that a part has come */
#define MAX_WRITE       (32 * KiB)

typedef struct Machine {
    QVirtioFb fb;
    QVirtioMMIODevice slot;
    QGuestAllocator alloc;
    char *options;
    int64_t now;
} Machine;

static Machine *shared;

static Machine *machine_of(QVirtioFb *fb)
{
    return container_of(fb, Machine, fb);
}

static Machine *start_qemu(const char *options, const char *more)
{
    Machine *machine = g_new0(Machine, 1);
    QTestState *qts = qtest_initf("%s%s", options, more);

    machine->options = g_strdup(options);
    alloc_init(&machine->alloc, 0, RAM_BASE, RAM_BASE + RAM_SIZE, 4096);
    qvirtio_mmio_init_device(&machine->slot, qts,
                             desktop_reg(FB_SLOT, 0), 4096);
    g_assert_cmpuint(machine->slot.vdev.device_type, ==,
                     VIRTIO_FB_DEVICE_ID);
    return machine;
}

QVirtioFb *fb_start(const char *properties)
{
    /* The clock of the RTC is that of the test, for fb_next_timer() */
    g_autofree char *options = g_strdup_printf(
        "-M virtio-desktop -nodefaults -m 128M -rtc clock=vm"
        " -device virtio-fb-device,id=fb,bus=virtio-mmio-bus.1%s", properties);
    Machine *machine = start_qemu(options, "");

    qvirtio_fb_attach(&machine->fb, &machine->slot, &machine->alloc);
    return &machine->fb;
}

QVirtioFb *fb_start_driver(const char *properties)
{
    QVirtioFb *fb = fb_start(properties);

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    return fb;
}

QVirtioFb *fb_share_driver(const char *properties)
{
    if (!shared) {
        shared = machine_of(fb_start(properties));
    } else {
        qtest_system_reset(shared->fb.qts);
    }
    qvirtio_fb_start(&shared->fb, QVIRTIO_FB_FEATURES);
    return &shared->fb;
}

QVirtioFb *fb_start_target(QVirtioFb *from, const char *uri)
{
    Machine *source = machine_of(from);
    g_autofree char *incoming = g_strdup_printf(" -incoming %s", uri);
    Machine *target = start_qemu(source->options, incoming);

    /* The clock of the test does not migrate, unlike that of a real machine */
    if (source->now) {
        target->now = qtest_clock_step(target->slot.qts, source->now);
    }
    target->fb = source->fb;
    target->fb.qts = target->slot.qts;
    target->fb.slot = &target->slot;
    target->fb.vdev = &target->slot.vdev;
    target->fb.alloc = &target->alloc;
    target->fb.control.alloc = &target->alloc;
    target->slot.vdev.features = source->slot.vdev.features;
    target->slot.vdev.features_negotiated = true;
    if (from->control.vq) {
        from->control.vq->vdev = target->fb.vdev;
        from->event->vdev = target->fb.vdev;
    }
    /* What was allocated goes with it, and is not freed twice */
    source->fb.control.vq = NULL;
    source->fb.event = NULL;
    alloc_destroy(&target->alloc);
    target->alloc = source->alloc;
    alloc_init(&source->alloc, 0, RAM_BASE, RAM_BASE + RAM_SIZE, 4096);
    return &target->fb;
}

static void free_machine(Machine *machine)
{
    alloc_destroy(&machine->alloc);
    g_free(machine->options);
    g_free(machine);
}

void fb_quit(QVirtioFb *fb)
{
    if (machine_of(fb) == shared) {
        return;
    }
    qvirtio_fb_cleanup(fb);
    qtest_quit(fb->qts);
    free_machine(machine_of(fb));
}

void fb_quit_shared(void)
{
    if (shared) {
        fb_quit(&g_steal_pointer(&shared)->fb);
    }
}

void fb_wait_exit(QVirtioFb *fb, int status)
{
    qvirtio_fb_cleanup(fb);
    desktop_wait_exit(fb->qts, status);
    free_machine(machine_of(fb));
}

void fb_barrier(QVirtioFb *fb)
{
    QVirtioFbDisplay displays[VIRTIO_FB_MAX_SCANOUTS];

    fb_assert_ok(qvirtio_fb_get_display_info(fb, displays));
}

/*
 * Clock
 */

int64_t fb_now(QVirtioFb *fb)
{
    return machine_of(fb)->now;
}

void fb_step(QVirtioFb *fb, int64_t ns)
{
    machine_of(fb)->now = qtest_clock_step(fb->qts, ns);
}

void fb_step_to(QVirtioFb *fb, int64_t time)
{
    g_assert_cmpint(time, >, fb_now(fb));
    fb_step(fb, time - fb_now(fb));
}

/*
 * QEMU tells when the next timer is due only if there is one, and by going
 * there. An alarm of the RTC makes sure that there is.
 */
int64_t fb_next_timer(QVirtioFb *fb)
{
    uint64_t rtc = desktop_arch()->rtc_base;
    int64_t alarm = fb_now(fb) + ALARM_SECONDS * FB_NS_PER_SEC;
    uint32_t date = qtest_readl(fb->qts, rtc + RTC_DATA);
    int64_t next;

    qtest_writel(fb->qts, rtc + RTC_MATCH, date + ALARM_SECONDS);
    next = qtest_clock_step_next(fb->qts);
    machine_of(fb)->now = next;
    if (next < alarm) {
        /* No date is so far off that its alarm could come soon */
        qtest_writel(fb->qts, rtc + RTC_MATCH, date - 1);
    }
    qtest_writel(fb->qts, rtc + RTC_CLEAR, 1);
    return next == alarm ? -1 : next;
}

/*
 * Pictures
 */

FbPicture *fb_picture_new(int width, int height)
{
    FbPicture *picture = g_new0(FbPicture, 1);

    picture->width = width;
    picture->height = height;
    picture->rgb = g_malloc0(width * height * 3);
    return picture;
}

void fb_picture_free(FbPicture *picture)
{
    g_free(picture->rgb);
    g_free(picture);
}

uint8_t *fb_pixel(const FbPicture *picture, int x, int y)
{
    return picture->rgb + (y * picture->width + x) * 3;
}

static FbPicture *read_ppm(const char *path)
{
    g_autofree char *data = NULL;
    FbPicture *picture;
    int width, height, start = 0;
    size_t size;

    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpint(sscanf(data, "P6\n%d %d\n255%n", &width, &height, &start),
                    ==, 2);
    start++; /* one white space */
    g_assert_cmpuint(size, ==, start + width * height * 3);
    picture = fb_picture_new(width, height);
    memcpy(picture->rgb, data + start, size - start);
    return picture;
}

FbPicture *fb_screendump(QVirtioFb *fb, int head)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("virtio-fb-XXXXXX", &path, NULL);
    FbPicture *picture;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    qtest_qmp_assert_success(fb->qts, "{'execute': 'screendump', 'arguments':"
                             " {'filename': %s, 'device': 'fb', 'head': %d}}",
                             path, head);
    picture = read_ppm(path);
    unlink(path);
    return picture;
}

bool fb_same(const FbPicture *a, const FbPicture *b)
{
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, a->width * a->height * 3);
}

static void report_difference(const FbPicture *seen, const FbPicture *expected)
{
    int i, size = expected->width * expected->height * 3;

    g_test_message("%dx%d is seen, %dx%d is expected", seen->width,
                   seen->height, expected->width, expected->height);
    if (seen->width != expected->width || seen->height != expected->height) {
        return;
    }
    for (i = 0; i < size && seen->rgb[i] == expected->rgb[i]; i++) {
        ;
    }
    i -= i % 3;
    g_test_message("at %d,%d: %02x%02x%02x is seen, %02x%02x%02x is expected",
                   i / 3 % seen->width, i / 3 / seen->width,
                   seen->rgb[i], seen->rgb[i + 1], seen->rgb[i + 2],
                   expected->rgb[i], expected->rgb[i + 1],
                   expected->rgb[i + 2]);
}

void fb_assert_shows(QVirtioFb *fb, int head, const FbPicture *expected)
{
    g_autoptr(FbPicture) seen = fb_screendump(fb, head);

    if (!fb_same(seen, expected)) {
        report_difference(seen, expected);
        g_assert_not_reached();
    }
}

/*
 * Drawing
 */

static uint32_t pixel_size(uint32_t format)
{
    return format == VIRTIO_FB_FORMAT_RGB565 ? 2 : 4;
}

/* A pixel from 32 bits of @noise, and what it looks like */
static uint32_t make_pixel(uint32_t format, uint32_t noise, uint8_t *rgb)
{
    uint32_t unseen = noise & 0xff000000;
    uint32_t r = noise & 0xff, g = noise >> 8 & 0xff, b = noise >> 16 & 0xff;

    if (format == VIRTIO_FB_FORMAT_RGB565) {
        r = (r & 0xf8) | r >> 5;
        g = (g & 0xfc) | g >> 6;
        b = (b & 0xf8) | b >> 5;
    }
    rgb[0] = r;
    rgb[1] = g;
    rgb[2] = b;

    switch (format) {
    case VIRTIO_FB_FORMAT_XRGB8888:
    case VIRTIO_FB_FORMAT_ARGB8888:
        return unseen | r << 16 | g << 8 | b;
    case VIRTIO_FB_FORMAT_XBGR8888:
    case VIRTIO_FB_FORMAT_ABGR8888:
        return unseen | b << 16 | g << 8 | r;
    case VIRTIO_FB_FORMAT_RGB565:
        return (r >> 3) << 11 | (g >> 2) << 5 | b >> 3;
    case VIRTIO_FB_FORMAT_XRGB2101010:
        /* Of ten bits, the two that are too many do not show */
        return (unseen & 0xc0000000) | r << 22 | (noise >> 24 & 3) << 20 |
               g << 12 | (noise >> 26 & 3) << 10 | b << 2 | (noise >> 28 & 3);
    default:
        g_assert_not_reached();
    }
}

static void draw_line(uint8_t *line, uint32_t format, uint32_t width,
                      GRand *noise, uint8_t *rgb)
{
    uint32_t x, pixel;

    for (x = 0; x < width; x++) {
        pixel = make_pixel(format, g_rand_int(noise), rgb + x * 3);
        if (pixel_size(format) == 2) {
            stw_le_p(line + x * 2, pixel);
        } else {
            stl_le_p(line + x * 4, pixel);
        }
    }
}

FbPicture *fb_draw(QVirtioFb *fb, const QVirtioFbMode *mode, uint32_t seed)
{
    FbPicture *picture = fb_picture_new(mode->width, mode->height);
    g_autoptr(GRand) noise = g_rand_new_with_seed(seed);
    uint64_t start = fb->vram + mode->offset;
    size_t line = mode->width * pixel_size(mode->format);
    uint32_t y, i, n, lines = MAX(1, MAX_WRITE / mode->stride);
    g_autofree uint8_t *pixels = g_malloc(lines * mode->stride);

    qtest_memset(fb->qts, start, 0xa5, (size_t)mode->stride * mode->height);
    memset(pixels, 0xa5, lines * mode->stride);
    for (y = 0; y < mode->height; y += n) {
        n = MIN(lines, mode->height - y);
        for (i = 0; i < n; i++) {
            draw_line(pixels + i * mode->stride, mode->format, mode->width,
                      noise, fb_pixel(picture, 0, y + i));
        }
        qtest_bufwrite(fb->qts, start + (uint64_t)y * mode->stride, pixels,
                       (n - 1) * mode->stride + line);
    }
    return picture;
}

void fb_draw_rect(QVirtioFb *fb, const QVirtioFbMode *mode,
                  const QVirtioFbRect *rect, uint32_t seed, FbPicture *picture)
{
    g_autoptr(GRand) noise = g_rand_new_with_seed(seed);
    uint32_t y, bytes = pixel_size(mode->format);
    g_autofree uint8_t *line = g_malloc(rect->width * bytes);

    for (y = rect->y; y < rect->y + rect->height; y++) {
        draw_line(line, mode->format, rect->width, noise,
                  fb_pixel(picture, rect->x, y));
        qtest_bufwrite(fb->qts, fb->vram + mode->offset +
                       (uint64_t)y * mode->stride + rect->x * bytes,
                       line, rect->width * bytes);
    }
}

QVirtioFbMode fb_mode(uint32_t format, uint32_t width, uint32_t height,
                      uint64_t offset)
{
    return (QVirtioFbMode) {
        .format = format,
        .width = width,
        .height = height,
        .stride = QEMU_ALIGN_UP(width * pixel_size(format), 4),
        .offset = offset,
    };
}

QVirtioFbMode fb_boot_mode(uint32_t width, uint32_t height)
{
    return fb_mode(VIRTIO_FB_FORMAT_XRGB8888, width, height, 0);
}

void fb_play_scene(QVirtioFb *fb, uint32_t format, uint32_t seed,
                   void (*wait_until_seen)(void *client,
                                           const FbPicture *picture),
                   void *client)
{
    static const QVirtioFbRect rects[] = {
        { 10, 20, 30, 40 }, { 300, 1, 20, 199 },
    };
    QVirtioFbMode a = fb_mode(format, 320, 200, 0);
    QVirtioFbMode b = fb_mode(format, 320, 200, 1 * MiB);
    g_autoptr(FbPicture) picture = NULL;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    picture = fb_draw(fb, &a, 1);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &a));
    wait_until_seen(client, picture);
    fb_draw_rect(fb, &a, &rects[0], 2, picture);
    fb_draw_rect(fb, &a, &rects[1], 3, picture);
    fb_assert_ok(qvirtio_fb_update(fb, 0, rects, ARRAY_SIZE(rects)));
    wait_until_seen(client, picture);

    fb_picture_free(fb_draw(fb, &b, seed));
    fb_draw_rect(fb, &b, &rects[0], 4, picture);
    fb_draw_rect(fb, &b, &rects[1], 5, picture);
    qvirtio_fb_flip(fb, 0, b.offset, rects, ARRAY_SIZE(rects));
    wait_until_seen(client, picture);

    /* From now on changes are of the second image */
    fb_draw_rect(fb, &b, &rects[0], 6, picture);
    fb_assert_ok(qvirtio_fb_update(fb, 0, &rects[0], 1));
    wait_until_seen(client, picture);
}

/*
 * Firmware
 */

#define FW_CFG_BASE (desktop_arch()->fw_cfg_base)
#define SCRATCH     (RAM_BASE + 48 * MiB)

static void read_fw_cfg(QTestState *qts, void *data, size_t size)
{
    uint8_t *byte = data;

    while (size--) {
        *byte++ = qtest_readb(qts, FW_CFG_BASE);
    }
}

static uint16_t find_fw_cfg_file(QTestState *qts, const char *name)
{
    struct fw_cfg_file file;
    uint32_t count;

    /* The registers are big-endian, whatever the guest is */
    qtest_writew(qts, FW_CFG_BASE + 8, bswap16(FW_CFG_FILE_DIR));
    read_fw_cfg(qts, &count, sizeof(count));
    for (count = be32_to_cpu(count); count; count--) {
        read_fw_cfg(qts, &file, sizeof(file));
        if (!strcmp(file.name, name)) {
            break;
        }
    }
    g_assert_cmpuint(count, >, 0);
    return be16_to_cpu(file.select);
}

/* QEMU takes the file by DMA */
void fb_set_firmware(QVirtioFb *fb, const QVirtioFbMode *mode)
{
    uint32_t key = find_fw_cfg_file(fb->qts, "etc/ramfb");
    const struct QEMU_PACKED {
        uint64_t addr;
        uint32_t fourcc, flags, width, height, stride;
    } config = {
        cpu_to_be64(fb->vram + mode->offset), cpu_to_be32(mode->format), 0,
        cpu_to_be32(mode->width), cpu_to_be32(mode->height),
        cpu_to_be32(mode->stride),
    };
    const struct fw_cfg_dma_access access = {
        cpu_to_be32(FW_CFG_DMA_CTL_SELECT | FW_CFG_DMA_CTL_WRITE | key << 16),
        cpu_to_be32(sizeof(config)), cpu_to_be64(SCRATCH),
    };

    qtest_memwrite(fb->qts, SCRATCH, &config, sizeof(config));
    qtest_memwrite(fb->qts, SCRATCH + 64, &access, sizeof(access));
    qtest_writeq(fb->qts, FW_CFG_BASE + 16, bswap64(SCRATCH + 64));
    g_assert_cmphex(qtest_readl(fb->qts, SCRATCH + 64), ==, 0);
}
