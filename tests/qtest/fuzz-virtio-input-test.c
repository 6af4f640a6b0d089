/*
 * QTest fuzzer for virtio-input
 *
 * Keyboard, tablet, touch screen and mouse at once: a user who sends storms of
 * input, of which much makes no sense, to guests with queues of any length that
 * return their buffers late, wrong or never, ask for any configuration, and
 * reset in the middle of a report. QEMU must go on, answer each command, write
 * nothing but events that the device has announced, nothing at all while the
 * machine is stopped, stay within bounds of memory, and work for a good driver
 * afterwards. It finds most with --enable-asan and --enable-ubsan.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "standard-headers/linux/input-event-codes.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ids.h"
#include "standard-headers/linux/virtio_input.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "fuzz-virtio-util.h"
#include "libqos/virtio-input.h"
#include "libqos/virtio-requests.h"
#include "virtio-desktop-util.h"

#define EVENT_QUEUE         0
#define STATUS_QUEUE        1
#define QUEUE_SIZE          64
#define EVENT_SIZE          sizeof(struct virtio_input_event)
#define MAX_STORM           200     /* events in a command */
#define NS_PER_SEC          1000000000LL

/* A reset of the machine writes the device tree to the start of RAM */
#define ALLOC_BASE          (RAM_BASE + 16 * MiB)
#define RAM_SIZE            (128 * MiB)

/* For the buffers of a good driver: a page for each device */
#define EVENTS_BASE         (RAM_BASE + 80 * MiB)
#define EVENTS_SIZE         0x1000

typedef enum Kind { KEYBOARD, TABLET, TOUCH, MOUSE, NUM_KINDS } Kind;

static const int slot_numbers[NUM_KINDS] = { 2, 3, 4, 8 };

static QTestState *qts;
static QGuestAllocator alloc;
static QVirtioMMIODevice slots[NUM_KINDS];
static QVirtioInput inputs[NUM_KINDS];
static QVirtioVictim *all_victims;

/* What the devices announce, by type of event */
static uint8_t announced[NUM_KINDS][EV_CNT][128];

static Kind kind_of(QVirtioHostile *h)
{
    return h->victim - all_victims;
}

/*
 * Configuration space
 */

static uint64_t config_address(QVirtioHostile *h, unsigned int offset)
{
    return h->victim->slot->addr + VIRTIO_MMIO_CONFIG + offset;
}

static void read_announced(QVirtioHostile *h)
{
    int type;

    for (type = 1; type < EV_CNT; type++) {
        qvirtio_input_config(&inputs[kind_of(h)], VIRTIO_INPUT_CFG_EV_BITS,
                             type, announced[kind_of(h)][type]);
    }
}

static void step_config(QVirtioHostile *h)
{
    static const uint8_t selects[] = {
        VIRTIO_INPUT_CFG_ID_NAME, VIRTIO_INPUT_CFG_ID_SERIAL,
        VIRTIO_INPUT_CFG_ID_DEVIDS, VIRTIO_INPUT_CFG_PROP_BITS,
        VIRTIO_INPUT_CFG_EV_BITS, VIRTIO_INPUT_CFG_ABS_INFO,
    };
    uint8_t value[128];
    int i;

    for (i = hostile_below(h, 8); i >= 0; i--) {
        uint8_t select = hostile_one_in(h, 4)
            ? hostile_word(h) : selects[hostile_below(h, ARRAY_SIZE(selects))];
        uint8_t subsel = hostile_below(h, hostile_one_in(h, 4) ? 256 : 64);

        qvirtio_input_config(&inputs[kind_of(h)], select, subsel, value);
        /* Anywhere, in one piece or over the edge */
        qtest_writel(qts, config_address(h, hostile_below(h, 0x90)),
                     hostile_word(h));
        qtest_writew(qts, config_address(h, hostile_below(h, 4)),
                     hostile_word(h));
        qtest_readl(qts, config_address(h, hostile_below(h, 0x90)));
        g_assert_cmpuint(qtest_readb(qts, config_address(h, 2)), <=, 128);
    }
}

/*
 * Drivers
 */

static void make_queue(QVirtioHostile *h, int index, int size)
{
    QVirtioVictim *victim = h->victim;

    qvirtio_queue_free(&victim->vq[index], &alloc);
    victim->vq[index] = qvirtio_queue_new(victim->slot, &alloc, index, size);
}

