/*
 * What the tests of virtio-input share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/virtio_ids.h"
#include "virtio-desktop-util.h"
#include "virtio-input-util.h"

#define RAM_SIZE        (128 * MiB)

/* A reset of the machine writes the device tree to the start of RAM */
#define DATA_BASE       (RAM_BASE + 16 * MiB)

#define FIRST_SLOT      2

static InputMachine *start_qemu(const char *options, const char *more)
{
    InputMachine *machine = g_new0(InputMachine, 1);
    int i;

    machine->qts = qtest_initf("-M virtio-desktop,keyboard=on,pointer=tablet,"
                               "touch=on -nodefaults -m 128M %s%s",
                               options, more);
    machine->options = g_strdup(options);
    alloc_init(&machine->alloc, 0, DATA_BASE, RAM_BASE + RAM_SIZE, 4096);
    for (i = 0; i < INPUT_DEVICES; i++) {
        qvirtio_mmio_init_device(&machine->slots[i], machine->qts,
                                 SLOT_BASE + (FIRST_SLOT + i) * SLOT_SIZE,
                                 4096);
        g_assert_cmpuint(machine->slots[i].vdev.device_type, ==,
                         VIRTIO_ID_INPUT);
        qvirtio_input_attach(&machine->dev[i], &machine->slots[i],
                             &machine->alloc);
    }
    return machine;
}

InputMachine *input_start(const char *options)
{
    return start_qemu(options, "");
}

InputMachine *input_start_drivers(const char *options)
{
    InputMachine *machine = start_qemu(options, "");
    int i;

    for (i = 0; i < INPUT_DEVICES; i++) {
        qvirtio_input_start(&machine->dev[i], QVIRTIO_INPUT_QUEUE_SIZE);
    }
    return machine;
}

static void free_machine(InputMachine *machine)
{
    int i;

    for (i = 0; i < INPUT_DEVICES; i++) {
        qvirtio_input_cleanup(&machine->dev[i]);
    }
    qtest_quit(machine->qts);
    alloc_destroy(&machine->alloc);
    g_free(machine->options);
    g_free(machine);
}

void input_quit(InputMachine *machine)
{
    free_machine(machine);
}

/* The driver's state is memory of the guest, and what the test knows of it */
static void move_drivers(InputMachine *from, InputMachine *to)
{
    int i;

    for (i = 0; i < INPUT_DEVICES; i++) {
        QVirtioInput *input = &to->dev[i];

        *input = from->dev[i];
        input->qts = to->qts;
        input->slot = &to->slots[i];
        input->vdev = &to->slots[i].vdev;
        input->alloc = &to->alloc;
        input->status.alloc = &to->alloc;
        input->vdev->features = from->slots[i].vdev.features;
        input->vdev->features_negotiated = true;
        if (input->event) {
            input->event->vdev = input->vdev;
            input->status.vq->vdev = input->vdev;
        }
        from->dev[i].event = NULL;
    }
    alloc_destroy(&to->alloc);
    to->alloc = from->alloc;
    alloc_init(&from->alloc, 0, DATA_BASE, RAM_BASE + RAM_SIZE, 4096);
}

InputMachine *input_migrate(InputMachine *from)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-input-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/socket", dir);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    g_autofree char *incoming = g_strdup_printf(" -incoming %s", uri);
    InputMachine *to = start_qemu(from->options, incoming);

    migrate_qmp(from->qts, to->qts, uri, NULL, "{}");
    wait_for_migration_complete(from->qts);
    wait_for_migration_complete(to->qts);
    move_drivers(from, to);
    free_machine(from);
    unlink(path);
    rmdir(dir);
    return to;
}

void input_qmp(InputMachine *machine, const char *command)
{
    qtest_qmp_assert_success(machine->qts, "{'execute': %s}", command);
}

/*
 * What the user does
 */

static void add_event(QList *report, const char *type, QDict *data)
{
    QDict *event = qdict_new();

    qdict_put_str(event, "type", type);
    qdict_put(event, "data", data);
    qlist_append(report, event);
}

void input_key(QList *report, const char *qcode, bool down)
{
    QDict *data = qdict_new();
    QDict *key = qdict_new();

    qdict_put_str(key, "type", "qcode");
    qdict_put_str(key, "data", qcode);
    qdict_put(data, "key", key);
    qdict_put_bool(data, "down", down);
    add_event(report, "key", data);
}

void input_button(QList *report, const char *button, bool down)
{
    QDict *data = qdict_new();

    qdict_put_str(data, "button", button);
    qdict_put_bool(data, "down", down);
    add_event(report, "btn", data);
}

static void add_move(QList *report, const char *type, const char *axis,
                     int64_t value)
{
    QDict *data = qdict_new();

    qdict_put_str(data, "axis", axis);
    qdict_put_int(data, "value", value);
    add_event(report, type, data);
}

void input_rel(QList *report, const char *axis, int64_t value)
{
    add_move(report, "rel", axis, value);
}

void input_abs(QList *report, const char *axis, int64_t value)
{
    add_move(report, "abs", axis, value);
}

void input_scroll(QList *report, const char *axis, int64_t value)
{
    add_move(report, "scroll", axis, value);
}

