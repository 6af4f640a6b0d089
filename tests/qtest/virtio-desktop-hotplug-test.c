/*
 * QTest testcase for the virtio-desktop machine: hot-plug
 *
 * Devices come into slots and go from them while the machine runs. A device
 * that goes leaves nothing behind, and a guest that has a driver for
 * virtio-power is asked before.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "libqos/virtio-mmio.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/virtio_blk.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ids.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "standard-headers/linux/virtio_net.h"
#include "virtio-desktop-util.h"
#include "virtio-power-util.h"

#define PAGE_SIZE       4096
#define HEAP_BASE       (RAM_BASE + 16 * MiB)
#define HEAP_SIZE       (16 * MiB)

/* For tests that save all of its memory */
#define SMALL           " -nodefaults -m 128M"

#define RNG             "virtio-rng-device,id=x"
#define FB              "virtio-fb-device,id=x,vram=16M"

static void add(QTestState *qts, const char *device)
{
    g_autofree char *errors = qtest_hmp(qts, "device_add %s", device);

    g_assert_cmpstr(errors, ==, "");
}

/* One sentence that has the words, perhaps followed by lines of hints */
static void assert_error(const char *errors, const char *words)
{
    g_auto(GStrv) lines = g_strsplit(errors, "\n", 0);
    g_auto(GStrv) word = g_strsplit(words, "|", 0);
    int i;

    g_test_message("%s", errors);
    g_assert_true(g_str_has_prefix(lines[0], "Error: "));
    for (i = 0; word[i]; i++) {
        g_assert_nonnull(strstr(lines[0], word[i]));
    }
    for (i = 1; lines[i]; i++) {
        g_assert_false(g_str_has_prefix(lines[i], "Error: "));
    }
}

static void assert_add_refused(QTestState *qts, const char *device,
                               const char *words)
{
    g_autofree char *errors = qtest_hmp(qts, "device_add %s", device);

    assert_error(errors, words);
}

static void assert_del_refused(QTestState *qts, const char *id,
                               const char *words)
{
    g_autofree char *errors = qtest_hmp(qts, "device_del %s", id);

    assert_error(errors, words);
}

static void wait_deleted(QTestState *qts, const char *id)
{
    for (;;) {
        QDict *event = qtest_qmp_eventwait_ref(qts, "DEVICE_DELETED");
        const char *deleted = qdict_get_try_str(qdict_get_qdict(event, "data"),
                                                "device");
        bool found = !g_strcmp0(deleted, id);

        qobject_unref(event);
        if (found) {
            return;
        }
    }
}

/* To a guest that does not want to be asked; the slot is empty at once */
static void force(QTestState *qts, const char *id)
{
    qtest_qmp_device_del_send(qts, id);
    wait_deleted(qts, id);
}

/* All that a user can see of what QEMU consists of */
static char *get_inventory(QTestState *qts)
{
    g_autofree char *tree = qtest_hmp(qts, "info qtree");
    g_autofree char *qom = qtest_hmp(qts, "info qom-tree");
    g_autofree char *memory = qtest_hmp(qts, "info mtree");
    g_autofree char *ram = qtest_hmp(qts, "info ramblock");

    return g_strconcat(tree, qom, memory, ram, NULL);
}

static void assert_inventory(QTestState *qts, const char *expected)
{
    g_autofree char *inventory = get_inventory(qts);
    g_auto(GStrv) seen = g_strsplit(inventory, "\n", 0);
    g_auto(GStrv) line = g_strsplit(expected, "\n", 0);
    int i;

    for (i = 0; line[i]; i++) {
        g_assert_cmpstr(seen[i], ==, line[i]);
    }
    g_assert_null(seen[i]);
}

/* The slot's registers are those of a slot that never had a device */
static void assert_empty(QTestState *qts, int slot)
{
    g_autofree uint8_t *expected = g_malloc0(SLOT_SIZE);
    g_autofree uint8_t *seen = g_malloc0(SLOT_SIZE);

    qtest_bufread(qts, desktop_reg(NUM_SLOTS - 1, 0), expected, SLOT_SIZE);
    qtest_bufread(qts, desktop_reg(slot, 0), seen, SLOT_SIZE);
    g_assert_cmpmem(seen, SLOT_SIZE, expected, SLOT_SIZE);
}

/*
 * Add
 */

static void test_places(void)
{
    QTestState *qts = desktop_start(" -nodefaults");

    add(qts, "virtio-rng-device,id=a");
    add(qts, "virtio-balloon,id=b");
    add(qts, "virtio-rng-device,id=c,bus=virtio-mmio-bus.6");
    add(qts, "virtio-rng-device,id=d,bus=virtio-mmio-bus.63");
    desktop_assert_slots(qts, "6:4 8:4 9:5 63:4");

    /* The lowest free one */
    force(qts, "a");
    desktop_assert_slots(qts, "6:4 9:5 63:4");
    add(qts, "virtio-tablet-device,id=a");
    add(qts, "virtio-rng-device,id=e");
    desktop_assert_slots(qts, "6:4 8:18 9:5 10:4 63:4");
    qtest_quit(qts);
}

static void test_all_slots(void)
{
    QTestState *qts = desktop_start(" -nodefaults");
    int slot;

    for (slot = FIRST_FREE_SLOT; slot < NUM_SLOTS; slot++) {
        add(qts, "virtio-rng-device");
        g_assert_cmpint(desktop_read(qts, slot, VIRTIO_MMIO_DEVICE_ID), ==,
                        VIRTIO_ID_RNG);
    }
    assert_add_refused(qts, RNG, "No free virtio slot|virtio-rng-device");
    qtest_quit(qts);
}

/* What was on the command line, and the machine's own devices, can go too */
static void test_remove_defaults(void)
{
    QTestState *qts = desktop_start(" -device virtio-rng-device,id=r");

    desktop_assert_slots(qts, "1:65535 2:18 3:18 4:18 5:1 7:3 8:4");
    force(qts, "r");
    qtest_qmp_device_del_send(qts, "/machine/board/keyboard-device");
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    qtest_qmp_device_del_send(qts, "/machine/board/fb-device");
    qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    desktop_assert_slots(qts, "3:18 4:18 5:1 7:3");
    add(qts, "virtio-mouse-device,bus=virtio-mmio-bus.2");
    desktop_assert_slots(qts, "2:18 3:18 4:18 5:1 7:3");
    qtest_quit(qts);
}