static void start_queues(QVirtioHostile *h, uint64_t features, int event_size,
                         int status_size)
{
    QVirtioDevice *vdev = &h->victim->slot->vdev;

    qvirtio_reset(vdev);
    qvirtio_set_acknowledge(vdev);
    qvirtio_set_driver(vdev);
    qvirtio_set_features(vdev, features | 1ull << VIRTIO_F_VERSION_1);
    make_queue(h, EVENT_QUEUE, event_size);
    make_queue(h, STATUS_QUEUE, status_size);
    qvirtio_set_driver_ok(vdev);
}

static int any_size(QVirtioHostile *h)
{
    return hostile_one_in(h, 8) ? 1 + hostile_below(h, QUEUE_SIZE)
                                : 1 << hostile_below(h, 7);
}

static void start_driver(QVirtioHostile *h, uint64_t features)
{
    int event_size = any_size(h);

    start_queues(h, features, event_size, any_size(h));
    if (hostile_one_in(h, 16)) {
        qtest_writel(qts, h->victim->slot->addr + VIRTIO_MMIO_QUEUE_SEL,
                     hostile_below(h, 2));
        qtest_writel(qts, h->victim->slot->addr + VIRTIO_MMIO_QUEUE_READY, 0);
    }
}

/* A driver that is reset in the middle of whatever is going on */
static void step_reset(QVirtioHostile *h)
{
    qvirtio_reset(&h->victim->slot->vdev);
    if (hostile_one_in(h, 2)) {
        qvirtio_set_acknowledge(&h->victim->slot->vdev);
    }
}

/*
 * A good driver's event queue: each descriptor has its own buffer, and they are
 * used in order
 */

static uint64_t event_address(QVirtioHostile *h, uint16_t idx)
{
    return EVENTS_BASE + kind_of(h) * EVENTS_SIZE +
           idx % h->victim->vq[EVENT_QUEUE]->size * EVENT_SIZE;
}

static void give_buffer(QVirtioHostile *h, uint16_t idx)
{
    QVirtQueue *vq = h->victim->vq[EVENT_QUEUE];
    const struct vring_desc desc = {
        .addr = cpu_to_le64(event_address(h, idx)),
        .len = cpu_to_le32(EVENT_SIZE),
        .flags = cpu_to_le16(VRING_DESC_F_WRITE),
    };
    uint16_t n = idx % vq->size;

    qtest_bufwrite(qts, vq->desc + n * sizeof(desc), &desc, sizeof(desc));
    qtest_writew(qts, vq->avail + 4 + n * 2, n);
}

/* At most @n, as far as there is room */
static void give_buffers(QVirtioHostile *h, uint16_t n)
{
    QVirtQueue *vq = h->victim->vq[EVENT_QUEUE];
    uint16_t idx = qtest_readw(qts, vq->avail + 2);

    for (; n && (uint16_t)(idx - h->victim->used_idx) < vq->size; n--) {
        give_buffer(h, idx++);
    }
    qtest_writew(qts, vq->avail + 2, idx);
    h->victim->slot->vdev.bus->virtqueue_kick(&h->victim->slot->vdev, vq);
}

static void check_event(QVirtioHostile *h, uint16_t type, uint16_t code,
                        uint32_t value)
{
    if (type == EV_SYN) {
        g_assert_cmphex(code, ==, SYN_REPORT);
        g_assert_cmphex(value, ==, 0);
        return;
    }
    g_assert_cmphex(type, <, EV_CNT);
    g_assert_cmphex(code, <, 128 * 8);
    if (!(announced[kind_of(h)][type][code / 8] & 1 << code % 8)) {
        g_error("device %d has not announced type %d code %d", kind_of(h),
                type, code);
    }
    if (type == EV_KEY) {
        g_assert_cmphex(value, <=, 1);
    }
}

/* Returns: whether there was one */
static bool take_event(QVirtioHostile *h, struct virtio_input_event *event)
{
    QVirtQueue *vq = h->victim->vq[EVENT_QUEUE];
    uint16_t idx = h->victim->used_idx;
    uint64_t used = vq->used + 4 + idx % vq->size * 8;

    if (qtest_readw(qts, vq->used + 2) == idx) {
        return false;
    }
    g_assert_cmpuint(qtest_readl(qts, used), ==, idx % vq->size);
    g_assert_cmpuint(qtest_readl(qts, used + 4), ==, EVENT_SIZE);
    qtest_bufread(qts, event_address(h, idx), event, EVENT_SIZE);
    event->type = le16_to_cpu(event->type);
    event->code = le16_to_cpu(event->code);
    event->value = le32_to_cpu(event->value);
    check_event(h, event->type, event->code, event->value);
    h->victim->used_idx++;
    return true;
}

