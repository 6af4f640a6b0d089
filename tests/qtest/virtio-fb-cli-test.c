/*
 * QTest testcase for virtio-fb: start-up
 *
 * What QEMU makes of the device's options: the device tree's node for the boot
 * display, and one clear error for what cannot be.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <libfdt.h>
#include "qemu/units.h"
#include "virtio-desktop-util.h"

#define DEVICE          " -nodefaults -device virtio-fb-device" \
                        ",bus=virtio-mmio-bus.1"

/*
 * Device tree
 */

static char *get_dtb(const char *options)
{
    size_t size;
    char *fdt = desktop_get_dtb(options, &size);

    g_assert_cmpint(fdt_check_full(fdt, size), ==, 0);
    return fdt;
}

static int find_framebuffer(const void *fdt)
{
    return fdt_node_offset_by_compatible(fdt, -1, "simple-framebuffer");
}

static uint32_t cell(const void *fdt, int node, const char *property, int index)
{
    int len;
    const fdt32_t *cells = fdt_getprop(fdt, node, property, &len);

    g_assert_nonnull(cells);
    g_assert_cmpint(len, >, index * (int)sizeof(*cells));
    return fdt32_to_cpu(cells[index]);
}

/* As the binding of simple-framebuffer has it, inside of /chosen */
static void assert_framebuffer(const char *options, uint32_t width,
                               uint32_t height)
{
    g_autofree char *name = g_strdup_printf("framebuffer@%" PRIx64,
                                            WINDOW_BASE);
    g_autofree char *fdt = get_dtb(options);
    int node = find_framebuffer(fdt);

    g_assert_cmpint(node, >=, 0);
    g_assert_cmpint(fdt_parent_offset(fdt, node), ==,
                    fdt_path_offset(fdt, "/chosen"));
    g_assert_cmpstr(fdt_get_name(fdt, node, NULL), ==, name);
    g_assert_cmphex(cell(fdt, node, "reg", 0), ==, 0);
    g_assert_cmphex(cell(fdt, node, "reg", 1), ==, WINDOW_BASE);
    g_assert_cmphex(cell(fdt, node, "reg", 2), ==, 0);
    g_assert_cmpuint(cell(fdt, node, "reg", 3), ==, width * height * 4);
    g_assert_cmpuint(cell(fdt, node, "width", 0), ==, width);
    g_assert_cmpuint(cell(fdt, node, "height", 0), ==, height);
    g_assert_cmpuint(cell(fdt, node, "stride", 0), ==, width * 4);
    g_assert_cmpstr(fdt_getprop(fdt, node, "format", NULL), ==, "x8r8g8b8");
    /* Without it nobody translates the address */
    g_assert_nonnull(fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"),
                                 "ranges", NULL));
}

static void test_framebuffer(void)
{
    assert_framebuffer("", 1280, 800);
    assert_framebuffer(" -global virtio-fb-device.xres=801"
                       " -global virtio-fb-device.yres=333", 801, 333);
    assert_framebuffer(DEVICE ",xres=1920,yres=1080", 1920, 1080);
}

static void test_no_framebuffer(const void *data)
{
    g_autofree char *fdt = get_dtb(data);

    g_assert_cmpint(find_framebuffer(fdt), ==, -FDT_ERR_NOTFOUND);
}

/*
 * Refusals
 */

typedef struct RefusalCase {
    const char *name;
    const char *properties;
    const char *words; /* that the error has, separated by '|' */
} RefusalCase;

static const RefusalCase refusal_cases[] = {
    { "vram-0", "vram=0", "vram" },
    { "vram-1", "vram=1", "vram" },
    { "vram-odd", "vram=16777217", "vram" },
    { "vram-half-page", "vram=16779264", "vram" },
    { "vram-beyond-window", "vram=769M", "window|805306368" },
    { "vram-huge", "vram=1T", "vram" },
    { "vram-almost-2^64", "vram=18446744073708503040", "vram" },
    { "vram-too-small", "vram=1M", "vram|1280|800" },
    { "vram-just-too-small", "vram=16M,xres=4096,yres=1025", "vram|4096|1025" },
    { "vram-text", "vram=much", "vram|much" },
    { "xres-0", "xres=0", "xres" },
    { "yres-0", "yres=0", "yres" },
    { "xres-16385", "xres=16385", "xres|16384" },
    { "yres-huge", "yres=4294967295", "yres|16384" },
    { "outputs-0", "max_outputs=0", "max_outputs|16" },
    { "outputs-17", "max_outputs=17", "max_outputs|16" },
    { "refresh-0", "refresh=0", "refresh" },
    { "refresh-huge", "refresh=1000000", "refresh" },
    { "edid", "edid=maybe", "edid|on" },
    { "unknown", "colour=red", "colour" },
};

static void test_refusal(const void *data)
{
    const RefusalCase *c = data;
    g_autofree char *options = g_strdup_printf(DEVICE ",%s", c->properties);
    g_autofree char *errors = NULL;
    int status = desktop_run_qemu(options, &errors);
    g_auto(GStrv) lines = g_strsplit(errors, "\n", 0);
    g_auto(GStrv) word = g_strsplit(c->words, "|", 0);
    int i;

    g_test_message("%s", errors);
    g_assert_cmpint(status, ==, 1);
    g_assert_nonnull(lines[0]);
    for (i = 1; lines[i]; i++) {
        g_assert_false(g_str_has_prefix(lines[i], "qemu-system-"));
    }
    for (i = 0; word[i]; i++) {
        g_assert_nonnull(strstr(lines[0], word[i]));
    }
}

/* What the refusals are compared with */
static void test_accepted(const void *data)
{
    g_autofree char *options = g_strdup_printf(DEVICE ",%s",
                                               (const char *)data);
    g_autofree char *errors = NULL;

    g_assert_cmpint(desktop_run_qemu(options, &errors), ==, 0);
    g_assert_cmpstr(errors, ==, "");
}

static void add_dtb_tests(void)
{
    qtest_add_func("virtio-fb/dtb/node", test_framebuffer);
    qtest_add_data_func("virtio-fb/dtb/fb-off", ",fb=off",
                        test_no_framebuffer);
    qtest_add_data_func("virtio-fb/dtb/nodefaults", " -nodefaults",
                        test_no_framebuffer);
    qtest_add_data_func("virtio-fb/dtb/firmware",
                        " -drive if=pflash,format=raw,readonly=on,"
                        "file.driver=null-co,file.read-zeroes=on,file.size=64M",
                        test_no_framebuffer);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);

    if (desktop_is_arch("aarch64")) {
        add_dtb_tests();
    }
    qtest_add_data_func("virtio-fb/accepted/vram-768M", "vram=768M",
                        test_accepted);
    qtest_add_data_func("virtio-fb/accepted/vram-tight",
                        "vram=16M,xres=4096,yres=1024", test_accepted);
    qtest_add_data_func("virtio-fb/accepted/small", "vram=1M,xres=1,yres=1",
                        test_accepted);
    for (i = 0; i < ARRAY_SIZE(refusal_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-fb/refused/%s",
                                                refusal_cases[i].name);

        qtest_add_data_func(path, &refusal_cases[i], test_refusal);
    }

    return g_test_run();
}
