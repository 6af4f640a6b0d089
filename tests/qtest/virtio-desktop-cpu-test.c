/*
 * QTest testcase for the virtio-desktop machine: CPUs come and go
 *
 * What a user is told by commands and events, what a guest's driver is told by
 * virtio-power, and, with code that really runs, that a parked CPU does not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qemu/units.h"
#include "hw/virtio/virtio-power-wire.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "standard-headers/linux/virtio_ring.h"
#include "libqos/libqos.h"
#include "virtio-desktop-util.h"

#define SMP " -nodefaults -smp 2,maxcpus=4 -m 64M"

/*
 * The user's side
 */

/* Returns: an error to be freed, NULL if there is none */
static char *try_set_present(QTestState *qts, int cpu, bool present)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'cpu-set-present', 'arguments':"
                           " { 'cpu-index': %d, 'present': %i } }",
                           cpu, present);
    QDict *error = qdict_get_qdict(rsp, "error");
    char *text = error ? g_strdup(qdict_get_str(error, "desc")) : NULL;

    qobject_unref(rsp);
    return text;
}

static void set_present(QTestState *qts, int cpu, bool present)
{
    g_autofree char *error = try_set_present(qts, cpu, present);

    g_assert_cmpstr(error, ==, NULL);
}

static void assert_refused(QTestState *qts, int cpu, bool present,
                           const char *expected)
{
    g_autofree char *error = try_set_present(qts, cpu, present);

    g_assert_cmpstr(error, ==, expected);
}

/*
 * Events about CPUs since the last look: "+3" for CPU 3 that has become
 * present, "-3" for one that is not any more, "!3" for a refusal.
 */
static GString *events;
static int resets;

static bool note_event(QTestState *qts, const char *name, QDict *event,
                       void *opaque)
{
    QDict *data = qdict_get_qdict(event, "data");
    char sign = '!';

    if (g_str_equal(name, "RESET")) {
        resets++;
    }
    if (!g_str_equal(name, "CPU_PRESENT_CHANGED") &&
        !g_str_equal(name, "CPU_REMOVAL_REFUSED")) {
        return false;
    }
    if (qdict_haskey(data, "present")) {
        sign = qdict_get_bool(data, "present") ? '+' : '-';
    }
    g_string_append_printf(events, "%c%d", sign,
                           (int)qdict_get_int(data, "cpu-index"));
    return true;
}

static void assert_events(QTestState *qts, const char *expected)
{
    /* They come before the answer */
    qtest_qmp_assert_success(qts, "{ 'execute': 'query-status' }");
    g_assert_cmpstr(events->str, ==, expected);
    g_string_truncate(events, 0);
}

static QTestState *start(const char *options)
{
    QTestState *qts = desktop_start(options);

    g_string_truncate(events, 0);
    qtest_qmp_set_event_callback(qts, note_event, NULL);
    return qts;
}

/* @expected has a digit for each CPU that is present, in order */
static void assert_present(QTestState *qts, const char *expected)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-hotpluggable-cpus' }");
    char present[10] = "";
    QListEntry *entry;
    size_t n = 0;
    int core;

    for (core = 0; core < 9; core++) {
        QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), entry) {
            QDict *cpu = qobject_to(QDict, qlist_entry_obj(entry));
            QDict *props = qdict_get_qdict(cpu, "props");

            if (qdict_get_int(props, "core-id") == core &&
                qdict_haskey(cpu, "qom-path")) {
                present[n++] = '0' + core;
            }
        }
    }
    g_assert_cmpstr(present, ==, expected);
    qobject_unref(rsp);
}

static void reset(QTestState *qts)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    int before = resets;

    qtest_qmp_assert_success(qts, "{ 'execute': 'system_reset' }");
    while (resets == before) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
        qtest_qmp_assert_success(qts, "{ 'execute': 'query-status' }");
    }
}

static void test_command(void)
{
    QTestState *qts = start(SMP);

    assert_present(qts, "01");
    set_present(qts, 3, true);
    assert_events(qts, "+3");
    assert_present(qts, "013");

    /* It is as wanted already */
    set_present(qts, 3, true);
    set_present(qts, 2, false);
    assert_events(qts, "");

    /* Off, and there is no driver to be asked */
    set_present(qts, 1, false);
    assert_events(qts, "-1");
    assert_present(qts, "03");
    qtest_quit(qts);
}