static bool is_good(QVirtioHostile *h)
{
    return !h->victim->wild && is_power_of_2(h->victim->vq[EVENT_QUEUE]->size);
}

static void step_buffers(QVirtioHostile *h)
{
    struct virtio_input_event event;

    if (is_good(h)) {
        while (take_event(h, &event)) {
            ;
        }
        give_buffers(h, hostile_below(h, QUEUE_SIZE));
    } else if (hostile_one_in(h, 3)) {
        fuzz_step_driver(h);
    }
}

/*
 * Bad buffers
 */

static void step_chains(QVirtioHostile *h)
{
    int n = 1 + hostile_below(h, 16);

    h->victim->wild = true;
    hostile_begin(h, h->victim->vq[EVENT_QUEUE]);
    do {
        hostile_add_head(h);
        if (hostile_one_in(h, 8)) {
            hostile_add_parts(h, NULL, 1 + hostile_below(h, 20), 0, true);
        }
        hostile_add_parts(h, NULL, hostile_one_in(h, 4)
                                   ? 1 + hostile_below(h, 20) : EVENT_SIZE,
                          VRING_DESC_F_WRITE, false);
    } while (--n && hostile_has_room(h, 8, KiB));
    hostile_send(h);
}

static void add_status(QVirtioHostile *h)
{
    uint32_t words[6] = { EV_LED | hostile_below(h, 4) << 16,
                          hostile_below(h, 2) };
    uint32_t out = EVENT_SIZE, in = 0;

    if (hostile_one_in(h, 4)) {
        words[hostile_below(h, 2)] = hostile_word(h);
    }
    if (hostile_one_in(h, 4)) {
        out = 1 + hostile_below(h, sizeof(words));
    }
    if (hostile_one_in(h, 16)) {
        in = hostile_below(h, 20);
    }
    hostile_add_request(h, words, ARRAY_SIZE(words), out, in);
}

/* A device does not write to what a status comes in */
static void step_status(QVirtioHostile *h)
{
    QVirtQueue *vq = h->victim->vq[STATUS_QUEUE];
    int n = 1 + hostile_below(h, 16);
    uint16_t idx;

    hostile_begin(h, vq);
    do {
        add_status(h);
    } while (--n && hostile_has_room(h, 8, KiB));
    hostile_send(h);
    idx = qtest_readw(qts, vq->used + 2);
    if (idx && is_good(h)) {
        idx = (uint16_t)(idx - 1) % vq->size;
        g_assert_cmpuint(qtest_readl(qts, vq->used + 4 + idx * 8 + 4), ==, 0);
    }
}

/*
 * The user
 */

/* Does all of a command make sense? One event that does not makes it fail */
static bool sane;
/* Is there nothing but releases in it? */
static bool releases;

static bool any_down(QVirtioHostile *h)
{
    return !releases && hostile_one_in(h, 2);
}

/* One of @names, of which the last ones are for those who make no sense */
static const char *any_name(QVirtioHostile *h, const char *const *names, int n,
                            int bad)
{
    return names[hostile_below(h, sane ? n - bad : n)];
}

static const char *any_axis(QVirtioHostile *h)
{
    return hostile_one_in(h, 2) ? "x" : "y";
}

static int64_t any_value(QVirtioHostile *h)
{
    int64_t value = hostile_word(h);

    if (sane || !hostile_one_in(h, 4)) {
        return value & 0x7fff;
    }
    value <<= hostile_below(h, 33);
    return hostile_one_in(h, 2) ? -value : value;
}

static QDict *any_key(QVirtioHostile *h)
{
    static const char *const codes[] = {
        "a", "b", "ret", "shift", "ctrl", "alt", "caps_lock", "f1", "meta_l",
        "volumeup", "power", "sleep", "pause", "sysrq", "lang1", "unmapped",
        "no-such-key",
    };
    bool down = any_down(h);

    if (hostile_one_in(h, 4)) {
        return qdict_from_jsonf_nofail(
            "{'type': 'key', 'data': {'down': %i, 'key':"
            " {'type': 'number', 'data': %" PRId64 "}}}", down,
            sane ? 1 + hostile_below(h, 80) : any_value(h));
    }
    return qdict_from_jsonf_nofail(
        "{'type': 'key', 'data': {'down': %i, 'key':"
        " {'type': 'qcode', 'data': %s}}}", down,
        any_name(h, codes, ARRAY_SIZE(codes), 5));
}