typedef struct RefusalCase {
    const char *name;
    const char *device;
    const char *words; /* that the error has, separated by '|' */
} RefusalCase;

static const RefusalCase refusal_cases[] = {
    { "slot-0", RNG ",bus=virtio-mmio-bus.0", "virtio-mmio-bus.0|full" },
    { "taken-slot", RNG ",bus=virtio-mmio-bus.8", "virtio-mmio-bus.8|full" },
    { "taken-role", RNG ",bus=virtio-mmio-bus.2", "virtio-mmio-bus.2|full" },
    { "no-such-slot", RNG ",bus=virtio-mmio-bus.64",
                      "virtio-mmio-bus.64|not found" },
    { "second-power", "virtio-power-device", "virtio-power-device" },
    { "taken-id", "virtio-rng-device,id=r", "Duplicate|r" },
    { "bad-value", "virtio-fb-device,vram=1", "vram" },
    { "no-room", "virtio-fb-device,vram=600M", "window" },
    { "no-drive", "virtio-blk-device,id=x", "drive" },
    { "not-hotpluggable", "virtio-gpu-device", "hotplug" },
    { "pci", "virtio-rng-pci", "PCI" },
};

/* All refusals are by one QEMU, since they leave nothing behind */
static QTestState *refuser;

static void test_refusal(const void *data)
{
    const RefusalCase *c = data;
    g_autofree char *type = g_strndup(c->device, strcspn(c->device, ","));
    g_autofree char *inventory = NULL;

    if (!qtest_has_device(type)) {
        g_autofree char *why = g_strdup_printf("this QEMU has no %s", type);

        g_test_skip(why);
        return;
    }
    if (!refuser) {
        refuser = desktop_start(" -device virtio-rng-device,id=r");
    }
    inventory = get_inventory(refuser);
    assert_add_refused(refuser, c->device, c->words);
    assert_inventory(refuser, inventory);
}

static void test_remove_refused(void)
{
    QTestState *qts = desktop_start(" -nodefaults");

    assert_del_refused(qts, "/machine/board/power-device",
                       "virtio-power-device|hotplug");
    assert_del_refused(qts, "/machine/board", "virtio-desktop-board");
    assert_del_refused(qts, "x", "x|not found");
    desktop_assert_slots(qts, "");
    qtest_quit(qts);
}

/*
 * Remove
 */

#define CYCLE_OPTIONS   " -blockdev null-co,node-name=d" \
                        " -netdev hubport,id=n,hubid=0"

static const char *const cycle_devices[] = {
    "virtio-blk-device,drive=d",
    "virtio-net-device,netdev=n",
    "virtio-rng-device",
    "virtio-keyboard-device",
    "virtio-multitouch-device",
    "virtio-serial-device",
    "virtio-scsi-device",
    "virtio-balloon-device",
    "virtio-fb-device,vram=16M",
};

static int count_files(QTestState *qts)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd",
                                            (int)qtest_pid(qts));
    GDir *dir = g_dir_open(path, 0, NULL);
    int n = 0;

    while (dir && g_dir_read_name(dir)) {
        n++;
    }
    g_clear_pointer(&dir, g_dir_close);
    return n;
}

static char *type_of(const char *device)
{
    return g_strndup(device, strcspn(device, ","));
}

/* The ones that this QEMU has, named by their types */
static void add_all(QTestState *qts)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(cycle_devices); i++) {
        g_autofree char *type = type_of(cycle_devices[i]);
        g_autofree char *device = g_strdup_printf("%s,id=%s", cycle_devices[i],
                                                  type);

        if (qtest_has_device(type)) {
            add(qts, device);
        }
    }
}

/* In another order. Their slots are empty at once, their memory a bit later */
static void remove_all(QTestState *qts)
{
    int i, n = 0;

    for (i = ARRAY_SIZE(cycle_devices) - 1; i >= 0; i--) {
        g_autofree char *type = type_of(cycle_devices[i]);

        if (qtest_has_device(type)) {
            qtest_qmp_assert_success(qts, "{'execute': 'device_del',"
                                     " 'arguments': {'id': %s}}", type);
            n++;
        }
    }
    while (n--) {
        qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    }
}

/* A QEMU with AddressSanitizer keeps what is freed: here, not much of it */
static QTestState *start_frugal(const char *options)
{
    g_autofree char *usual = g_strdup(g_getenv("ASAN_OPTIONS") ?: "");
    g_autofree char *frugal = g_strdup_printf(
        "%s:quarantine_size_mb=1:thread_local_quarantine_size_kb=64", usual);
    QTestState *qts;

    g_setenv("ASAN_OPTIONS", frugal, true);
    qts = desktop_start(options);
    g_setenv("ASAN_OPTIONS", usual, true);
    return qts;
}

static void test_cycle(void)
{
    QTestState *qts = start_frugal(CYCLE_OPTIONS);
    g_autofree char *inventory = get_inventory(qts);
    g_autofree char *slots = desktop_list_slots(qts);
    int cycles = g_test_slow() ? 100 : 30;
    long memory = 0;
    int files = 0, i;

    desktop_intercept_irqs(qts);
    for (i = 0; i < 20 + cycles; i++) {
        /* The first ones make caches that stay */
        if (i == 20) {
            memory = desktop_get_memory(qts, "VmRSS");
            files = count_files(qts);
        }
        add_all(qts);
        remove_all(qts);
    }
    assert_inventory(qts, inventory);
    desktop_assert_slots(qts, slots);
    for (i = FIRST_FREE_SLOT; i < NUM_SLOTS; i++) {
        assert_empty(qts, i);
    }
    desktop_assert_irqs(qts, -1);
    /* Any of the devices has 150 KiB or more */
    memory = desktop_get_memory(qts, "VmRSS") - memory;
    g_test_message("%ld KiB more after %d cycles", memory, cycles);
    g_assert_cmpint(memory, <, cycles * 100);
    /* The last ones may be on their way out */
    g_assert_cmpint(count_files(qts) - files, <, 20);
    qtest_quit(qts);
}