static void add_touch(QList *report, const char *type, int64_t slot,
                      int64_t id, const char *axis, int64_t value)
{
    QDict *data = qdict_new();

    qdict_put_str(data, "type", type);
    qdict_put_int(data, "slot", slot);
    qdict_put_int(data, "tracking-id", id);
    qdict_put_str(data, "axis", axis);
    qdict_put_int(data, "value", value);
    add_event(report, "mtt", data);
}

void input_touch(QList *report, const char *type, int64_t slot, int64_t id)
{
    add_touch(report, type, slot, id, "x", 0);
}

void input_touch_at(QList *report, int64_t slot, const char *axis,
                    int64_t value)
{
    add_touch(report, "data", slot, 0, axis, value);
}

void input_send(InputMachine *machine, QList *report)
{
    qtest_qmp_assert_success(machine->qts, "{'execute': 'input-send-event',"
                             " 'arguments': {'events': %p}}", report);
}

void input_refuse(InputMachine *machine, QList *report, const char *error)
{
    QDict *answer = qtest_qmp(machine->qts, "{'execute': 'input-send-event',"
                              " 'arguments': {'events': %p}}", report);

    g_assert_true(qdict_haskey(answer, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(answer, "error"), "desc"),
                    ==, error);
    qobject_unref(answer);
}

void input_send_key(InputMachine *machine, const char *qcode, bool down)
{
    QList *report = qlist_new();

    input_key(report, qcode, down);
    input_send(machine, report);
}

void input_send_abs(InputMachine *machine, const char *axis, int64_t value)
{
    QList *report = qlist_new();

    input_abs(report, axis, value);
    input_send(machine, report);
}

/*
 * What the guest sees
 */

void input_expect_events(QVirtioInput *input, const QVirtioInputEvent *events,
                         int n)
{
    QVirtioInputEvent seen[QVIRTIO_INPUT_RING_MAX];
    int num = qvirtio_input_take(input, seen, ARRAY_SIZE(seen));
    int i;

    for (i = 0; i < num; i++) {
        g_test_message("type 0x%x code 0x%x value %d", seen[i].type,
                       seen[i].code, seen[i].value);
    }
    g_assert_cmpint(num, ==, n);
    for (i = 0; i < n; i++) {
        g_assert_cmphex(seen[i].type, ==, events[i].type);
        g_assert_cmphex(seen[i].code, ==, events[i].code);
        g_assert_cmpint(seen[i].value, ==, events[i].value);
    }
}

void input_expect_none(QVirtioInput *input)
{
    input_expect_events(input, NULL, 0);
}

void input_guest_init(InputGuest *guest)
{
    memset(guest, 0, sizeof(*guest));
    memset(guest->contacts, -1, sizeof(guest->contacts));
}

static void expect_transition(InputGuest *guest, const QVirtioInputEvent *event)
{
    if (guest->expected) {
        QVirtioInputEvent *next = &g_array_index(guest->expected,
                                                 QVirtioInputEvent,
                                                 guest->transitions);

        g_assert_cmpint(guest->transitions, <, guest->expected->len);
        g_assert_cmphex(event->type, ==, next->type);
        g_assert_cmphex(event->code, ==, next->code);
        g_assert_cmpint(event->value, ==, next->value);
    }
    guest->transitions++;
}

static void apply_abs(InputGuest *guest, uint16_t code, int32_t value)
{
    if (code == ABS_MT_SLOT) {
        g_assert_cmpint(value, <, ARRAY_SIZE(guest->contacts));
        guest->slot = value;
    } else if (code == ABS_MT_TRACKING_ID) {
        g_assert_cmpint(guest->contacts[guest->slot], !=, value);
        guest->contacts[guest->slot] = value;
    } else if (code > ABS_MT_SLOT) {
        g_assert_cmpint(guest->contacts[guest->slot], !=, -1);
        guest->mt[guest->slot][code] = value;
    } else {
        guest->abs[code] = value;
    }
}

void input_guest_apply(InputGuest *guest, const QVirtioInputEvent *event)
{
    guest->events++;
    if (event->type == EV_KEY ||
        (event->type == EV_ABS && event->code == ABS_MT_TRACKING_ID)) {
        expect_transition(guest, event);
    }
    switch (event->type) {
    case EV_KEY:
        g_assert_cmpint(event->code, <, KEY_CNT);
        g_assert_cmpint(guest->keys[event->code], !=, event->value);
        guest->keys[event->code] = event->value;
        break;
    case EV_REL:
        guest->rel[event->code] += event->value;
        break;
    case EV_ABS:
        apply_abs(guest, event->code, event->value);
        break;
    default:
        g_assert_cmpint(event->type, ==, EV_SYN);
        guest->reports++;
        break;
    }
}

int input_guest_drain(InputGuest *guest, QVirtioInput *input)
{
    QVirtioInputEvent seen[QVIRTIO_INPUT_RING_MAX];
    int n = qvirtio_input_take(input, seen, ARRAY_SIZE(seen));
    int i;

    for (i = 0; i < n; i++) {
        input_guest_apply(guest, &seen[i]);
    }
    if (input->num_free) {
        qvirtio_input_give(input, input->num_free);
    }
    return n;
}

void input_guest_finish(InputGuest *guest, QVirtioInput *input)
{
    input_guest_drain(guest, input);
    while (input_guest_drain(guest, input)) {
        /* go on */
    }
}