static QDict *any_button(QVirtioHostile *h)
{
    static const char *const buttons[] = {
        "left", "middle", "right", "wheel-up", "wheel-down", "side", "extra",
        "wheel-left", "wheel-right", "touch", "no-such-button",
    };
    bool down = any_down(h);

    return qdict_from_jsonf_nofail(
        "{'type': 'btn', 'data': {'down': %i, 'button': %s}}", down,
        any_name(h, buttons, ARRAY_SIZE(buttons), 2));
}

static QDict *any_move(QVirtioHostile *h)
{
    const char *type = hostile_one_in(h, 2) ? "rel" : "abs";
    const char *axis = any_axis(h);

    return qdict_from_jsonf_nofail(
        "{'type': %s, 'data': {'axis': %s, 'value': %" PRId64 "}}", type,
        axis, any_value(h));
}

static QDict *any_scroll(QVirtioHostile *h)
{
    const char *axis = hostile_one_in(h, 2) ? "vertical" : "horizontal";
    int64_t value = hostile_one_in(h, 4)
                    ? any_value(h) : (int64_t)hostile_below(h, 400) - 200;

    return qdict_from_jsonf_nofail(
        "{'type': 'scroll', 'data': {'axis': %s, 'value': %" PRId64 "}}",
        axis, value);
}

static QDict *any_touch(QVirtioHostile *h)
{
    static const char *const types[] = {
        "end", "cancel", "begin", "update", "data", "data",
    };
    const char *type = types[hostile_below(h, releases ? 2
                                              : ARRAY_SIZE(types))];
    const char *axis = any_axis(h);
    int64_t slot = sane || !hostile_one_in(h, 8) ? hostile_below(h, 10)
                                                 : any_value(h);
    int64_t id = hostile_one_in(h, 4) ? any_value(h) : slot;

    if (sane && (*type == 'e' || *type == 'c')) {
        id = -1;
    }
    return qdict_from_jsonf_nofail(
        "{'type': 'mtt', 'data': {'type': %s, 'slot': %" PRId64 ","
        " 'tracking-id': %" PRId64 ", 'axis': %s, 'value': %" PRId64 "}}",
        type, slot, id, axis, any_value(h));
}

static QDict *any_input(QVirtioHostile *h)
{
    static QDict *(*const kinds[])(QVirtioHostile *h) = {
        any_key, any_touch, any_button, any_key, any_touch, any_move,
        any_scroll,
    };

    return kinds[hostile_below(h, releases ? 3 : ARRAY_SIZE(kinds))](h);
}

static QDict *send_input(const char *device, int64_t head, QObject *events)
{
    QDict *arguments = qdict_new();

    if (device) {
        qdict_put_str(arguments, "device", device);
        qdict_put_int(arguments, "head", head);
    }
    qdict_put_obj(arguments, "events", events);
    return qtest_qmp(qts, "{'execute': 'input-send-event',"
                     " 'arguments': %p}", arguments);
}

static void send_storm(QVirtioHostile *h, bool stopped)
{
    const char *device = NULL;
    QList *events = qlist_new();
    QDict *answer;
    int i, n = hostile_one_in(h, 30) ? hostile_below(h, MAX_STORM)
                                     : 1 + hostile_below(h, 8);

    sane = !hostile_one_in(h, 4);
    releases = hostile_one_in(h, stopped ? 2 : 16);
    for (i = 0; i < n; i++) {
        qlist_append(events, any_input(h));
    }
    if (hostile_one_in(h, 30)) {
        device = hostile_one_in(h, 2) ? "no-such-device" : "/machine";
    }
    answer = send_input(device, any_value(h), QOBJECT(events));
    g_assert_true(qdict_haskey(answer, "return") ||
                  qdict_haskey(answer, "error"));
    qobject_unref(answer);
}

static void step_storm(QVirtioHostile *h)
{
    int i;

    for (i = hostile_below(h, 10); i >= 0; i--) {
        send_storm(h, false);
    }
}

#define KEY(down) "[{'type': 'key', 'data': {'down': " down ", 'key':" \
                  " {'type': 'qcode', 'data': 'a'}}}]"