static void test_errors(void)
{
    QTestState *qts = start(SMP);

    assert_refused(qts, 0, false,
                   "CPU 0 starts the machine and cannot be removed");
    assert_refused(qts, 4, true, "CPU 4 does not exist: CPUs are 0 to 3");
    assert_refused(qts, -1, true, "CPU -1 does not exist: CPUs are 0 to 3");
    set_present(qts, 0, true);
    assert_events(qts, "");
    assert_present(qts, "01");
    qtest_quit(qts);

    qts = qtest_init("-M none");
    assert_refused(qts, 0, true,
                   "machine does not add or remove CPUs in this way");
    qtest_quit(qts);
}

static void test_hmp(void)
{
    QTestState *qts = start(SMP);
    g_autofree char *said = qtest_hmp(qts, "cpu_set_present 2 on");

    g_assert_cmpstr(said, ==, "");
    assert_events(qts, "+2");
    g_free(said);
    said = qtest_hmp(qts, "cpu_set_present 0 off");
    g_assert_cmpstr(said, ==, "Error: CPU 0 starts the machine and cannot be"
                    " removed\r\n");
    assert_present(qts, "012");
    qtest_quit(qts);
}

static void test_all_present(void)
{
    QTestState *qts = start(" -nodefaults -smp 3");

    assert_present(qts, "012");
    qtest_quit(qts);
}

static void test_reset(void)
{
    QTestState *qts = start(SMP);

    set_present(qts, 1, false);
    assert_events(qts, "-1");
    set_present(qts, 2, true);
    assert_events(qts, "+2");
    reset(qts);
    assert_events(qts, "");
    assert_present(qts, "02");
    qtest_quit(qts);
}

/*
 * The driver's side: requests of virtio-power, one at a time
 */

enum {
    DRIVER_DESC = 0x000,
    DRIVER_AVAIL = 0x100,
    DRIVER_USED = 0x200,
    DRIVER_REQUEST = 0x300,
    DRIVER_RESPONSE = 0x400,
    DRIVER_SIZE = 0x1000,
    DRIVER_QUEUE_SIZE = 2,
};

#define DRIVER_MEMORY(part) (RAM_BASE + 2 * MiB + DRIVER_##part)