/* A device goes with its interrupt pending; the next one starts afresh */
static void test_interrupt(void)
{
    QTestState *qts = desktop_start(" -nodefaults");
    int i;

    desktop_intercept_irqs(qts);
    for (i = 0; i < 3; i++) {
        add(qts, RNG);
        g_assert_cmphex(desktop_read(qts, 8, VIRTIO_MMIO_STATUS), ==, 0);
        g_assert_cmphex(desktop_read(qts, 8, VIRTIO_MMIO_QUEUE_READY), ==, 0);
        desktop_rng_start(qts, 8);
        desktop_rng_request(qts, 8);
        desktop_assert_irqs(qts, 8);

        force(qts, "x");
        desktop_assert_irqs(qts, -1);
        assert_empty(qts, 8);
        /* A guest that has not noticed does no harm */
        qtest_memset(qts, desktop_reg(8, 0), 0xff, SLOT_REGS);
        assert_empty(qts, 8);
    }
    qtest_quit(qts);
}

/* Devices on the bus of a device go with it */
static void test_children(void)
{
    QTestState *qts = desktop_start(" -nodefaults"
                                    " -blockdev null-co,node-name=d");
    g_autofree char *inventory = get_inventory(qts);

    add(qts, "virtio-serial-device,id=s");
    add(qts, "virtserialport,id=p,bus=s.0");
    force(qts, "s");
    add(qts, "virtio-scsi-device,id=s");
    add(qts, "scsi-hd,id=p,bus=s.0,drive=d");
    force(qts, "s");
    assert_inventory(qts, inventory);
    qtest_quit(qts);
}

/* The console stays, as those of other displays; a picture of it can be had */
static void test_display(void)
{
    g_autofree char *path = NULL;
    QTestState *qts = desktop_start(" -nodefaults");
    int i, fd = g_file_open_tmp("virtio-desktop-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    for (i = 0; i < 3; i++) {
        add(qts, FB);
        qtest_memset(qts, WINDOW_BASE, 0xa5, 1 * MiB);
        qtest_qmp_assert_success(qts, "{'execute': 'screendump', 'arguments':"
                                 " {'filename': %s}}", path);
        force(qts, "x");
        qtest_qmp_assert_success(qts, "{'execute': 'screendump', 'arguments':"
                                 " {'filename': %s}}", path);
    }
    /* A guest that still draws does no harm, to itself neither */
    qtest_memset(qts, WINDOW_BASE, 0xa5, 1 * MiB);
    g_assert_cmphex(qtest_readl(qts, WINDOW_BASE), ==, 0);
    /* The next one has memory of its own */
    add(qts, FB);
    g_assert_cmphex(qtest_readl(qts, WINDOW_BASE), ==, 0);
    unlink(path);
    qtest_quit(qts);
}

/*
 * Remove a device that is at work
 */

typedef struct Driver {
    QVirtioMMIODevice slot;
    QGuestAllocator alloc;
    QVirtQueue *vq;
} Driver;

static void start_driver_at(Driver *d, QTestState *qts, int slot,
                            uint64_t heap)
{
    alloc_init(&d->alloc, 0, heap, heap + HEAP_SIZE, PAGE_SIZE);
    qvirtio_mmio_init_device(&d->slot, qts, desktop_reg(slot, 0), PAGE_SIZE);
    qvirtio_start_device(&d->slot.vdev);
    qvirtio_set_features(&d->slot.vdev, 1ull << VIRTIO_F_VERSION_1);
    d->vq = qvirtqueue_setup(&d->slot.vdev, &d->alloc, 0);
    qvirtio_set_driver_ok(&d->slot.vdev);
}

static void start_driver(Driver *d, QTestState *qts, int slot)
{
    start_driver_at(d, qts, slot, HEAP_BASE);
}

static void stop_driver(Driver *d)
{
    qvirtqueue_cleanup(d->slot.vdev.bus, d->vq, &d->alloc);
    alloc_destroy(&d->alloc);
}

/* Without its device, the driver's memory stays as it is */
static void assert_let_go(QTestState *qts, Driver *d, uint64_t buffer)
{
    g_autofree uint8_t *seen = g_malloc(PAGE_SIZE);
    g_autofree uint8_t *expected = g_malloc(PAGE_SIZE);
    uint16_t used = qtest_readw(qts, d->vq->used + 2);
    int i;

    memset(expected, 0x5a, PAGE_SIZE);
    qtest_memset(qts, buffer, 0x5a, PAGE_SIZE);
    for (i = 0; i < 10; i++) {
        qtest_clock_step(qts, 100000000);
    }
    qtest_bufread(qts, buffer, seen, PAGE_SIZE);
    g_assert_cmpmem(seen, PAGE_SIZE, expected, PAGE_SIZE);
    g_assert_cmpint(qtest_readw(qts, d->vq->used + 2), ==, used);
    desktop_assert_irqs(qts, -1);
}

static void test_busy_disk(void)
{
    QTestState *qts = desktop_start(" -nodefaults -blockdev null-co"
                                    ",node-name=d,read-zeroes=on"
                                    ",latency-ns=200000000");
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
    g_autofree char *inventory = get_inventory(qts);
    uint64_t buffer;
    uint32_t head;
    Driver d;
    int i;

    desktop_intercept_irqs(qts);
    add(qts, "virtio-blk-device,id=x,drive=d");
    start_driver(&d, qts, 8);
    buffer = guest_alloc(&d.alloc, 3 * PAGE_SIZE);
    qtest_bufwrite(qts, buffer + PAGE_SIZE, &header, sizeof(header));
    for (i = 0; i < 5; i++) {
        head = qvirtqueue_add(qts, d.vq, buffer + PAGE_SIZE, sizeof(header),
                              false, true);
        qvirtqueue_add(qts, d.vq, buffer, PAGE_SIZE, true, true);
        qvirtqueue_add(qts, d.vq, buffer + 2 * PAGE_SIZE, 1, true, false);
        qvirtqueue_kick(qts, &d.slot.vdev, d.vq, head);
    }
    force(qts, "x");
    assert_let_go(qts, &d, buffer);
    assert_inventory(qts, inventory);

    /* The disk itself is as good as new */
    add(qts, "virtio-blk-device,id=x,drive=d");
    stop_driver(&d);
    start_driver(&d, qts, 8);
    stop_driver(&d);
    qtest_quit(qts);
}

