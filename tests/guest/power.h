/*
 * virtio-power: what the other parts of the guest ask it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef POWER_H
#define POWER_H

#include "guest.h"
#include "hw/virtio/virtio-power-wire.h"
#include "virtio.h"

extern struct virtio power;

/* A request that is only a header: its status, -1 if there is no answer */
int power_request(uint32_t type, uint32_t index);

/* A record of a table; false if there is none, or no answer */
bool power_record(uint32_t type, uint32_t index, void *record, size_t size);
bool power_cpu(unsigned index, struct virtio_power_cpu *cpu);

/* Time of day in microseconds */
bool power_time(uint64_t *us);

/* Ends the machine, with this exit status if the host lets us */
void power_end(unsigned status) __attribute__((noreturn));

#endif /* POWER_H */
