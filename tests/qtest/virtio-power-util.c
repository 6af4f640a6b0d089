/*
 * What the tests of virtio-power share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-desktop-util.h"
#include "virtio-power-util.h"

#define RAM_SIZE        (128 * MiB)

/* A reset of the machine writes the device tree to the start of RAM */
#define DATA_BASE       (RAM_BASE + 16 * MiB)

typedef struct Machine {
    QVirtioPower power;
    QVirtioMMIODevice slot;
    QGuestAllocator alloc;
    char *options;
} Machine;

static Machine *machine_of(QVirtioPower *power)
{
    return container_of(power, Machine, power);
}

static Machine *start_qemu(const char *options, const char *more)
{
    Machine *machine = g_new0(Machine, 1);
    QTestState *qts = qtest_initf("-M virtio-desktop -nodefaults -m 128M"
                                  " -smp 2,maxcpus=4 %s%s", options, more);

    machine->options = g_strdup(options);
    alloc_init(&machine->alloc, 0, DATA_BASE, RAM_BASE + RAM_SIZE, 4096);
    qvirtio_mmio_init_device(&machine->slot, qts, SLOT_BASE, 4096);
    g_assert_cmpuint(machine->slot.vdev.device_type, ==,
                     VIRTIO_POWER_DEVICE_ID);
    return machine;
}

QVirtioPower *power_start(const char *options)
{
    Machine *machine = start_qemu(options, "");

    qvirtio_power_attach(&machine->power, &machine->slot, &machine->alloc);
    return &machine->power;
}

QVirtioPower *power_start_driver(const char *options, uint32_t events)
{
    QVirtioPower *power = power_start(options);

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_set_events(power, events);
    return power;
}

static void free_machine(Machine *machine)
{
    alloc_destroy(&machine->alloc);
    g_free(machine->options);
    g_free(machine);
}

void power_quit(QVirtioPower *power)
{
    qvirtio_power_cleanup(power);
    qtest_quit(power->qts);
    free_machine(machine_of(power));
}

void power_wait_exit(QVirtioPower *power, int status)
{
    qvirtio_power_cleanup(power);
    desktop_wait_exit(power->qts, status);
    free_machine(machine_of(power));
}

QVirtioPower *power_start_target(QVirtioPower *from, const char *uri)
{
    Machine *source = machine_of(from);
    g_autofree char *incoming = g_strdup_printf(" -incoming %s", uri);
    Machine *target = start_qemu(source->options, incoming);

    target->power = source->power;
    target->power.qts = target->slot.qts;
    target->power.slot = &target->slot;
    target->power.vdev = &target->slot.vdev;
    target->power.alloc = &target->alloc;
    target->power.request.alloc = &target->alloc;
    target->slot.vdev.features = source->slot.vdev.features;
    target->slot.vdev.features_negotiated = true;
    if (from->request.vq) {
        from->request.vq->vdev = target->power.vdev;
        from->event->vdev = target->power.vdev;
    }
    /* What was allocated goes with it, and is not freed twice */
    source->power.request.vq = NULL;
    source->power.event = NULL;
    alloc_destroy(&target->alloc);
    target->alloc = source->alloc;
    alloc_init(&source->alloc, 0, DATA_BASE, RAM_BASE + RAM_SIZE, 4096);
    return &target->power;
}

QVirtioPower *power_migrate(QVirtioPower *from)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-power-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/socket", dir);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    QVirtioPower *to = power_start_target(from, uri);

    migrate_qmp(from->qts, to->qts, uri, NULL, "{}");
    wait_for_migration_complete(from->qts);
    wait_for_migration_complete(to->qts);
    power_quit(from);
    unlink(path);
    rmdir(dir);
    return to;
}

/*
 * The machine
 */

bool power_is(QVirtioPower *power, const char *state)
{
    QDict *answer = qtest_qmp_assert_success_ref(power->qts,
                                                 "{'execute': 'query-status'}");
    const char *seen = qdict_get_str(answer, "status");
    bool same = !strcmp(seen, state);

    if (!same) {
        g_test_message("the machine is %s", seen);
    }
    qobject_unref(answer);
    return same;
}

void power_qmp(QVirtioPower *power, const char *command)
{
    qtest_qmp_assert_success(power->qts, "{'execute': %s}", command);
}

QDict *power_wait(QVirtioPower *power, const char *event)
{
    QDict *message = qtest_qmp_eventwait_ref(power->qts, event);
    QDict *data = qdict_get_qdict(message, "data");

    qobject_ref(data);
    qobject_unref(message);
    return data;
}