#ifndef _WIN32
static void send_frame(int fd)
{
    char frame[4 + 64];

    memset(frame, 0xee, sizeof(frame));
    memset(frame + 4, 0xff, 6); /* to everybody */
    stl_be_p(frame, sizeof(frame) - 4);
    g_assert_cmpint(write(fd, frame, sizeof(frame)), ==, sizeof(frame));
}

static void test_busy_net(void)
{
    g_autofree char *options = NULL;
    uint64_t buffer;
    uint32_t head;
    QTestState *qts;
    int fds[2], i;
    Driver d;

    g_assert_cmpint(socketpair(PF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    options = g_strdup_printf(" -nodefaults -netdev socket,id=n,fd=%d",
                              fds[1]);
    qts = desktop_start(options);
    desktop_intercept_irqs(qts);
    for (i = 0; i < 3; i++) {
        add(qts, "virtio-net-device,id=x,netdev=n");
        start_driver(&d, qts, 8);
        buffer = guest_alloc(&d.alloc, PAGE_SIZE);
        head = qvirtqueue_add(qts, d.vq, buffer, PAGE_SIZE, true, false);
        qvirtqueue_kick(qts, &d.slot.vdev, d.vq, head);
        send_frame(fds[0]);
        qvirtio_wait_used_elem(qts, &d.slot.vdev, d.vq, head, NULL, HANG_US);
        /* One more has a buffer, one has not, others come too late */
        head = qvirtqueue_add(qts, d.vq, buffer, PAGE_SIZE, true, false);
        qvirtqueue_kick(qts, &d.slot.vdev, d.vq, head);
        send_frame(fds[0]);
        send_frame(fds[0]);
        force(qts, "x");
        send_frame(fds[0]);
        assert_let_go(qts, &d, buffer);
        stop_driver(&d);
    }
    qtest_quit(qts);
    close(fds[0]);
    close(fds[1]);
}
#endif

/*
 * Migration and snapshots
 */

static char *make_socket(char **dir)
{
    *dir = g_dir_make_tmp("virtio-desktop-XXXXXX", NULL);
    return g_strdup_printf("%s/socket", *dir);
}

static QTestState *migrate(QTestState *from, const char *options)
{
    g_autofree char *dir = NULL;
    g_autofree char *path = make_socket(&dir);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    g_autofree char *args = g_strdup_printf("%s -incoming %s", options, uri);
    QTestState *to = desktop_start(args);

    migrate_qmp(from, to, uri, NULL, "{}");
    wait_for_migration_complete(from);
    qtest_qmp_eventwait(to, "RESUME");
    qtest_quit(from);
    unlink(path);
    rmdir(dir);
    return to;
}

/* The target has from its command line what the source got and lost later */
static void test_migrate(void)
{
    QTestState *qts = desktop_start(SMALL " -device virtio-rng-device,id=r");

    force(qts, "r");
    add(qts, RNG ",bus=virtio-mmio-bus.20");
    desktop_rng_start(qts, 20);
    desktop_rng_request(qts, 20);

    qts = migrate(qts, SMALL " -device " RNG ",bus=virtio-mmio-bus.20");
    desktop_assert_slots(qts, "20:4");
    g_assert_cmphex(desktop_read(qts, 20, VIRTIO_MMIO_INTERRUPT_STATUS), ==,
                    VIRTIO_MMIO_INT_VRING);
    desktop_intercept_irqs(qts);
    desktop_write(qts, 20, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    desktop_rng_request(qts, 20);
    desktop_assert_irqs(qts, 20);

    /* And there, all goes on as before */
    force(qts, "x");
    desktop_assert_irqs(qts, -1);
    assert_empty(qts, 20);
    add(qts, RNG);
    desktop_assert_slots(qts, "8:4");
    qtest_quit(qts);
}

static uint64_t vram_base(QTestState *qts, int slot)
{
    desktop_write(qts, slot, VIRTIO_MMIO_SHM_SEL, 0);
    return desktop_read(qts, slot, VIRTIO_MMIO_SHM_BASE_LOW) |
           (uint64_t)desktop_read(qts, slot, VIRTIO_MMIO_SHM_BASE_HIGH) << 32;
}

/* Shared memory stays where it was, even if a new machine has room below */
static void test_migrate_shm(void)
{
    QTestState *qts = desktop_start(SMALL);
    uint64_t base;

    add(qts, "virtio-fb-device,id=y,vram=16M");
    add(qts, FB);
    force(qts, "y");
    base = vram_base(qts, 9);
    g_assert_cmphex(base, ==, WINDOW_BASE + 16 * MiB);
    qtest_memset(qts, base, 0xa5, 1 * MiB);

    qts = migrate(qts, SMALL " -device " FB ",bus=virtio-mmio-bus.9");
    desktop_assert_slots(qts, "9:65535");
    g_assert_cmphex(vram_base(qts, 9), ==, base);
    g_assert_cmphex(qtest_readl(qts, base), ==, 0xa5a5a5a5);
    g_assert_cmphex(qtest_readl(qts, base + 1 * MiB - 4), ==, 0xa5a5a5a5);
    /* The room below is there for others, that above as well */
    add(qts, "virtio-fb-device,id=y,vram=16M");
    g_assert_cmphex(vram_base(qts, 8), ==, WINDOW_BASE);
    add(qts, "virtio-fb-device,id=z,vram=16M");
    g_assert_cmphex(vram_base(qts, 10), ==, base + 16 * MiB);
    qtest_quit(qts);
}

static void wait_migration_state(QTestState *qts, const char *state)
{
    static const char *const failed[] = { "failed", NULL };

    wait_for_migration_status(qts, state, (const char **)failed);
}

static void test_while_migrating(void)
{
    QTestState *qts = desktop_start(SMALL " -device virtio-rng-device,id=r");

    migrate_set_capability(qts, "pause-before-switchover", true);
    migrate_qmp(qts, NULL, "exec:cat >/dev/null", NULL, "{}");
    wait_migration_state(qts, "pre-switchover");
    assert_add_refused(qts, RNG, "migrating");
    assert_del_refused(qts, "r", "migrating");
    desktop_assert_slots(qts, "8:4");

    qtest_qmp_assert_success(qts, "{'execute': 'migrate_cancel'}");
    wait_migration_state(qts, "cancelled");
    add(qts, RNG);
    force(qts, "r");
    desktop_assert_slots(qts, "9:4");
    qtest_quit(qts);
}

static char *make_image(void)
{
    char *path;
    int fd = g_file_open_tmp("virtio-desktop-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    if (!mkimg(path, "qcow2", 1)) {
        unlink(path);
        g_clear_pointer(&path, g_free);
    }
    return path;
}

static void assert_hmp(QTestState *qts, const char *command)
{
    g_autofree char *output = qtest_hmp(qts, "%s", command);

    g_assert_cmpstr(output, ==, "");
}

/* What does not fit is told by slot and device */
static void test_snapshot(void)
{
    g_autofree char *path = make_image();
    g_autofree char *options = NULL;
    g_autofree char *missing = NULL, *other = NULL;
    QTestState *qts;

    if (!path) {
        g_test_skip("no qemu-img, or it cannot make a qcow2 image");
        return;
    }
    options = g_strdup_printf(SMALL
                              " -drive if=none,id=d,format=qcow2,file=%s",
                              path);
    qts = desktop_start(options);
    assert_hmp(qts, "savevm empty");
    add(qts, RNG);
    desktop_rng_start(qts, 8);
    assert_hmp(qts, "savevm rng");
    force(qts, "x");

    missing = qtest_hmp(qts, "loadvm rng");
    g_test_message("%s", missing);
    g_assert_nonnull(strstr(missing, "Slot 8 has no device here, but virtio"
                                     " device 4 in the machine"));
    add(qts, "virtio-balloon-device,id=x");
    other = qtest_hmp(qts, "loadvm rng");
    g_assert_nonnull(strstr(other, "Slot 8 has virtio device 5 here, but"
                                   " virtio device 4 in the machine"));
    force(qts, "x");
    assert_hmp(qts, "loadvm empty");

    add(qts, RNG);
    assert_hmp(qts, "loadvm rng");
    /* What could not be restored has stopped the machine */
    assert_hmp(qts, "cont");
    desktop_rng_request(qts, 8);
    qtest_quit(qts);
    unlink(path);
}

/*
 * With the guest's consent
 */

#define SLOT_EVENTS (VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_SLOT_ADDED) | \
                     VIRTIO_POWER_EVENT_BIT( \
                         VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED))

static uint32_t eject(QVirtioPower *power, int slot, uint32_t verdict)
{
    return qvirtio_power_word(power, VIRTIO_POWER_REQ_SLOT_EJECT, slot,
                              verdict);
}

static uint32_t generation(QVirtioPower *power)
{
    return qvirtio_power_config(power, offsetof(struct virtio_power_config,
                                                generation));
}

/* Slot 8, which is removable unless it is empty */
static void assert_record(QVirtioPower *power, uint32_t state,
                          uint32_t device_id)
{
    struct virtio_power_slot record;
    QVirtioPowerTable table;

    power_assert_ok(qvirtio_power_get_table(power, VIRTIO_POWER_REQ_GET_SLOTS,
                                            8, sizeof(struct virtio_power_table)
                                            + sizeof(record), &table, &record));
    g_assert_cmpuint(table.count, ==, 1);
    g_assert_cmpuint(table.generation, ==, generation(power));
    g_assert_cmpuint(le32_to_cpu(record.index), ==, 8);
    g_assert_cmpuint(le32_to_cpu(record.state), ==, state);
    g_assert_cmphex(le64_to_cpu(record.base), ==, desktop_reg(8, 0));
    g_assert_cmphex(le64_to_cpu(record.size), ==, SLOT_SIZE);
    g_assert_cmpuint(le32_to_cpu(record.irq), ==, desktop_irq(8));
    g_assert_cmphex(le32_to_cpu(record.irq_flags), ==,
                    VIRTIO_POWER_IRQ_LEVEL | VIRTIO_POWER_IRQ_HIGH);
    g_assert_cmpuint(le32_to_cpu(record.device_id), ==, device_id);
    g_assert_cmphex(le32_to_cpu(record.flags), ==,
                    state == VIRTIO_POWER_SLOT_EMPTY ?
                    0 : VIRTIO_POWER_SLOT_F_REMOVABLE);
}

static void assert_empty_record(QVirtioPower *power)
{
    assert_record(power, VIRTIO_POWER_SLOT_EMPTY, 0);
    assert_empty(power->qts, 8);
}

static void assert_filled(QVirtioPower *power)
{
    assert_record(power, VIRTIO_POWER_SLOT_FILLED, VIRTIO_ID_RNG);
    desktop_assert_slots(power->qts, "8:4");
}

static void assert_asked(QVirtioPower *power)
{
    assert_record(power, VIRTIO_POWER_SLOT_REMOVAL_ASKED, VIRTIO_ID_RNG);
    desktop_assert_slots(power->qts, "8:4");
}

/* The user wants the device back; the answer comes before anything happens */
static void ask(QVirtioPower *power)
{
    qtest_qmp_assert_success(power->qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': 'x'}}");
    g_assert_null(qtest_qmp_event_ref(power->qts, "DEVICE_DELETED"));
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED, 8);
    assert_asked(power);
}

/* With a device in slot 8 */
static QVirtioPower *start_attended(void)
{
    QVirtioPower *power = power_start_driver(" -device " RNG, SLOT_EVENTS);

    power_add_buffers(power, 8);
    assert_filled(power);
    return power;
}

static void test_go(void)
{
    QVirtioPower *power = power_start_driver("", SLOT_EVENTS);
    uint32_t before = generation(power);
    int i;

    desktop_intercept_irqs(power->qts);
    power_add_buffers(power, 8);
    assert_empty_record(power);
    for (i = 0; i < 3; i++) {
        add(power->qts, RNG);
        g_assert_cmpuint(generation(power), >, before);
        power_expect(power, VIRTIO_POWER_EVENT_SLOT_ADDED, 8);
        assert_filled(power);
        before = generation(power);

        desktop_rng_start(power->qts, 8);
        desktop_rng_request(power->qts, 8);
        ask(power);
        g_assert_cmpuint(generation(power), >, before);
        before = generation(power);

        power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_GO));
        g_assert_cmpuint(generation(power), >, before);
        before = generation(power);
        assert_empty_record(power);
        g_assert_false(qtest_get_irq(power->qts, desktop_line(8)));
        wait_deleted(power->qts, "x");
    }
    power_expect_none(power);
    power_quit(power);
}

