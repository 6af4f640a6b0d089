/*
 * virtio-power wire format
 *
 * What a driver and a virtio-power device exchange, as
 * docs/specs/virtio-power.rst specifies it.  This file needs nothing but
 * fixed-size integers, so that the device, its tests, guest drivers and other
 * hypervisors share it.
 *
 * All fields are little-endian and naturally aligned, and there is no implicit
 * padding.  Fields named "padding" are written as zero and ignored by the
 * reader.  Addresses are guest-physical, sizes are in bytes.  CPUs and slots
 * are numbered from 0, and record n of a table is that of CPU or slot n.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */

#ifndef VIRTIO_POWER_WIRE_H
#define VIRTIO_POWER_WIRE_H

/*
 * Before this, define VIRTIO_POWER_LE32, VIRTIO_POWER_LE64 and uint8_t where
 * types carry a byte order, or where there is no <stdint.h>.
 */
#ifndef VIRTIO_POWER_LE32
#include <stdint.h>
#define VIRTIO_POWER_LE32 uint32_t
#define VIRTIO_POWER_LE64 uint64_t
#endif

typedef VIRTIO_POWER_LE32 virtio_power_le32;
typedef VIRTIO_POWER_LE64 virtio_power_le64;

/*
 * The virtio specification lets experimental devices count down from 65535.
 * This number holds until one is assigned.
 */
#define VIRTIO_POWER_DEVICE_ID          65534

/* Virtqueues */
#define VIRTIO_POWER_VQ_REQUEST         0
#define VIRTIO_POWER_VQ_EVENT           1
#define VIRTIO_POWER_NUM_VQS            2

/* Feature bits */
#define VIRTIO_POWER_F_EXIT             0   /* VIRTIO_POWER_REQ_EXIT */
#define VIRTIO_POWER_F_SUSPEND          1   /* VIRTIO_POWER_REQ_SUSPEND, WAKE */
#define VIRTIO_POWER_F_SLOT_HOTPLUG     2   /* SLOT_EJECT and the slot events */
#define VIRTIO_POWER_F_CPU_HOTPLUG      3   /* CPU_* and the CPU events */

/* Limits of this version of the interface */
#define VIRTIO_POWER_NAME_SIZE          64  /* bytes with the final zero */
#define VIRTIO_POWER_MAX_REGIONS        4   /* address ranges of a controller */
#define VIRTIO_POWER_MAX_TIMER_IRQS     4

/* An interrupt or a part of the topology that there is not */
#define VIRTIO_POWER_NONE               0xffffffffu

/* Configuration space, read-only for the driver */
struct virtio_power_config {
    virtio_power_le32 generation;   /* changes with the contents of tables */
    virtio_power_le32 events;       /* VIRTIO_POWER_EVENT_BIT() that exist */
    /* Records in each table; these never change */
    virtio_power_le32 num_cpus;     /* present and possible, at least 1 */
    virtio_power_le32 num_slots;    /* filled and empty */
    virtio_power_le32 num_ranges;
    virtio_power_le32 num_controllers;
    virtio_power_le32 num_timers;
    virtio_power_le32 padding;
};

/* Requests on VIRTIO_POWER_VQ_REQUEST */
enum virtio_power_request_type {
    /* Tables; response: struct virtio_power_table, then records */
    VIRTIO_POWER_REQ_GET_MACHINE        = 1,
    VIRTIO_POWER_REQ_GET_CPUS           = 2,
    VIRTIO_POWER_REQ_GET_CONTROLLERS    = 3,
    VIRTIO_POWER_REQ_GET_TIMERS         = 4,
    VIRTIO_POWER_REQ_GET_SLOTS          = 5,
    VIRTIO_POWER_REQ_GET_RANGES         = 6,
    /* The machine */
    VIRTIO_POWER_REQ_GET_TIME           = 7,
    VIRTIO_POWER_REQ_SET_EVENTS         = 8,
    VIRTIO_POWER_REQ_POWER_OFF          = 9,
    VIRTIO_POWER_REQ_REBOOT             = 10,
    VIRTIO_POWER_REQ_HALT               = 11,
    VIRTIO_POWER_REQ_SUSPEND            = 12,
    VIRTIO_POWER_REQ_PANIC              = 13,
    VIRTIO_POWER_REQ_EXIT               = 14,
    /* One slot, or one CPU: the index of the request says which */
    VIRTIO_POWER_REQ_SLOT_RESET         = 15,
    VIRTIO_POWER_REQ_SLOT_EJECT         = 16,
    VIRTIO_POWER_REQ_CPU_RESET          = 17,
    VIRTIO_POWER_REQ_CPU_PARK           = 18,
    VIRTIO_POWER_REQ_CPU_UNPARK         = 19,
    VIRTIO_POWER_REQ_CPU_REFUSE         = 20,
};