void power_wait_cause(QVirtioPower *power, const char *event, bool guest,
                      const char *reason)
{
    QDict *data = power_wait(power, event);

    g_assert_true(qdict_get_bool(data, "guest") == guest);
    g_assert_cmpstr(qdict_get_str(data, "reason"), ==, reason);
    qobject_unref(data);
}

QVirtioPowerRequest power_sleep(QVirtioPower *power, uint64_t wake_after)
{
    QVirtioPowerRequest request = qvirtio_power_suspend(power, wake_after);

    qtest_qmp_eventwait(power->qts, "SUSPEND");
    return request;
}

void power_assert_awake(QVirtioPower *power, QVirtioPowerRequest *request,
                        uint32_t reason)
{
    uint32_t seen;

    power_assert_ok(qvirtio_power_finish_suspend(power, request, &seen));
    g_assert_cmpuint(seen, ==, reason);
    g_assert_true(power_is(power, "running"));
}

QVirtioPowerRequest power_sleep_and_stop(QVirtioPower *power,
                                         uint64_t *wake_after)
{
    for (;; *wake_after *= 2) {
        gint64 begin = g_get_monotonic_time();
        QVirtioPowerRequest request = power_sleep(power, *wake_after);

        power_qmp(power, "stop");
        if (g_get_monotonic_time() - begin < *wake_after / 2000) {
            return request;
        }
        power_qmp(power, "cont");
        qtest_qmp_eventwait(power->qts, "WAKEUP");
        power_assert_awake(power, &request, VIRTIO_POWER_WAKE_TIME);
    }
}

void power_add_device(QVirtioPower *power, int slot)
{
    g_autofree char *id = g_strdup_printf("rng%d", slot);
    g_autofree char *bus = g_strdup_printf("virtio-mmio-bus.%d", slot);

    qtest_qmp_assert_success(power->qts, "{'execute': 'device_add',"
                             " 'arguments': {'driver': 'virtio-rng-device',"
                             " 'id': %s, 'bus': %s}}", id, bus);
}

void power_remove_device(QVirtioPower *power, int slot)
{
    g_autofree char *id = g_strdup_printf("rng%d", slot);

    qtest_qmp_assert_success(power->qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': %s}}", id);
}

void power_set_cpu(QVirtioPower *power, int cpu, bool present)
{
    qtest_qmp_assert_success(power->qts, "{'execute': 'cpu-set-present',"
                             " 'arguments': {'cpu-index': %d,"
                             " 'present': %i}}", cpu, present);
}

/*
 * Events of the device
 */

void power_set_events(QVirtioPower *power, uint32_t events)
{
    power_assert_ok(qvirtio_power_word(power, VIRTIO_POWER_REQ_SET_EVENTS, 0,
                                       events));
}

void power_add_buffers(QVirtioPower *power, int n)
{
    while (n--) {
        qvirtio_power_add_event_buffer(power);
    }
}

void power_expect(QVirtioPower *power, uint32_t type, uint32_t index)
{
    QVirtioPowerEvent event;

    g_assert_true(qvirtio_power_get_event(power, &event));
    g_assert_cmpuint(event.type, ==, type);
    g_assert_cmpuint(event.index, ==, index);
    g_assert_cmpuint(event.padding, ==, 0);
    if (type != VIRTIO_POWER_EVENT_WAKE) {
        g_assert_cmpuint(event.reason, ==, 0);
    }
}

void power_expect_none(QVirtioPower *power)
{
    QVirtioPowerEvent event;

    qvirtio_power_add_event_buffer(power);
    g_assert_false(qvirtio_power_get_event(power, &event));
}

void power_wait_needs_reset(QVirtioPower *power)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    while (!qvirtio_power_needs_reset(power)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
}

uint32_t power_make_chain(QVirtioPower *power, QVirtQueue *vq,
                          const PowerPart *parts, int n)
{
    uint32_t head = vq->free_head;
    int i;

    for (i = 0; i < n; i++) {
        qvirtqueue_add(power->qts, vq, parts[i].addr, parts[i].size,
                       parts[i].writable, i + 1 < n);
    }
    return head;
}

uint64_t power_status_reg(QVirtioPower *power)
{
    return power->slot->addr + VIRTIO_MMIO_STATUS;
}

void power_assert_driver(QVirtioPower *power)
{
    g_assert_cmphex(qtest_readl(power->qts, power_status_reg(power)), ==,
                    desktop_driver_ok);
}

void power_press_button(QVirtioPower *power)
{
    power_qmp(power, "system_powerdown");
    qtest_qmp_eventwait(power->qts, "POWERDOWN");
}