static void driver_start(QTestState *qts)
{
    qtest_memset(qts, RAM_BASE + 2 * MiB, 0, DRIVER_SIZE);
    desktop_write(qts, 0, VIRTIO_MMIO_STATUS, 0);
    desktop_write(qts, 0, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    desktop_write(qts, 0, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    desktop_write(qts, 0, VIRTIO_MMIO_DRIVER_FEATURES,
                  1 << VIRTIO_POWER_F_CPU_HOTPLUG);
    desktop_write(qts, 0, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    desktop_write(qts, 0, VIRTIO_MMIO_DRIVER_FEATURES,
                  1 << (VIRTIO_F_VERSION_1 - 32));
    desktop_write(qts, 0, VIRTIO_MMIO_STATUS,
                  desktop_driver_ok & ~VIRTIO_CONFIG_S_DRIVER_OK);
    desktop_write(qts, 0, VIRTIO_MMIO_QUEUE_SEL, VIRTIO_POWER_VQ_REQUEST);
    desktop_write(qts, 0, VIRTIO_MMIO_QUEUE_NUM, DRIVER_QUEUE_SIZE);
    desktop_write(qts, 0, VIRTIO_MMIO_QUEUE_DESC_LOW, DRIVER_MEMORY(DESC));
    desktop_write(qts, 0, VIRTIO_MMIO_QUEUE_AVAIL_LOW, DRIVER_MEMORY(AVAIL));
    desktop_write(qts, 0, VIRTIO_MMIO_QUEUE_USED_LOW, DRIVER_MEMORY(USED));
    desktop_write(qts, 0, VIRTIO_MMIO_QUEUE_READY, 1);
    desktop_write(qts, 0, VIRTIO_MMIO_STATUS, desktop_driver_ok);
    g_assert_cmphex(desktop_read(qts, 0, VIRTIO_MMIO_STATUS), ==,
                    desktop_driver_ok);
}

static void write_desc(QTestState *qts, int n, uint64_t addr, uint32_t len,
                       uint16_t flags, uint16_t next)
{
    uint64_t desc = DRIVER_MEMORY(DESC) + n * 16;

    qtest_writeq(qts, desc, addr);
    qtest_writel(qts, desc + 8, len);
    qtest_writew(qts, desc + 12, flags);
    qtest_writew(qts, desc + 14, next);
}

/* Returns: the status; @more is the word after the header, if there is one */
static uint32_t request(QTestState *qts, uint32_t type, uint32_t index,
                        uint32_t more)
{
    uint32_t words[6] = { type, 0, index, 0, more, 0 };
    uint16_t idx = qtest_readw(qts, DRIVER_MEMORY(AVAIL) + 2);
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    int i;

    for (i = 0; i < ARRAY_SIZE(words); i++) {
        qtest_writel(qts, DRIVER_MEMORY(REQUEST) + i * 4, words[i]);
    }
    write_desc(qts, 0, DRIVER_MEMORY(REQUEST), sizeof(words),
               VRING_DESC_F_NEXT, 1);
    write_desc(qts, 1, DRIVER_MEMORY(RESPONSE), 0x100, VRING_DESC_F_WRITE, 0);
    qtest_writew(qts, DRIVER_MEMORY(AVAIL) + 4 + idx % DRIVER_QUEUE_SIZE * 2,
                 0);
    qtest_writew(qts, DRIVER_MEMORY(AVAIL) + 2, idx + 1);
    desktop_write(qts, 0, VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_POWER_VQ_REQUEST);
    while (qtest_readw(qts, DRIVER_MEMORY(USED) + 2) != (uint16_t)(idx + 1)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
    return qtest_readl(qts, DRIVER_MEMORY(RESPONSE));
}

#define assert_status(qts, req, cpu, status) \
    g_assert_cmpint(request(qts, VIRTIO_POWER_REQ_CPU_##req, cpu, 0), ==, \
                    VIRTIO_POWER_S_##status)

static void driver_attend(QTestState *qts, bool attend)
{
    uint32_t events = VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_CPU_ADDED) |
        VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED);

    g_assert_cmpint(request(qts, VIRTIO_POWER_REQ_SET_EVENTS, 0,
                            attend ? events : 0), ==, VIRTIO_POWER_S_OK);
}

static QTestState *start_with_driver(void)
{
    QTestState *qts = start(SMP);

    driver_start(qts);
    driver_attend(qts, true);
    return qts;
}

/* A CPU is in this state, with these flags besides REMOVABLE */
static void assert_cpu(QTestState *qts, uint32_t cpu, uint32_t state,
                       uint32_t flags)
{
    uint64_t record = DRIVER_MEMORY(RESPONSE) +
                      sizeof(struct virtio_power_table);

    g_assert_cmpint(request(qts, VIRTIO_POWER_REQ_GET_CPUS, cpu, 0), ==,
                    VIRTIO_POWER_S_OK);
    g_assert_cmpint(qtest_readl(qts, record), ==, cpu);
    g_assert_cmpint(qtest_readl(qts, record + 4), ==, state);
    g_assert_cmphex(qtest_readl(qts, record + 8), ==,
                    flags | VIRTIO_POWER_CPU_F_REMOVABLE);
}

#define PRESENT VIRTIO_POWER_CPU_F_PRESENT
#define ASKED   (PRESENT | VIRTIO_POWER_CPU_F_REMOVAL_ASKED)

static uint32_t generation(QTestState *qts)
{
    return desktop_read(qts, 0, VIRTIO_MMIO_CONFIG);
}

static void test_ask(void)
{
    QTestState *qts = start_with_driver();
    uint32_t old = generation(qts);

    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, PRESENT);
    set_present(qts, 1, false);
    assert_events(qts, "");
    assert_present(qts, "01");
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, ASKED);
    g_assert_cmpint(generation(qts), !=, old);

    /* Again, and the other way */
    set_present(qts, 1, false);
    assert_refused(qts, 1, true, "The guest has been asked for CPU 1 and has"
                   " not answered yet");

    old = generation(qts);
    assert_status(qts, PARK, 1, OK);
    assert_events(qts, "-1");
    assert_present(qts, "0");
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_PARKED, 0);
    g_assert_cmpint(generation(qts), !=, old);

    set_present(qts, 1, true);
    assert_events(qts, "+1");
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, PRESENT);
    qtest_quit(qts);
}

