/*
 * PSCI's CPU_ON in QEMU instead of KVM
 *
 * KVM does PSCI by itself and does not know of CPUs that are parked.  A machine
 * that has some needs CPU_ON to be answered as it is without KVM.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "system/hw_accel.h"
#include "system/kvm.h"
#include "arm-powerctl.h"
#include "cpu.h"
#include "kvm-consts.h"
#include "kvm_arm.h"
#include "trace.h"

static bool is_forwarded;

static bool forward(uint32_t function)
{
    struct kvm_smccc_filter filter = {
        .base = function,
        .nr_functions = 1,
        .action = KVM_SMCCC_FILTER_FWD_TO_USER,
    };
    struct kvm_device_attr attr = {
        .group = KVM_ARM_VM_SMCCC_CTRL,
        .attr = KVM_ARM_VM_SMCCC_FILTER,
        .addr = (uintptr_t)&filter,
    };

    return !kvm_vm_ioctl(kvm_state, KVM_HAS_DEVICE_ATTR, &attr) &&
           !kvm_vm_ioctl(kvm_state, KVM_SET_DEVICE_ATTR, &attr);
}

void kvm_arm_forward_cpu_on(void)
{
    static bool tried;

    if (!tried) {
        tried = true;
        is_forwarded = forward(QEMU_PSCI_0_2_FN_CPU_ON) &&
                       forward(QEMU_PSCI_0_2_FN64_CPU_ON);
        trace_kvm_arm_forward_cpu_on(is_forwarded);
    }
}

bool kvm_arm_cpu_on_forwarded(void)
{
    return is_forwarded;
}

static int cpu_on(uint64_t id, uint64_t entry, uint64_t context, bool aarch64)
{
    CPUState *target = arm_get_cpu_by_id(id);
    int ret;

    if (target && !target->parked) {
        /* It may have switched itself off, of which only the kernel knows */
        kvm_arm_vcpu_is_off(ARM_CPU(target));
    }
    ret = arm_set_cpu_on(id, entry, context, 1, aarch64);
    if (ret == QEMU_ARM_POWERCTL_RET_SUCCESS) {
        ARM_CPU(target)->power_state = PSCI_ON_PENDING;
    }
    trace_kvm_arm_cpu_on(id, entry, ret);
    return ret;
}

static int handle_psci(CPUARMState *env, uint32_t function)
{
    uint64_t args[3];
    int i;

    for (i = 0; i < ARRAY_SIZE(args); i++) {
        args[i] = is_a64(env) ? env->xregs[i + 1] : env->regs[i + 1];
    }
    switch (function) {
    case QEMU_PSCI_0_2_FN_CPU_ON:
        return cpu_on((uint32_t)args[0], (uint32_t)args[1], (uint32_t)args[2],
                      is_a64(env));
    case QEMU_PSCI_0_2_FN64_CPU_ON:
        if (is_a64(env)) {
            return cpu_on(args[0], args[1], args[2], true);
        }
        /* fall through */
    default:
        return QEMU_PSCI_RET_NOT_SUPPORTED;
    }
}

void kvm_arm_handle_hypercall(ARMCPU *cpu, uint32_t function)
{
    CPUARMState *env = &cpu->env;
    int ret;

    bql_lock();
    cpu_synchronize_state(CPU(cpu));
    ret = handle_psci(env, function);
    if (is_a64(env)) {
        env->xregs[0] = (int64_t)ret;
    } else {
        env->regs[0] = ret;
    }
    bql_unlock();
}