/* Starts every request: device-readable */
struct virtio_power_request {
    virtio_power_le32 type;         /* VIRTIO_POWER_REQ_* */
    virtio_power_le32 flags;        /* none defined: 0 */
    virtio_power_le32 index;        /* first record, slot or CPU; else 0 */
    virtio_power_le32 padding;
};

/* Starts every response: device-writable */
struct virtio_power_response {
    virtio_power_le32 status;       /* VIRTIO_POWER_S_* */
    virtio_power_le32 padding;
};

enum virtio_power_status {
    VIRTIO_POWER_S_OK           = 0,
    /* Unknown request, flag or event, or a feature not negotiated */
    VIRTIO_POWER_S_UNSUPPORTED  = 1,
    VIRTIO_POWER_S_INVALID      = 2,    /* malformed, value out of range */
    VIRTIO_POWER_S_NOT_FOUND    = 3,    /* no such record, slot or CPU */
    VIRTIO_POWER_S_DENIED       = 4,    /* not in this state, not allowed */
    VIRTIO_POWER_S_BUSY         = 5,    /* not now: ask again later */
    VIRTIO_POWER_S_FAILED       = 6,    /* valid, the device could not do it */
};

/*
 * Starts the response to a request for a table; "count" records of
 * "record_size" bytes follow, the first one is that of the request's index.
 * A later version may append fields to a record, so step by record_size.
 */
struct virtio_power_table {
    struct virtio_power_response hdr;
    virtio_power_le32 generation;   /* the configuration's, of this answer */
    virtio_power_le32 total;        /* records in the whole table */
    virtio_power_le32 count;        /* records that follow; 0: no room */
    virtio_power_le32 record_size;  /* bytes, multiple of 8 */
};

/* Record of VIRTIO_POWER_REQ_GET_MACHINE; there is one */
struct virtio_power_machine {
    virtio_power_le32 arch;         /* ELF e_machine: VIRTIO_POWER_ARCH_* */
    virtio_power_le32 flags;        /* VIRTIO_POWER_MACHINE_* */
    uint8_t uuid[16];               /* in the order in which it is printed */
    /* UTF-8, filled up with zeros, at least one; empty if unknown */
    uint8_t name[VIRTIO_POWER_NAME_SIZE];       /* kind of machine */
    uint8_t version[VIRTIO_POWER_NAME_SIZE];    /* of its behaviour */
    uint8_t serial[VIRTIO_POWER_NAME_SIZE];     /* number given by the user */
};

#define VIRTIO_POWER_ARCH_X86_64        62
#define VIRTIO_POWER_ARCH_AARCH64       183
#define VIRTIO_POWER_ARCH_RISCV         243

#define VIRTIO_POWER_MACHINE_UUID       (1u << 0)   /* uuid is valid */

/* Record of VIRTIO_POWER_REQ_GET_CPUS */
struct virtio_power_cpu {
    virtio_power_le32 index;        /* number of the CPU */
    virtio_power_le32 state;        /* VIRTIO_POWER_CPU_PARKED, _OFF, _ON */
    virtio_power_le32 flags;        /* VIRTIO_POWER_CPU_F_* */
    virtio_power_le32 padding;
    virtio_power_le64 hw_id;        /* MPIDR affinity, APIC id or hart id */
    /* Place in the topology, each in the one before; or VIRTIO_POWER_NONE */
    virtio_power_le32 socket;
    virtio_power_le32 cluster;
    virtio_power_le32 core;
    virtio_power_le32 thread;
};

enum virtio_power_cpu_state {
    VIRTIO_POWER_CPU_PARKED     = 0,    /* cannot be started */
    VIRTIO_POWER_CPU_OFF        = 1,    /* can be started */
    VIRTIO_POWER_CPU_ON         = 2,    /* runs, or idles */
};

#define VIRTIO_POWER_CPU_F_PRESENT          (1u << 0)   /* the guest may have */
#define VIRTIO_POWER_CPU_F_BOOT             (1u << 1)   /* on after a reset */
#define VIRTIO_POWER_CPU_F_REMOVABLE        (1u << 2)   /* can be parked */
#define VIRTIO_POWER_CPU_F_REMOVAL_ASKED    (1u << 3)   /* park it, or refuse */

struct virtio_power_region {
    virtio_power_le64 base;
    virtio_power_le64 size;         /* bytes */
};