static void test_refuse(void)
{
    QVirtioPower *power = start_attended();
    QDict *data;
    int i;

    for (i = 0; i < 2; i++) {
        ask(power);
        power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_REFUSE));
        assert_filled(power);
        data = power_wait(power, "DEVICE_UNPLUG_GUEST_ERROR");
        g_assert_cmpstr(qdict_get_str(data, "device"), ==, "x");
        g_assert_cmpstr(qdict_get_str(data, "path"), ==,
                        "/machine/peripheral/x");
        qobject_unref(data);
    }
    ask(power);
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_GO));
    wait_deleted(power->qts, "x");
    assert_empty_record(power);
    power_quit(power);
}

/* A guest cannot give away what nobody wants back */
static void test_not_asked(void)
{
    QVirtioPower *power = start_attended();
    int slot;

    for (slot = 0; slot < 2; slot++) {
        g_assert_cmpuint(eject(power, slot * 8, VIRTIO_POWER_EJECT_GO), ==,
                         VIRTIO_POWER_S_DENIED);
        g_assert_cmpuint(eject(power, slot * 8, VIRTIO_POWER_EJECT_REFUSE), ==,
                         VIRTIO_POWER_S_DENIED);
    }
    g_assert_cmpuint(eject(power, 9, VIRTIO_POWER_EJECT_GO), ==,
                     VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(eject(power, NUM_SLOTS, VIRTIO_POWER_EJECT_GO), ==,
                     VIRTIO_POWER_S_NOT_FOUND);
    assert_filled(power);

    ask(power);
    g_assert_cmpuint(eject(power, 8, 2), ==, VIRTIO_POWER_S_INVALID);
    assert_asked(power);
    /* Nor twice */
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_GO));
    g_assert_cmpuint(eject(power, 8, VIRTIO_POWER_EJECT_GO), ==,
                     VIRTIO_POWER_S_DENIED);
    power_quit(power);
}