#define BUTTON(down) "[{'type': 'btn', 'data': {'down': " down "," \
                     " 'button': 'left'}}]"
#define MOVE(type, value) "[{'type': '" type "', 'data': {'axis': 'x'," \
                          " 'value': " value "}}]"
#define TOUCH(type, id) "[{'type': 'mtt', 'data': {'type': '" type "'," \
                        " 'slot': 1, 'tracking-id': " id ", 'axis': 'x'," \
                        " 'value': 0}}]"

static void press(QVirtioHostile *h, bool down)
{
    static const char *const reports[NUM_KINDS][2] = {
        [KEYBOARD] = { KEY("false"), KEY("true") },
        [TABLET] = { BUTTON("false"), BUTTON("true") },
        [TOUCH] = { TOUCH("end", "-1"), TOUCH("begin", "77") },
        [MOUSE] = { BUTTON("false"), BUTTON("true") },
    };
    const char *json = reports[kind_of(h)][down];

    qobject_unref(send_input(NULL, 0, qobject_from_json(json, &error_abort)));
}

/* Half of an event, most often its value, goes to a register */
static void step_registers(QVirtioHostile *h)
{
    uint32_t before, done;
    int i, n = 1 + hostile_below(h, 16);

    fuzz_step_driver(h);
    h->victim->wild = true;
    hostile_begin(h, h->victim->vq[EVENT_QUEUE]);
    h->device_odds = 0;
    do {
        before = hostile_one_in(h, 4) ? 0 : 4;
        done = 0;
        hostile_add_head(h);
        if (hostile_one_in(h, 4)) {
            done = hostile_add_device(h, hostile_register(h), before,
                                      EVENT_SIZE, VRING_DESC_F_WRITE, false);
        }
        if (done < EVENT_SIZE) {
            hostile_add_parts(h, NULL, EVENT_SIZE - done, VRING_DESC_F_WRITE,
                              false);
        }
    } while (--n && hostile_has_room(h, 8, KiB));
    hostile_send(h);
    for (i = hostile_below(h, 8); i >= 0; i--) {
        press(h, i % 2);
    }
}

/* The other ways to send input; keys are released later */
static void step_monitor(QVirtioHostile *h)
{
    static const char *const commands[] = {
        "sendkey ctrl-alt-delete", "sendkey a-b-c-d 1000", "sendkey 0x1f",
        "mouse_move 10 -20 3", "mouse_move 99999999 -99999999 -999",
        "mouse_button 7", "mouse_button 0", "mouse_button -1",
        "mouse_set 0", "mouse_set 1", "mouse_set 2", "mouse_set 99",
        "info mice",
    };
    const char *command = commands[hostile_below(h, ARRAY_SIZE(commands))];

    g_free(qtest_hmp(qts, "%s", command));
    qtest_clock_step(qts, hostile_below(h, 1000000000));
}

/* The device keeps off guest memory while the machine is stopped */
static void check_stopped(QVirtioHostile *h)
{
    uint64_t used = h->victim->vq[EVENT_QUEUE]->used;
    uint8_t before[64], after[64];
    int i;

    qtest_qmp_assert_success(qts, "{'execute': 'stop'}");
    qtest_bufread(qts, used, before, sizeof(before));
    for (i = hostile_below(h, 10); i >= 0; i--) {
        send_storm(h, true);
    }
    qtest_bufread(qts, used, after, sizeof(after));
    g_assert_cmpmem(before, sizeof(before), after, sizeof(after));
    if (hostile_one_in(h, 4)) {
        step_reset(h);
    }
    if (hostile_one_in(h, 2)) {
        step_buffers(h);
    }
    qtest_qmp_assert_success(qts, "{'execute': 'cont'}");
}

static void step_machine(QVirtioHostile *h)
{
    if (hostile_one_in(h, 3)) {
        qtest_system_reset(qts);
    } else {
        check_stopped(h);
    }
}

/*
 * What must work in the end
 */

static void drain(QVirtioHostile *h)
{
    struct virtio_input_event event;
    bool some;

    do {
        some = false;
        while (take_event(h, &event)) {
            some = true;
        }
        give_buffers(h, QUEUE_SIZE);
    } while (some);
}