/* Record of VIRTIO_POWER_REQ_GET_CONTROLLERS: an interrupt controller */
struct virtio_power_controller {
    virtio_power_le32 type;         /* VIRTIO_POWER_CONTROLLER_* */
    virtio_power_le32 flags;        /* none defined: 0 */
    virtio_power_le32 num_irqs;     /* interrupts that it knows */
    virtio_power_le32 num_regions;  /* valid entries of region[] */
    struct virtio_power_region region[VIRTIO_POWER_MAX_REGIONS];
};

enum virtio_power_controller_type {
    /* region 0: distributor, 1: CPU interface */
    VIRTIO_POWER_CONTROLLER_ARM_GICV2   = 1,
    /* region 0: distributor, 1: redistributors of all possible CPUs */
    VIRTIO_POWER_CONTROLLER_ARM_GICV3   = 2,
    /* region 0: registers */
    VIRTIO_POWER_CONTROLLER_X86_LAPIC   = 3,
    VIRTIO_POWER_CONTROLLER_X86_IOAPIC  = 4,
    VIRTIO_POWER_CONTROLLER_RISCV_APLIC = 5,
    /* region 0: interrupt files of all possible CPUs */
    VIRTIO_POWER_CONTROLLER_RISCV_IMSIC = 6,
};

/* Record of VIRTIO_POWER_REQ_GET_TIMERS */
struct virtio_power_timer {
    virtio_power_le32 type;         /* VIRTIO_POWER_TIMER_* */
    virtio_power_le32 flags;        /* VIRTIO_POWER_TIMER_F_* */
    virtio_power_le64 frequency;    /* Hz; 0: the CPU's registers tell */
    /* As the controller counts them, or VIRTIO_POWER_NONE */
    virtio_power_le32 irq[VIRTIO_POWER_MAX_TIMER_IRQS];
};

enum virtio_power_timer_type {
    /* irq: EL1 physical secure, EL1 physical, EL1 virtual, EL2 physical */
    VIRTIO_POWER_TIMER_ARM_GENERIC      = 1,
    /* irq: none, they are CPU-local vectors that the guest chooses */
    VIRTIO_POWER_TIMER_X86_TSC_DEADLINE = 2,
    /* irq 0: supervisor timer interrupt of the hart */
    VIRTIO_POWER_TIMER_RISCV            = 3,
};

#define VIRTIO_POWER_TIMER_F_ALWAYS_ON  (1u << 0)   /* also while CPUs idle */

/* irq_flags of slots and ranges */
#define VIRTIO_POWER_IRQ_LEVEL          (1u << 0)   /* else edge */
#define VIRTIO_POWER_IRQ_HIGH           (1u << 1)   /* or rising, else low */
#define VIRTIO_POWER_IRQ_SHARED         (1u << 2)   /* with other slots */

/* Record of VIRTIO_POWER_REQ_GET_SLOTS: a virtio-mmio transport */
struct virtio_power_slot {
    virtio_power_le32 index;        /* number of the slot */
    virtio_power_le32 state;        /* VIRTIO_POWER_SLOT_EMPTY... */
    virtio_power_le64 base;         /* of the transport's registers */
    virtio_power_le64 size;         /* bytes set aside for the slot */
    virtio_power_le32 irq;          /* as the controller counts */
    virtio_power_le32 irq_flags;    /* VIRTIO_POWER_IRQ_* */
    virtio_power_le32 device_id;    /* virtio's; 0 if empty */
    virtio_power_le32 flags;        /* VIRTIO_POWER_SLOT_F_* */
};

enum virtio_power_slot_state {
    VIRTIO_POWER_SLOT_EMPTY         = 0,
    VIRTIO_POWER_SLOT_FILLED        = 1,
    VIRTIO_POWER_SLOT_REMOVAL_ASKED = 2,    /* filled; let go, or refuse */
};

#define VIRTIO_POWER_SLOT_F_REMOVABLE   (1u << 0)   /* the device can go */

/* Record of VIRTIO_POWER_REQ_GET_RANGES */
struct virtio_power_range {
    virtio_power_le32 type;         /* VIRTIO_POWER_RANGE_* */
    virtio_power_le32 flags;        /* none defined: 0 */
    virtio_power_le64 base;
    virtio_power_le64 size;         /* bytes */
    virtio_power_le32 irq;          /* as the controller counts; or ..._NONE */
    virtio_power_le32 irq_flags;    /* VIRTIO_POWER_IRQ_* */
};

enum virtio_power_range_type {
    VIRTIO_POWER_RANGE_RAM          = 1,
    VIRTIO_POWER_RANGE_SHM_WINDOW   = 2,    /* for shared memory regions */
    VIRTIO_POWER_RANGE_SLOTS        = 3,    /* all slots together */
    VIRTIO_POWER_RANGE_FLASH        = 4,    /* one bank */
    VIRTIO_POWER_RANGE_RTC          = 5,
    VIRTIO_POWER_RANGE_UART         = 6,
    VIRTIO_POWER_RANGE_FW_CFG       = 7,
    VIRTIO_POWER_RANGE_STEAL_TIME   = 8,
};

