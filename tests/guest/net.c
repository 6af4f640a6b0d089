/*
 * virtio-net: ask who has 10.0.2.2, which the host's network or an echo answers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "tap.h"
#include "virtio.h"

#define ROLE            5
#define RECEIVE         0
#define TRANSMIT        1
#define HEADER          12      /* struct virtio_net_hdr */
#define FRAME           60      /* the shortest */
#define BUFFERS         8
#define ASK_MS          500

#define F_MAC           5
#define F_STATUS        16

static struct virtio net;
static uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
static uint8_t received[BUFFERS][2048];
static uint8_t sent[HEADER + FRAME];

/* Who has 10.0.2.2?  Tell 10.0.2.15 */
static const uint8_t question[] = {
    0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1,
};
static const uint8_t asker[] = { 10, 0, 2, 15 };
static const uint8_t asked[] = { 10, 0, 2, 2 };

static void make_question(void)
{
    uint8_t *frame = sent + HEADER;

    memset(sent, 0, sizeof(sent));
    memset(frame, 0xff, 6);
    memcpy(frame + 6, mac, 6);
    memcpy(frame + 12, question, sizeof(question));
    memcpy(frame + 22, mac, 6);
    memcpy(frame + 28, asker, 4);
    memcpy(frame + 38, asked, 4);
}

/* An answer of 10.0.2.2 to us, or our own question */
static bool is_answer(const uint8_t *frame, uint32_t size)
{
    if (size >= FRAME && !memcmp(frame, sent + HEADER, FRAME)) {
        return true;
    }
    return size >= 42 && !memcmp(frame, mac, 6) &&
           !memcmp(frame + 12, question, 8) && frame[21] == 2 &&
           !memcmp(frame + 28, asked, 4) && !memcmp(frame + 32, mac, 6);
}

static void add_buffer(unsigned i)
{
    struct piece piece = { received[i], sizeof(received[i]), true };

    virtq_add(&net, RECEIVE, i, &piece, 1);
}

/* Look through what comes for a while */
static bool wait_for_answer(void)
{
    uint64_t deadline = in_ms(ASK_MS);
    uint32_t length;
    bool found = false;
    int i;

    while (!found && !passed(deadline)) {
        i = virtq_take(&net, RECEIVE, &length);
        if (i < 0) {
            continue;
        }
        found = length > HEADER && i < BUFFERS &&
                is_answer(received[i] + HEADER, length - HEADER);
        add_buffer(i);
        virtq_notify(&net, RECEIVE);
    }
    return found;
}

int check_net_send(void)
{
    int slot = virtio_find(VIRTIO_ID_NET, ROLE);
    unsigned i;

    if (slot < 0) {
        return skip("there is no network");
    }
    TRY(virtio_open(&net, slot, BIT(F_MAC) | BIT(F_STATUS), 2));
    for (i = 0; net.features & BIT(F_MAC) && i < sizeof(mac); i++) {
        mac[i] = read8(net.base + VIRTIO_CONFIG + i);
    }
    EXPECT_EQ(mac[0] & 1, 0);
    for (i = 0; i < BUFFERS; i++) {
        add_buffer(i);
    }
    virtq_notify(&net, RECEIVE);
    make_question();
    EXPECT(virtio_request(&net, TRANSMIT, sent, sizeof(sent), NULL, 0) >= 0);
    return PASS;
}

int check_net_receive(void)
{
    unsigned tries;

    if (!net.base) {
        return skip("there is no network");
    }
    if (net.features & BIT(F_STATUS) && !(virtio_config(&net, 4) >> 16 & 1)) {
        return skip("the link is down");
    }
    for (tries = 0; tries < PATIENCE_MS / ASK_MS; tries++) {
        if (wait_for_answer()) {
            return PASS;
        }
        EXPECT(virtio_request(&net, TRANSMIT, sent, sizeof(sent),
                              NULL, 0) >= 0);
    }
    return fail("10.0.2.2 does not answer to ARP, and nobody echoes");
}