/* The event comes again; in the end, nobody is there any more to answer it */
static void test_ask_again(void)
{
    QVirtioPower *power = start_attended();

    ask(power);
    ask(power);
    power_expect_none(power);
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    assert_asked(power);
    force(power->qts, "x");
    assert_empty_record(power);
    power_quit(power);
}

/* The next driver finds the ask in the table */
static void test_next_driver(void)
{
    QVirtioPower *power = start_attended();

    ask(power);
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_set_events(power, SLOT_EVENTS);
    power_expect_none(power);
    assert_asked(power);
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_GO));
    wait_deleted(power->qts, "x");
    power_quit(power);
}

/* An event that is no longer true is not sent */
static void test_too_late(void)
{
    QVirtioPower *power = power_start_driver("", SLOT_EVENTS);

    add(power->qts, RNG);
    qtest_qmp_assert_success(power->qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': 'x'}}");
    assert_asked(power);
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_REFUSE));
    power_add_buffers(power, 1);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_ADDED, 8);
    power_expect_none(power);
    ask(power);
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_GO));

    power_expect_none(power);
    power_quit(power);
}

static void test_machine_reset(void)
{
    QVirtioPower *power = start_attended();

    ask(power);
    qtest_system_reset(power->qts);
    wait_deleted(power->qts, "x");
    assert_empty(power->qts, 8);

    /* What is not asked for stays */
    add(power->qts, RNG);
    qtest_system_reset(power->qts);
    desktop_assert_slots(power->qts, "8:4");
    power_quit(power);
}

static void test_ask_migrates(void)
{
    QVirtioPower *power = start_attended();

    ask(power);
    power = power_migrate(power);
    assert_asked(power);
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_GO));
    wait_deleted(power->qts, "x");
    assert_empty_record(power);
    power_quit(power);
}

/*
 * A migration that takes hours: pages that are not zero, and a bandwidth of one
 * page a second
 */
static void start_endless_migration(QTestState *qts)
{
    qtest_memset(qts, RAM_BASE + 96 * MiB, 0xa5, 32 * MiB);
    migrate_set_parameter_int(qts, "max-bandwidth", 4096);
    migrate_qmp(qts, NULL, "exec:cat >/dev/null", NULL, "{}");
    wait_migration_state(qts, "active");
}

static void test_go_while_migrating(void)
{
    QVirtioPower *power = start_attended();

    ask(power);
    start_endless_migration(power->qts);
    g_assert_cmpuint(eject(power, 8, VIRTIO_POWER_EJECT_GO), ==,
                     VIRTIO_POWER_S_BUSY);
    assert_asked(power);
    qtest_system_reset(power->qts);
    desktop_assert_slots(power->qts, "8:4");
    qtest_qmp_assert_success(power->qts, "{'execute': 'migrate_cancel'}");
    wait_migration_state(power->qts, "cancelled");

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    assert_asked(power);
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_GO));
    wait_deleted(power->qts, "x");
    power_quit(power);
}

static void test_refuse_while_migrating(void)
{
    QVirtioPower *power = start_attended();

    ask(power);
    start_endless_migration(power->qts);
    power_assert_ok(eject(power, 8, VIRTIO_POWER_EJECT_REFUSE));
    assert_filled(power);
    power_quit(power);
}

static void test_slot_reset(void)
{
    QVirtioPower *power = start_attended();

    desktop_intercept_irqs(power->qts);
    desktop_rng_start(power->qts, 8);
    desktop_rng_request(power->qts, 8);
    g_assert_true(qtest_get_irq(power->qts, desktop_line(8)));
    ask(power);
    power_assert_ok(qvirtio_power_simple(power, VIRTIO_POWER_REQ_SLOT_RESET,
                                         8));
    g_assert_false(qtest_get_irq(power->qts, desktop_line(8)));
    g_assert_cmphex(desktop_read(power->qts, 8, VIRTIO_MMIO_STATUS), ==, 0);
    g_assert_cmphex(desktop_read(power->qts, 8, VIRTIO_MMIO_QUEUE_READY), ==,
                    0);
    assert_asked(power);
    desktop_rng_start(power->qts, 8);
    desktop_rng_request(power->qts, 8);

    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_SLOT_RESET,
                                          0), ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_SLOT_RESET,
                                          9), ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_SLOT_RESET,
                                          NUM_SLOTS), ==,
                     VIRTIO_POWER_S_NOT_FOUND);
    power_quit(power);
}

