/*
 * Where the guest begins: header, entry of both CPUs, exception vectors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define STACK_SIZE 0x4000

/* The header of the arm64 Linux boot protocol, which loaders look for */
    .section .head, "ax"
    .global image_start
image_start:
    b       start
    .long   0
    .quad   0                       /* distance from a 2 MiB boundary */
    .quad   image_end - image_start /* memory that it needs */
    .quad   0xa                     /* little-endian, 4 KiB, anywhere in RAM */
    .quad   0
    .quad   0
    .quad   0
    .ascii  "ARM\x64"
    .long   0

    .text
start:
    /* What main() gets: the boot CPU as it was found */
    mov     x19, x0
    orr     x20, x1, x2
    orr     x20, x20, x3
    mrs     x21, CurrentEL
    mrs     x22, DAIF
    mrs     x23, SPSel
    mrs     x24, SCTLR_EL1

    /* Nothing old of this may come out of a cache later */
    bl      forget_bss
    adrp    x0, bss_start
    adrp    x1, bss_end
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b

    adr     x0, vectors
    msr     VBAR_EL1, x0
    msr     SPSel, #1
    msr     TPIDR_EL1, xzr
    adrp    x0, stacks
    add     sp, x0, #STACK_SIZE
    mov     x0, x19
    bl      mmu_prepare
    bl      forget_bss              /* was written without caches */
    bl      mmu_on

    mov     x0, sp
    stp     x23, x24, [sp, #-16]!   /* struct boot_state */
    stp     x21, x22, [sp, #-16]!
    stp     x19, x20, [sp, #-16]!
    mov     x0, sp
    bl      main
    b       .

/* The second CPU: x0 is what CPU_ON was given, its number among ours */
    .global second_start
second_start:
    mov     x19, x0
    adr     x0, vectors
    msr     VBAR_EL1, x0
    msr     SPSel, #1
    msr     TPIDR_EL1, x19
    adrp    x0, stacks
    add     x1, x19, #1
    mov     x2, #STACK_SIZE
    madd    x0, x1, x2, x0
    mov     sp, x0
    bl      mmu_on
    bl      second_main
    b       .

/* Invalidate .bss to the point of coherency; lines of 16 bytes at least */
forget_bss:
    adrp    x0, bss_start
    adrp    x1, bss_end
1:  dc      ivac, x0
    add     x0, x0, #16
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret

/* Tables of mmu.c: 39 bits of address, 4 KiB granule, write-back tables */
mmu_on:
    ldr     x0, =0x04ff             /* 0: write-back, 1: Device-nGnRE */
    msr     MAIR_EL1, x0
    mrs     x1, ID_AA64MMFR0_EL1
    and     x1, x1, #7              /* physical address size, as it is */
    ldr     x0, =0x00803519         /* T0SZ 25, inner shareable, no TTBR1 */
    orr     x0, x0, x1, lsl #32
    msr     TCR_EL1, x0
    adrp    x0, mmu_table
    msr     TTBR0_EL1, x0
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    mrs     x0, SCTLR_EL1
    mov     x1, #0x1005             /* I, C, M */
    orr     x0, x0, x1
    bic     x0, x0, #2              /* A: alignment is checked by nobody */
    msr     SCTLR_EL1, x0
    isb
    ret

    .macro  vector handler
    .balign 0x80
    b       \handler
    .endm

    .balign 0x800
vectors:
    .rept   4
    vector  exception
    .endr
    vector  exception
    vector  interrupt
    vector  exception
    vector  exception
    .rept   8
    vector  exception
    .endr

exception:
    mrs     x0, ESR_EL1
    mrs     x1, ELR_EL1
    mrs     x2, FAR_EL1
    bl      fatal_exception
    b       .

/* Only what C functions do not keep; interrupts do not nest */
interrupt:
    stp     x29, x30, [sp, #-176]!
    stp     x0, x1, [sp, #16]
    stp     x2, x3, [sp, #32]
    stp     x4, x5, [sp, #48]
    stp     x6, x7, [sp, #64]
    stp     x8, x9, [sp, #80]
    stp     x10, x11, [sp, #96]
    stp     x12, x13, [sp, #112]
    stp     x14, x15, [sp, #128]
    stp     x16, x17, [sp, #144]
    str     x18, [sp, #160]
    bl      irq_handler
    ldr     x18, [sp, #160]
    ldp     x16, x17, [sp, #144]
    ldp     x14, x15, [sp, #128]
    ldp     x12, x13, [sp, #112]
    ldp     x10, x11, [sp, #96]
    ldp     x8, x9, [sp, #80]
    ldp     x6, x7, [sp, #64]
    ldp     x4, x5, [sp, #48]
    ldp     x2, x3, [sp, #32]
    ldp     x0, x1, [sp, #16]
    ldp     x29, x30, [sp], #176
    eret

    .ltorg

    .bss
    .balign 16
stacks:
    .space  2 * STACK_SIZE

    .section .note.GNU-stack, "", %progbits