static void test_refuse(void)
{
    QTestState *qts = start_with_driver();

    set_present(qts, 1, false);
    assert_status(qts, REFUSE, 1, OK);
    assert_events(qts, "!1");
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, PRESENT);
    assert_present(qts, "01");

    /* Only once for each ask */
    assert_status(qts, REFUSE, 1, DENIED);
    set_present(qts, 1, false);
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, ASKED);
    qtest_quit(qts);
}

/* By its own wish */
static void test_guest_parks(void)
{
    QTestState *qts = start_with_driver();

    assert_status(qts, PARK, 1, OK);
    assert_status(qts, PARK, 1, OK);
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_PARKED, PRESENT);
    assert_present(qts, "01");
    assert_status(qts, RESET, 1, DENIED);
    assert_status(qts, UNPARK, 1, OK);
    assert_status(qts, UNPARK, 1, OK);
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, PRESENT);
    assert_status(qts, RESET, 1, OK);
    assert_events(qts, "");

    /* The host gets a parked one without asking */
    assert_status(qts, PARK, 1, OK);
    set_present(qts, 1, false);
    assert_events(qts, "-1");
    assert_status(qts, UNPARK, 1, DENIED);
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_PARKED, 0);
    qtest_quit(qts);
}

static void test_denied(void)
{
    QTestState *qts = start_with_driver();

    assert_status(qts, PARK, 0, DENIED);
    assert_status(qts, REFUSE, 0, DENIED);
    assert_status(qts, UNPARK, 0, OK);
    assert_status(qts, PARK, 2, DENIED);
    assert_status(qts, UNPARK, 2, DENIED);
    assert_status(qts, REFUSE, 2, DENIED);
    assert_status(qts, RESET, 2, DENIED);
    assert_status(qts, PARK, 4, NOT_FOUND);
    assert_status(qts, UNPARK, UINT32_MAX, NOT_FOUND);
    assert_events(qts, "");
    assert_present(qts, "01");
    qtest_quit(qts);
}

/* Nobody listens any more: an ask stands, a further one takes the CPU */
static void test_driver_goes(void)
{
    QTestState *qts = start_with_driver();

    set_present(qts, 1, false);
    driver_start(qts);
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, ASKED);
    set_present(qts, 1, false);
    assert_events(qts, "-1");
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_PARKED, 0);
    qtest_quit(qts);
}

static void test_driver_reset(void)
{
    QTestState *qts = start(" -nodefaults -smp 3,maxcpus=4 -m 64M");

    driver_start(qts);
    driver_attend(qts, true);
    set_present(qts, 1, false);
    assert_status(qts, PARK, 2, OK);
    reset(qts);
    assert_events(qts, "-1");
    assert_present(qts, "02");

    driver_start(qts);
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_PARKED, 0);
    assert_cpu(qts, 2, VIRTIO_POWER_CPU_OFF, PRESENT);
    assert_cpu(qts, 3, VIRTIO_POWER_CPU_PARKED, 0);
    qtest_quit(qts);
}

/*
 * Migration
 */

static QTestState *move_to_target(QTestState *from, const char *options)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-desktop-XXXXXX", NULL);
    g_autofree char *uri = g_strdup_printf("unix:%s/socket", dir);
    g_autofree char *args = g_strdup_printf("%s -incoming %s", options, uri);
    QTestState *to = start(args);

    assert_refused(to, 3, true, "CPUs cannot be added or removed before the"
                   " machine's state has come in");
    migrate_qmp(from, to, uri, NULL, "{}");
    wait_for_migration_complete(from);
    qtest_qmp_eventwait(to, "RESUME");
    qtest_quit(from);
    unlink(uri + strlen("unix:"));
    rmdir(dir);
    return to;
}