/*
 * When other devices and the machine are in the way
 */

/* An answer of zeros, where a write of zero notifies the power device */
#define ZEROS           " -object rng-random,id=zeros,filename=/dev/zero" \
                        " -device " RNG ",rng=zeros"

/* Put a request into the queue, and leave it to others to notify the device */
static QVirtioPowerRequest put_eject(QVirtioPower *power)
{
    const uint32_t words[] = { VIRTIO_POWER_REQ_SLOT_EJECT, 0, 8, 0,
                               VIRTIO_POWER_EJECT_GO, 0 };
    QVirtQueue *vq = power->request.vq;
    QVirtioPowerRequest request = { .out = sizeof(words), .in = 8 };
    uint16_t idx = qtest_readw(power->qts, vq->avail + 2);
    int i;

    request.addr = guest_alloc(power->alloc, request.out + request.in);
    for (i = 0; i < ARRAY_SIZE(words); i++) {
        qtest_writel(power->qts, request.addr + i * 4, words[i]);
    }
    qvirtqueue_reset_pool(vq);
    request.head = qvirtqueue_add(power->qts, vq, request.addr, request.out,
                                  false, true);
    qvirtqueue_add(power->qts, vq, request.addr + request.out, request.in,
                   true, false);
    power->request.used_length[request.head] = -1;
    power->request.in_flight++;
    qtest_writew(power->qts, vq->avail + 4 + idx % vq->size * 2, request.head);
    qtest_writew(power->qts, vq->avail + 2, idx + 1);
    return request;
}

/* The device that is to go is at work when it says so */
static void test_go_inside(void)
{
    QVirtioPower *power = power_start_driver(
        ZEROS " -global virtio-mmio.ioeventfd=off", SLOT_EVENTS);
    QVirtioPowerRequest request;
    uint32_t response[2];

    power_add_buffers(power, 8);
    ask(power);
    desktop_rng_start(power->qts, 8);
    request = put_eject(power);
    desktop_rng_send(power->qts, 8, desktop_reg(0, VIRTIO_MMIO_QUEUE_NOTIFY),
                     4);
    wait_deleted(power->qts, "x");
    qvirtio_power_finish(power, &request, response, sizeof(response));
    g_assert_cmpuint(le32_to_cpu(response[0]), ==, VIRTIO_POWER_S_OK);
    assert_empty_record(power);
    power_quit(power);
}

/* Requests wait for DRIVER_OK, without which a notification acts at once */
static void test_driver_ok(void)
{
    QVirtioPower *power = start_attended();
    uint32_t words[] = { VIRTIO_POWER_REQ_SLOT_EJECT, 0, 8, 0,
                         VIRTIO_POWER_EJECT_GO, 0 };
    QVirtioPowerRequest request;

    ask(power);
    qvirtio_power_reset(power);
    qvirtio_set_acknowledge(power->vdev);
    qvirtio_set_driver(power->vdev);
    qvirtio_set_features(power->vdev, QVIRTIO_POWER_FEATURES |
                                      1ull << VIRTIO_F_VERSION_1);
    qvirtio_requests_start(&power->request, power->slot, power->alloc,
                           VIRTIO_POWER_VQ_REQUEST, QVIRTIO_POWER_QUEUE_SIZE);
    request = qvirtio_power_send(power, words, ARRAY_SIZE(words), 8);
    g_assert_true(power_is(power, "running"));
    g_assert_false(qvirtio_power_is_used(power, &request));
    desktop_assert_slots(power->qts, "8:4");

    qvirtio_set_driver_ok(power->vdev);
    qvirtio_power_finish(power, &request, NULL, 0);
    wait_deleted(power->qts, "x");
    desktop_assert_slots(power->qts, "");
    power_quit(power);
}

