/*
 * What the tests of the virtio-desktop machine share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "hw/virtio/virtio-power-wire.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "standard-headers/linux/virtio_ring.h"
#include "virtio-desktop-util.h"

QTestState *desktop_start(const char *options)
{
    return qtest_initf("-M virtio-desktop%s", options);
}

/* AddressSanitizer always warns of what coroutines are made of */
static char *without_asan_warning(const char *text)
{
    g_autoptr(GRegex) warning = g_regex_new("^==[0-9]+==WARNING: ASan .*\n",
                                            G_REGEX_MULTILINE, 0, NULL);

    return g_regex_replace_literal(warning, text, -1, 0, "", 0, NULL);
}

int desktop_run_qemu(const char *options, char **errors)
{
    g_autofree char *command = g_strdup_printf(
        "echo quit | %s -display none -audio none -accel qtest"
        " -monitor stdio -M virtio-desktop%s",
        getenv("QTEST_QEMU_BINARY"), options);
    char *argv[] = { (char *)"/bin/sh", (char *)"-c", command, NULL };
    g_autofree char *output = NULL;
    g_autofree char *said = NULL;
    GError *err = NULL;
    int status;

    g_test_message("%s", command);
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output,
                 &said, &status, &err);
    g_assert_no_error(err);
    *errors = without_asan_warning(said);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

char *desktop_get_dtb(const char *options, size_t *size)
{
    g_autofree char *errors = NULL;
    g_autofree char *path = NULL;
    g_autofree char *args = NULL;
    int fd = g_file_open_tmp("virtio-desktop-XXXXXX", &path, NULL);
    char *dtb;

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf(",dumpdtb=%s%s", path, options);
    g_assert_cmpint(desktop_run_qemu(args, &errors), ==, 0);
    g_assert_true(g_file_get_contents(path, &dtb, size, NULL));
    unlink(path);
    return dtb;
}

void desktop_wait_exit(QTestState *qts, int status)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    qtest_set_expected_status(qts, status);
    while (qtest_probe_child(qts)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
        g_usleep(1000);
    }
    qtest_quit(qts);
}

long desktop_get_memory(QTestState *qts, const char *line)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status",
                                            (int)qtest_pid(qts));
    g_autofree char *text = NULL;
    const char *found;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return 0;
    }
    found = strstr(text, line);
    g_assert_nonnull(found);
    return g_ascii_strtoll(found + strlen(line) + 1, NULL, 10);
}

/*
 * Slots
 */

uint64_t desktop_reg(int slot, unsigned int reg)
{
    return SLOT_BASE + slot * SLOT_SIZE + reg;
}

int desktop_line(int slot)
{
    return desktop_arch()->first_line + slot % desktop_arch()->num_lines;
}

int desktop_irq(int slot)
{
    return desktop_line(slot) + desktop_arch()->irq_offset;
}

uint32_t desktop_read(QTestState *qts, int slot, unsigned int reg)
{
    return qtest_readl(qts, desktop_reg(slot, reg));
}

void desktop_write(QTestState *qts, int slot, unsigned int reg,
                   uint32_t value)
{
    qtest_writel(qts, desktop_reg(slot, reg), value);
}

char *desktop_list_slots(QTestState *qts)
{
    GString *list = g_string_new("");
    int slot;

    for (slot = 1; slot < NUM_SLOTS; slot++) {
        uint32_t id = desktop_read(qts, slot, VIRTIO_MMIO_DEVICE_ID);

        if (id) {
            g_string_append_printf(list, "%s%d:%u", list->len ? " " : "",
                                   slot, id);
        }
    }
    return g_string_free(list, false);
}

void desktop_assert_slots(QTestState *qts, const char *expected)
{
    g_autofree char *list = desktop_list_slots(qts);

    g_assert_cmpint(desktop_read(qts, 0, VIRTIO_MMIO_DEVICE_ID), ==,
                    VIRTIO_POWER_DEVICE_ID);
    g_assert_cmpstr(list, ==, expected);
}

void desktop_intercept_irqs(QTestState *qts)
{
    qtest_irq_intercept_in(qts, desktop_arch()->irqchip);
}