/* VIRTIO_POWER_REQ_GET_TIME: struct virtio_power_request */
struct virtio_power_time {          /* response */
    struct virtio_power_response hdr;
    virtio_power_le64 seconds;      /* since 1970-01-01 UTC, two's complement */
    virtio_power_le32 nanoseconds;  /* 0 to 999999999 */
    virtio_power_le32 padding;
};

/*
 * VIRTIO_POWER_REQ_SET_EVENTS, response: struct virtio_power_response
 *
 * Which events the driver wants.  Others are not made, and those made already
 * are dropped.
 */
struct virtio_power_set_events {
    struct virtio_power_request hdr;
    virtio_power_le32 events;       /* VIRTIO_POWER_EVENT_BIT(), or-ed */
    virtio_power_le32 padding;
};

/* VIRTIO_POWER_REQ_POWER_OFF, _REBOOT, _HALT: both header only */

/* VIRTIO_POWER_REQ_SUSPEND; answered when the machine is awake again */
struct virtio_power_suspend {
    struct virtio_power_request hdr;
    virtio_power_le64 wake_after;   /* ns; 0: not by time */
};

struct virtio_power_suspend_response {
    struct virtio_power_response hdr;
    virtio_power_le32 reason;       /* VIRTIO_POWER_WAKE_* */
    virtio_power_le32 padding;
};

/* Why the machine woke up */
enum virtio_power_wake {
    VIRTIO_POWER_WAKE_HOST  = 1,    /* the user, or an event for the driver */
    VIRTIO_POWER_WAKE_TIME  = 2,    /* wake_after is over */
    VIRTIO_POWER_WAKE_INPUT = 3,    /* a key, a button or a touch */
};

/* VIRTIO_POWER_REQ_PANIC, response: struct virtio_power_response */
struct virtio_power_panic {
    struct virtio_power_request hdr;
    virtio_power_le32 flags;        /* VIRTIO_POWER_PANIC_* */
    virtio_power_le32 padding;
};

/* The guest goes on by itself, for example with a crash kernel */
#define VIRTIO_POWER_PANIC_HANDLED      (1u << 0)

/* VIRTIO_POWER_REQ_EXIT, response: struct virtio_power_response */
struct virtio_power_exit {
    struct virtio_power_request hdr;
    virtio_power_le32 status;       /* of the host's process, 0 to 255 */
    virtio_power_le32 padding;
};

/* VIRTIO_POWER_REQ_SLOT_RESET: both header only */

/* VIRTIO_POWER_REQ_SLOT_EJECT, response: struct virtio_power_response */
struct virtio_power_slot_eject {
    struct virtio_power_request hdr;
    virtio_power_le32 verdict;      /* VIRTIO_POWER_EJECT_* */
    virtio_power_le32 padding;
};

enum virtio_power_eject {
    VIRTIO_POWER_EJECT_GO       = 0,    /* the guest has let go: remove it */
    VIRTIO_POWER_EJECT_REFUSE   = 1,    /* the guest keeps the device */
};

/* VIRTIO_POWER_REQ_CPU_RESET, _PARK, _UNPARK, _REFUSE: both header only */

/* Buffers of VIRTIO_POWER_VQ_EVENT: device-writable, at least this long */
struct virtio_power_event {
    virtio_power_le32 type;         /* VIRTIO_POWER_EVENT_* */
    virtio_power_le32 index;        /* slot or CPU; else 0 */
    virtio_power_le32 reason;       /* WAKE: VIRTIO_POWER_WAKE_*; else 0 */
    virtio_power_le32 padding;
};

enum virtio_power_event_type {
    VIRTIO_POWER_EVENT_POWER_BUTTON         = 1,    /* please switch off */
    VIRTIO_POWER_EVENT_WAKE                 = 2,    /* a suspend has ended */
    VIRTIO_POWER_EVENT_REBOOT_ASKED         = 3,    /* please reboot */
    VIRTIO_POWER_EVENT_SLOT_ADDED           = 4,
    VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED   = 5,
    VIRTIO_POWER_EVENT_CPU_ADDED            = 6,
    VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED    = 7,
    VIRTIO_POWER_EVENT_RESUMED              = 8,    /* the machine was away */
};

/* Bit of an event type in the configuration and in SET_EVENTS */
#define VIRTIO_POWER_EVENT_BIT(type)    (1u << (type))

#endif /* VIRTIO_POWER_WIRE_H */