/* What is to come in must find the devices that there are */
static void test_incoming(void)
{
    QTestState *qts = desktop_start(SMALL " -incoming defer -device " RNG);

    assert_del_refused(qts, "x", "migrating");
    assert_add_refused(qts, "virtio-rng-device", "migrating");
    qtest_qmp_assert_success(qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(qts, "RESET");
    desktop_assert_slots(qts, "8:4");
    qtest_quit(qts);
}

#ifndef _WIN32
#define STREAM_EOF              0x00
#define STREAM_DESCRIPTION      0x06    /* the length and JSON follow */

/* Where the state of the last device of a stream ends */
static size_t find_end(const char *stream, size_t size)
{
    size_t end;

    for (end = size - 6; end > 0; end--) {
        if (stream[end] == STREAM_EOF &&
            stream[end + 1] == STREAM_DESCRIPTION &&
            ldl_be_p(stream + end + 2) == size - end - 6) {
            return end;
        }
    }
    g_assert_not_reached();
}

static void write_all(int fd, const char *data, size_t size)
{
    ssize_t done;

    for (; size; data += done, size -= done) {
        done = write(fd, data, size);
        g_assert_cmpint(done, >, 0);
    }
}

/* The machine is as it is saved; @stream is for a second QEMU */
static void save(QTestState *qts, char **stream, size_t *size)
{
    g_autofree char *dir = NULL;
    g_autofree char *path = make_socket(&dir);
    g_autofree char *uri = g_strdup_printf("file:%s", path);

    migrate_qmp(qts, NULL, uri, NULL, "{}");
    wait_for_migration_complete(qts);
    g_assert_true(g_file_get_contents(path, stream, size, NULL));
    unlink(path);
    rmdir(dir);
}

/* Reset when the request for removal has come in, and the end has not */
static void test_reset_incoming(void)
{
    QVirtioPower *from = start_attended(), *to;
    g_autofree char *stream = NULL, *uri = NULL;
    size_t size, end;
    int fds[2];

    desktop_rng_start(from->qts, 8);
    ask(from);
    save(from->qts, &stream, &size);
    end = find_end(stream, size);

    g_assert_cmpint(socketpair(PF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    uri = g_strdup_printf("fd:%d", fds[1]);
    to = power_start_target(from, uri);
    close(fds[1]);
    write_all(fds[0], stream, end);
    while (desktop_read(to->qts, 8, VIRTIO_MMIO_STATUS) != desktop_driver_ok) {
        /* It has not come in yet */
    }
    power_qmp(to, "system_reset");
    qtest_qmp_eventwait(to->qts, "RESET");
    desktop_assert_slots(to->qts, "8:4");
    write_all(fds[0], stream + end, size - end);
    wait_for_migration_complete(to->qts);
    qtest_qmp_eventwait(to->qts, "RESUME");

    qvirtio_power_start(to, QVIRTIO_POWER_FEATURES);
    assert_asked(to);
    power_assert_ok(eject(to, 8, VIRTIO_POWER_EJECT_GO));
    wait_deleted(to->qts, "x");
    power_quit(from);
    power_quit(to);
    close(fds[0]);
}
#endif

/* For a device that comes meanwhile the machine runs when it has woken up */
static void test_suspended(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    QVirtioPowerRequest request = power_sleep(power, 0);
    QDict *status;

    add(power->qts, RNG);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    status = qtest_qmp_assert_success_ref(
        power->qts, "{'execute': 'x-query-virtio-status', 'arguments':"
        " {'path': '/machine/peripheral/x'}}");
    g_assert_true(qdict_get_bool(status, "vm-running"));
    qobject_unref(status);
    power_quit(power);
}

/* QEMU itself reads the first sector at the start */
#define BAD_SECTOR  8
#define BAD_DISK    "-blockdev driver=blkdebug,node-name=d" \
                    ",image.driver=null-co,image.read-zeroes=on" \
                    ",inject-error.0.event=none" \
                    ",inject-error.0.iotype=read" \
                    ",inject-error.0.sector=" stringify(BAD_SECTOR) \
                    ",inject-error.0.once=on" \
                    " -device virtio-blk-device,drive=d,rerror=stop"

/* As if the request had been on its way to the disk before the machine slept */
static void test_disk_error(void)
{
    struct virtio_blk_outhdr header = {
        .type = cpu_to_le32(VIRTIO_BLK_T_IN),
        .sector = cpu_to_le64(BAD_SECTOR),
    };
    QVirtioPower *power = power_start_driver(BAD_DISK, 0);
    QVirtioPowerRequest request = power_sleep(power, 0);
    QTestState *qts = power->qts;
    uint64_t buffer;
    uint32_t head;
    Driver d;

    start_driver_at(&d, qts, 8, HEAP_BASE + 64 * MiB);
    buffer = guest_alloc(&d.alloc, 3 * PAGE_SIZE);
    qtest_bufwrite(qts, buffer, &header, sizeof(header));
    head = qvirtqueue_add(qts, d.vq, buffer, sizeof(header), false, true);
    qvirtqueue_add(qts, d.vq, buffer + PAGE_SIZE, PAGE_SIZE, true, true);
    qvirtqueue_add(qts, d.vq, buffer + 2 * PAGE_SIZE, 1, true, false);
    qvirtqueue_kick(qts, &d.slot.vdev, d.vq, head);
    qtest_qmp_eventwait(qts, "STOP");
    g_assert_true(power_is(power, "io-error"));

    /* The user has mended it: the disk goes on, the machine still sleeps */
    power_qmp(power, "cont");
    qvirtio_wait_used_elem(qts, &d.slot.vdev, d.vq, head, NULL, HANG_US);
    g_assert_cmpint(qtest_readb(qts, buffer + 2 * PAGE_SIZE), ==,
                    VIRTIO_BLK_S_OK);
    g_assert_true(power_is(power, "suspended"));
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    stop_driver(&d);
    power_quit(power);
}

static const struct {
    const char *path;
    void (*function)(void);
} tests[] = {
    { "add/places", test_places },
    { "add/all-slots", test_all_slots },
    { "remove/defaults", test_remove_defaults },
    { "remove/refused", test_remove_refused },
    { "remove/cycle", test_cycle },
    { "remove/interrupt", test_interrupt },
    { "remove/children", test_children },
    { "remove/display", test_display },
    { "remove/busy-disk", test_busy_disk },
#ifndef _WIN32
    { "remove/busy-net", test_busy_net },
#endif
    { "migrate/after", test_migrate },
    { "migrate/meanwhile", test_while_migrating },
    { "migrate/shared-memory", test_migrate_shm },
    { "migrate/snapshot", test_snapshot },
    { "ask/go", test_go },
    { "ask/refuse", test_refuse },
    { "ask/not-asked", test_not_asked },
    { "ask/again", test_ask_again },
    { "ask/next-driver", test_next_driver },
    { "ask/too-late", test_too_late },
    { "ask/machine-reset", test_machine_reset },
    { "ask/migrate", test_ask_migrates },
    { "ask/go-while-migrating", test_go_while_migrating },
    { "ask/refuse-while-migrating", test_refuse_while_migrating },
    { "ask/inside-completion", test_go_inside },
    { "ask/driver-ok", test_driver_ok },
    { "slot-reset", test_slot_reset },
    { "incoming", test_incoming },
#ifndef _WIN32
    { "incoming-reset", test_reset_incoming },
#endif
    { "suspended", test_suspended },
    { "suspended-disk-error", test_disk_error },
};

int main(int argc, char **argv)
{
    int i, status;

    g_test_init(&argc, &argv, NULL);

    for (i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("virtio-desktop/hotplug/%s",
                                                tests[i].path);

        qtest_add_func(path, tests[i].function);
    }
    for (i = 0; i < ARRAY_SIZE(refusal_cases); i++) {
        g_autofree char *path = g_strdup_printf(
            "virtio-desktop/hotplug/refused/%s", refusal_cases[i].name);

        qtest_add_data_func(path, &refusal_cases[i], test_refusal);
    }
    status = g_test_run();
    if (refuser) {
        qtest_quit(refuser);
    }
    return status;
}