/* The target follows the source, whatever its own -smp says */
static void test_migrate(const void *data)
{
    QTestState *qts = start(" -nodefaults -smp 3,maxcpus=5 -m 64M");

    driver_start(qts);
    driver_attend(qts, true);
    set_present(qts, 4, true);
    set_present(qts, 1, false);
    assert_status(qts, PARK, 2, OK);

    qts = move_to_target(qts, data);
    assert_present(qts, "0124");
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, ASKED);
    assert_cpu(qts, 2, VIRTIO_POWER_CPU_PARKED, PRESENT);
    assert_cpu(qts, 3, VIRTIO_POWER_CPU_PARKED, 0);
    assert_cpu(qts, 4, VIRTIO_POWER_CPU_OFF, PRESENT);
    assert_status(qts, UNPARK, 2, OK);
    assert_status(qts, PARK, 1, OK);
    assert_present(qts, "024");
    qtest_quit(qts);
}

static void test_migrate_differs(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-desktop-XXXXXX", NULL);
    g_autofree char *uri = g_strdup_printf("unix:%s/socket", dir);
    g_autofree char *args = g_strdup_printf(
        " -nodefaults -smp 2,maxcpus=3 -m 64M -incoming %s", uri);
    QTestState *from = start(SMP), *to = start(args);

    migrate_qmp(from, NULL, uri, NULL, "{}");
    desktop_wait_exit(to, 1);
    qtest_quit(from);
    unlink(uri + strlen("unix:"));
    rmdir(dir);
}

static void test_snapshot(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-desktop-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/disk", dir);
    g_autofree char *args = g_strdup_printf(
        SMP " -drive if=none,format=qcow2,file=%s", path);
    g_autofree char *said = NULL;
    QTestState *qts;

    if (!have_qemu_img() || !mkimg(path, "qcow2", 64)) {
        g_test_skip("there is no qemu-img to make a disk with");
        rmdir(dir);
        return;
    }
    qts = start(args);
    driver_start(qts);
    driver_attend(qts, true);
    set_present(qts, 1, false);
    said = qtest_hmp(qts, "savevm one");
    g_assert_cmpstr(said, ==, "");

    assert_status(qts, PARK, 1, OK);
    assert_events(qts, "-1");
    set_present(qts, 3, true);
    assert_events(qts, "+3");

    /* The user learns what has changed by that */
    g_free(said);
    said = qtest_hmp(qts, "loadvm one");
    g_assert_cmpstr(said, ==, "");
    assert_events(qts, "+1-3");
    assert_present(qts, "01");
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_OFF, ASKED);
    qtest_quit(qts);
    unlink(path);
    rmdir(dir);
}

/*
 * Code that runs, here of aarch64.  CPU 0 waits for a number at SEQ that is not
 * the one at DONE, calls CPU_ON for the CPU at TARGET, puts what that returns
 * at RESULT, and the number at DONE.  A CPU that is started that way counts at
 * COUNT until there is something at STOP, and then calls CPU_OFF.
 */

static const uint32_t code[] = {
    0xd2a80209, /* start:  mov   x9, #0x40100000 */
    0xb9400125, /* 1:      ldr   w5, [x9]        SEQ */
    0xb9400926, /*         ldr   w6, [x9, #8]    DONE */
    0x6b0600bf, /*         cmp   w5, w6 */
    0x54ffffa0, /*         b.eq  1b */
    0xb9400521, /*         ldr   w1, [x9, #4]    TARGET */
    0x52800060, /*         mov   w0, #0x3        CPU_ON */
    0x72b88000, /*         movk  w0, #0xc400, lsl #16 */
    0x100000e2, /*         adr   x2, second */
    0xaa0903e3, /*         mov   x3, x9 */
    0xd4000002, /*         hvc   #0 */
    0xb9000d20, /*         str   w0, [x9, #12]   RESULT */
    0xd5033fbf, /*         dmb   sy */
    0xb9000925, /*         str   w5, [x9, #8]    DONE */
    0x17fffff3, /*         b     1b */
    0xb9401005, /* second: ldr   w5, [x0, #16]   COUNT */
    0x110004a5, /*         add   w5, w5, #1 */
    0xb9001005, /*         str   w5, [x0, #16] */
    0xb9401406, /*         ldr   w6, [x0, #20]   STOP */
    0x34ffff86, /*         cbz   w6, second */
    0x52800040, /*         mov   w0, #0x2        CPU_OFF */
    0x72b08000, /*         movk  w0, #0x8400, lsl #16 */
    0xd4000002, /*         hvc   #0 */
};