/* Input that is fine, in JSON, brings this event among others, then a SYN */
static void expect(QVirtioHostile *h, const char *json, uint16_t type,
                   uint16_t code, uint32_t value)
{
    struct virtio_input_event event = { };
    QDict *answer = send_input(NULL, 0, qobject_from_json(json, &error_abort));
    bool seen = false;

    g_assert_true(qdict_haskey(answer, "return"));
    qobject_unref(answer);
    while (take_event(h, &event)) {
        seen |= event.type == type && event.code == code &&
                event.value == value;
    }
    g_assert_true(seen);
    g_assert_cmphex(event.type, ==, EV_SYN);
    give_buffers(h, QUEUE_SIZE);
}

static void send_and_drain(QVirtioHostile *h, const char *json)
{
    qobject_unref(send_input(NULL, 0, qobject_from_json(json, &error_abort)));
    drain(h);
}

/* Whatever is still pressed was pressed before this driver came */
static void check_recovery(QVirtioHostile *h)
{
    start_queues(h, 0, QUEUE_SIZE, QUEUE_SIZE);
    h->victim->wild = false;
    h->victim->used_idx = 0;
    /* Keys that the monitor still holds */
    qtest_clock_step(qts, 3600 * NS_PER_SEC);
    give_buffers(h, QUEUE_SIZE);
    drain(h);

    switch (kind_of(h)) {
    case KEYBOARD:
        send_and_drain(h, KEY("false"));
        expect(h, KEY("true"), EV_KEY, KEY_A, 1);
        expect(h, KEY("false"), EV_KEY, KEY_A, 0);
        break;
    case TABLET:
        send_and_drain(h, MOVE("abs", "1000"));
        expect(h, MOVE("abs", "2000"), EV_ABS, ABS_X, 2000);
        break;
    case TOUCH:
        send_and_drain(h, TOUCH("end", "-1"));
        expect(h, TOUCH("begin", "77"), EV_ABS, ABS_MT_TRACKING_ID, 77);
        expect(h, TOUCH("end", "-1"), EV_ABS, ABS_MT_TRACKING_ID, -1);
        break;
    default:
        expect(h, MOVE("rel", "5"), EV_REL, REL_X, 5);
        break;
    }
}

/*
 * Sessions
 */

static int start(QVirtioHostile *h, QVirtioVictim *victims)
{
    int i;

    qts = qtest_initf("-M virtio-desktop,keyboard=on,pointer=tablet,touch=on"
                      " -nodefaults -m 128M"
                      " -device virtio-mouse-device,bus=virtio-mmio-bus.8"
                      " -global virtio-tablet-device.wheel-axis=%s"
                      " -global virtio-keyboard-device.serial=%d",
                      hostile_one_in(h, 4) ? "off" : "on",
                      hostile_below(h, 1000));
    alloc_init(&alloc, 0, ALLOC_BASE, RAM_BASE + RAM_SIZE, 4096);
    all_victims = victims;
    for (i = 0; i < NUM_KINDS; i++) {
        h->victim = &victims[i];
        h->victim->slot = &slots[i];
        qvirtio_mmio_init_device(&slots[i], qts,
                                 desktop_reg(slot_numbers[i], 0), 4096);
        g_assert_cmpuint(slots[i].vdev.device_type, ==, VIRTIO_ID_INPUT);
        qvirtio_input_attach(&inputs[i], &slots[i], &alloc);
        read_announced(h);
    }
    return NUM_KINDS;
}

static void quit(void)
{
    int i;

    for (i = 0; i < NUM_KINDS; i++) {
        qvirtio_queue_free(&all_victims[i].vq[EVENT_QUEUE], &alloc);
        qvirtio_queue_free(&all_victims[i].vq[STATUS_QUEUE], &alloc);
    }
    alloc_destroy(&alloc);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    static const FuzzDevice device = {
        .name = "input",
        .max_growth = 256 * KiB,
        .start = start,
        .start_driver = start_driver,
        .check_recovery = check_recovery,
        .quit = quit,
        .steps = {
            { step_storm, 30 }, { step_buffers, 27 }, { step_chains, 6 },
            { step_status, 11 }, { fuzz_step_noise, 2 },
            { fuzz_step_registers, 2 }, { step_config, 6 },
            { fuzz_step_driver, 3 }, { step_reset, 3 }, { step_monitor, 4 },
            { step_machine, 3 }, { fuzz_step_rings, 1 },
            { step_registers, 2 },
        },
    };

    return fuzz_main(argc, argv, &device);
}
