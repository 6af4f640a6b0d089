/*
 * All checks, in their order: each is a function and one line of the result
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CHECKS_H
#define CHECKS_H

#include "guest.h"

/* Before the interrupt controller is set up */
#define EARLY_CHECKS(X)                                                     \
    X(device_tree, "the device tree agrees with the fixed map")             \
    X(slot_registers, "64 slots are virtio-mmio, version 2")                \
    X(slot_state, "all devices are in the state after a reset")             \
    X(slot_shm, "shared memory that is not there reads as all ones")        \
    X(power_open, "virtio-power can be driven")                             \
    X(table_machine, "virtio-power tells what machine this is")             \
    X(table_controllers, "virtio-power tells of the interrupt controller")  \
    X(table_cpus, "virtio-power tells of CPUs")                             \
    X(table_timers, "virtio-power tells of the timer")                      \
    X(table_slots, "virtio-power tells of slots")                           \
    X(table_ranges, "virtio-power tells of ranges")                         \
    X(table_time, "virtio-power tells the time of day")                     \
    X(power_errors, "virtio-power refuses what is wrong")                   \
    X(console_send, "the console can be driven")                            \
    X(gic_registers, "the interrupt controller is in its reset state")

#define LATE_CHECKS(X)                                                      \
    X(redistributors, "each CPU has its redistributor")                     \
    X(sgi, "16 SGIs to this CPU")                                           \
    X(virtual_timer, "the virtual timer interrupts")                        \
    X(physical_timer, "the physical timer interrupts")                      \
    X(timer_level, "the timer's interrupt is level-sensitive")              \
    X(timer_rate, "the timer's rate is that of the time of day")            \
    X(slot_line, "a slot's interrupt is high until acknowledged")           \
    X(psci, "PSCI 1.x has its functions")                                   \
    X(psci_errors, "PSCI refuses what is wrong")                            \
    X(cpu_on, "a second CPU starts")                                        \
    X(cpu_sgi, "SGIs to the second CPU and back")                           \
    X(cpu_off, "the second CPU switches itself off")                        \
    X(cpu_parked, "parked CPUs do not start")                               \
    X(blk_read, "the disk can be read")                                     \
    X(blk_write, "the disk keeps what is written")                          \
    X(blk_errors, "the disk refuses what lies beyond its end")              \
    X(net_send, "the network sends")                                        \
    X(net_receive, "the network receives an answer")                        \
    X(fb_boot, "the boot display is black")                                 \
    X(fb_open, "the display can be driven")                                 \
    X(fb_info, "the display tells its mode")                                \
    X(fb_edid, "the display has an EDID")                                   \
    X(fb_scanout, "the display shows an image")                             \
    X(fb_flip, "the display turns the page at a refresh")                   \
    X(fb_vblank, "the display tells of each refresh")                       \
    X(fb_discard, "discarded video memory reads as zero")                   \
    X(fb_errors, "the display refuses what is wrong")                       \
    X(keyboard, "there is a keyboard")                                      \
    X(pointer, "there is a pointer")                                        \
    X(touch, "there is a touch screen")                                     \
    X(key, "a key is pressed and released")                                 \
    X(console_receive, "a line is typed at the console")                    \
    X(power_button, "the power button is pressed")                          \
    X(slot_interrupts, "each slot that was used has interrupted")           \
    X(slot_reset, "virtio-power resets a device")

#define DECLARE_CHECK(function, name) int check_##function(void);
EARLY_CHECKS(DECLARE_CHECK)
LATE_CHECKS(DECLARE_CHECK)

/* Without these, nothing else makes sense */
int check_counter(void);
int check_power_slot(void);

/* tables.c: after check_table_controllers() */
bool table_says_gicv3(void);

#endif /* CHECKS_H */