enum {
    SEQ = 0,
    TARGET = 4,
    DONE = 8,
    RESULT = 12,
    COUNT = 16,
    STOP = 20,
};

enum {
    PSCI_SUCCESS = 0,
    PSCI_DENIED = -3,
    PSCI_ALREADY_ON = -4,
};

/* The machine puts its device tree at the start of RAM */
#define CODE          (RAM_BASE + 4 * MiB)
#define MAILBOX(word) (RAM_BASE + 1 * MiB + (word))

static QTestState *start_running(const char *accel)
{
    g_autofree char *args = g_strdup_printf(
        SMP " -S -accel %s -device loader,addr=0x%" PRIx64 ",cpu-num=0",
        accel, CODE);
    QTestState *qts = start(args);
    int i;

    for (i = 0; i < ARRAY_SIZE(code); i++) {
        qtest_writel(qts, CODE + i * 4, code[i]);
    }
    qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
    return qts;
}

static int32_t psci_cpu_on(QTestState *qts, int cpu)
{
    uint32_t seq = qtest_readl(qts, MAILBOX(DONE)) + 1;
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    qtest_writel(qts, MAILBOX(TARGET), cpu);
    qtest_writel(qts, MAILBOX(SEQ), seq);
    while (qtest_readl(qts, MAILBOX(DONE)) != seq) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
    return qtest_readl(qts, MAILBOX(RESULT));
}

static void wait_until_counting(QTestState *qts)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    uint32_t start = qtest_readl(qts, MAILBOX(COUNT));

    while (qtest_readl(qts, MAILBOX(COUNT)) == start) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
}

static void wait_for_state(QTestState *qts, uint32_t cpu, uint32_t state)
{
    uint64_t record = DRIVER_MEMORY(RESPONSE) +
                      sizeof(struct virtio_power_table);
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    do {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
        g_assert_cmpint(request(qts, VIRTIO_POWER_REQ_GET_CPUS, cpu, 0), ==,
                        VIRTIO_POWER_S_OK);
    } while (qtest_readl(qts, record + 4) != state);
}

static void start_cpu(QTestState *qts, int cpu)
{
    g_assert_cmpint(psci_cpu_on(qts, cpu), ==, PSCI_SUCCESS);
    wait_until_counting(qts);
}

static void test_run_parked(const void *accel)
{
    QTestState *qts = start_running(accel);
    uint32_t count;

    g_assert_cmpint(psci_cpu_on(qts, 2), ==, PSCI_DENIED);
    reset(qts);
    g_assert_cmpint(psci_cpu_on(qts, 2), ==, PSCI_DENIED);
    qtest_qmp_assert_success(qts, "{ 'execute': 'stop' }");
    qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
    g_assert_cmpint(psci_cpu_on(qts, 2), ==, PSCI_DENIED);
    g_assert_cmpint(qtest_readl(qts, MAILBOX(COUNT)), ==, 0);

    /* Added while the machine runs, then while it is stopped */
    set_present(qts, 2, true);
    start_cpu(qts, 2);
    g_assert_cmpint(psci_cpu_on(qts, 2), ==, PSCI_ALREADY_ON);
    reset(qts);
    qtest_qmp_assert_success(qts, "{ 'execute': 'stop' }");
    set_present(qts, 3, true);
    count = qtest_readl(qts, MAILBOX(COUNT));
    g_assert_cmpint(qtest_readl(qts, MAILBOX(COUNT)), ==, count);
    qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
    start_cpu(qts, 3);
    start_cpu(qts, 2);
    qtest_quit(qts);
}