void desktop_assert_irqs(QTestState *qts, int raised)
{
    int slot;

    for (slot = 0; slot < NUM_SLOTS; slot++) {
        bool up = raised >= 0 && desktop_line(slot) == desktop_line(raised);

        g_assert_cmpint(qtest_get_irq(qts, desktop_line(slot)), ==, up);
    }
}

/*
 * A driver for virtio-rng, as small as it gets: one queue of two buffers
 */

enum {
    RNG_DESC = 0x000,
    RNG_AVAIL = 0x100,
    RNG_USED = 0x200,
    RNG_BUFFER = 0x400,
    RNG_MEMORY = 0x1000,
    RNG_QUEUE_SIZE = 2,
    RNG_LEN = 16,
};

const uint32_t desktop_driver_ok =
    VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
    VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

static uint64_t rng_memory(int slot, unsigned int offset)
{
    return RAM_BASE + 2 * MiB + slot * RNG_MEMORY + offset;
}

void desktop_rng_start(QTestState *qts, int slot)
{
    qtest_memset(qts, rng_memory(slot, 0), 0, RNG_MEMORY);

    desktop_write(qts, slot, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    desktop_write(qts, slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    desktop_write(qts, slot, VIRTIO_MMIO_DRIVER_FEATURES,
                  1 << (VIRTIO_F_VERSION_1 - 32));
    desktop_write(qts, slot, VIRTIO_MMIO_STATUS,
                  desktop_driver_ok & ~VIRTIO_CONFIG_S_DRIVER_OK);

    desktop_write(qts, slot, VIRTIO_MMIO_QUEUE_SEL, 0);
    desktop_write(qts, slot, VIRTIO_MMIO_QUEUE_NUM, RNG_QUEUE_SIZE);
    desktop_write(qts, slot, VIRTIO_MMIO_QUEUE_DESC_LOW,
                  rng_memory(slot, RNG_DESC));
    desktop_write(qts, slot, VIRTIO_MMIO_QUEUE_AVAIL_LOW,
                  rng_memory(slot, RNG_AVAIL));
    desktop_write(qts, slot, VIRTIO_MMIO_QUEUE_USED_LOW,
                  rng_memory(slot, RNG_USED));
    desktop_write(qts, slot, VIRTIO_MMIO_QUEUE_READY, 1);
    desktop_write(qts, slot, VIRTIO_MMIO_STATUS, desktop_driver_ok);
    g_assert_cmphex(desktop_read(qts, slot, VIRTIO_MMIO_STATUS), ==,
                    desktop_driver_ok);
}

void desktop_rng_send(QTestState *qts, int slot, uint64_t addr, uint32_t len)
{
    uint64_t avail = rng_memory(slot, RNG_AVAIL);
    uint16_t idx = qtest_readw(qts, avail + 2);
    uint64_t desc = rng_memory(slot, RNG_DESC) + idx % RNG_QUEUE_SIZE * 16;

    qtest_writeq(qts, desc, addr);
    qtest_writel(qts, desc + 8, len);
    qtest_writew(qts, desc + 12, VRING_DESC_F_WRITE);
    qtest_writew(qts, avail + 4 + idx % RNG_QUEUE_SIZE * 2,
                 idx % RNG_QUEUE_SIZE);
    qtest_writew(qts, avail + 2, idx + 1);
    desktop_write(qts, slot, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

void desktop_rng_request(QTestState *qts, int slot)
{
    uint64_t used = rng_memory(slot, RNG_USED);
    uint16_t idx = qtest_readw(qts, rng_memory(slot, RNG_AVAIL) + 2);
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    desktop_rng_send(qts, slot, rng_memory(slot, RNG_BUFFER), RNG_LEN);
    while (!(desktop_read(qts, slot, VIRTIO_MMIO_INTERRUPT_STATUS) &
             VIRTIO_MMIO_INT_VRING)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
    g_assert_cmpint(qtest_readw(qts, used + 2), ==, idx + 1);
    g_assert_cmpint(qtest_readl(qts, used + 4 + idx % RNG_QUEUE_SIZE * 8 + 4),
                    ==, RNG_LEN);
}