static void test_run_remove(const void *accel)
{
    QTestState *qts = start_running(accel);

    start_cpu(qts, 1);
    assert_refused(qts, 1, false, "CPU 1 is in use, and the guest has no driver"
                   " that could let go of it");
    wait_until_counting(qts);

    driver_start(qts);
    driver_attend(qts, true);
    assert_cpu(qts, 1, VIRTIO_POWER_CPU_ON, PRESENT);
    assert_status(qts, PARK, 1, BUSY);
    set_present(qts, 1, false);
    assert_status(qts, PARK, 1, BUSY);
    wait_until_counting(qts);
    assert_present(qts, "01");

    qtest_writel(qts, MAILBOX(STOP), 1);
    wait_for_state(qts, 1, VIRTIO_POWER_CPU_OFF);
    assert_status(qts, PARK, 1, OK);
    assert_events(qts, "-1");
    g_assert_cmpint(psci_cpu_on(qts, 1), ==, PSCI_DENIED);

    qtest_writel(qts, MAILBOX(STOP), 0);
    set_present(qts, 1, true);
    start_cpu(qts, 1);
    qtest_quit(qts);
}

/* One that does not respond, and one that the guest has parked */
static void test_run_reset(const void *accel)
{
    QTestState *qts = start_running(accel);

    driver_start(qts);
    start_cpu(qts, 1);
    assert_status(qts, RESET, 1, OK);
    wait_for_state(qts, 1, VIRTIO_POWER_CPU_OFF);
    assert_status(qts, PARK, 1, OK);
    g_assert_cmpint(psci_cpu_on(qts, 1), ==, PSCI_DENIED);
    assert_status(qts, UNPARK, 1, OK);
    start_cpu(qts, 1);

    assert_status(qts, RESET, 1, OK);
    wait_for_state(qts, 1, VIRTIO_POWER_CPU_OFF);
    assert_status(qts, PARK, 1, OK);
    reset(qts);
    start_cpu(qts, 1);
    qtest_quit(qts);
}

static void add_running(const char *name, const char *accel)
{
    const struct {
        const char *name;
        void (*func)(const void *accel);
    } tests[] = {
        { "parked", test_run_parked },
        { "remove", test_run_remove },
        { "reset", test_run_reset },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("virtio-desktop-cpu/%s/%s",
                                                name, tests[i].name);

        qtest_add_data_func(path, accel, tests[i].func);
    }
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    events = g_string_new(NULL);

    qtest_add_func("virtio-desktop-cpu/command", test_command);
    qtest_add_func("virtio-desktop-cpu/errors", test_errors);
    qtest_add_func("virtio-desktop-cpu/hmp", test_hmp);
    qtest_add_func("virtio-desktop-cpu/all-present", test_all_present);
    qtest_add_func("virtio-desktop-cpu/reset", test_reset);

    qtest_add_func("virtio-desktop-cpu/driver/ask", test_ask);
    qtest_add_func("virtio-desktop-cpu/driver/refuse", test_refuse);
    qtest_add_func("virtio-desktop-cpu/driver/parks", test_guest_parks);
    qtest_add_func("virtio-desktop-cpu/driver/denied", test_denied);
    qtest_add_func("virtio-desktop-cpu/driver/goes", test_driver_goes);
    qtest_add_func("virtio-desktop-cpu/driver/reset", test_driver_reset);

    qtest_add_data_func("virtio-desktop-cpu/migrate/fewer",
                        " -nodefaults -smp 1,maxcpus=5 -m 64M", test_migrate);
    qtest_add_data_func("virtio-desktop-cpu/migrate/more",
                        " -nodefaults -smp 5 -m 64M", test_migrate);
    qtest_add_func("virtio-desktop-cpu/migrate/differs", test_migrate_differs);
    qtest_add_func("virtio-desktop-cpu/snapshot", test_snapshot);

    if (desktop_is_arch("aarch64") && qtest_has_accel("tcg") &&
        qtest_has_device("loader")) {
        add_running("threads", "tcg,thread=multi");
        add_running("one-thread", "tcg,thread=single");
    }
    ret = g_test_run();
    g_string_free(events, true);
    return ret;
}
