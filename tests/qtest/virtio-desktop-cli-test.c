/*
 * QTest testcase for the virtio-desktop machine: start-up
 *
 * What QEMU makes of a command line before a guest runs: the device tree it
 * hands over, and one clear error if it cannot do what was asked.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <libfdt.h>
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qemu/units.h"
#include "virtio-desktop-util.h"

/* aarch64: interrupt specifier of the GIC's binding */
#define IRQ_TYPE_SPI    0
#define IRQ_LEVEL_HIGH  4

#define NULL_DRIVE      " -drive format=raw,file=null-co://"
#define RNG             " -device virtio-rng-device"

/*
 * Device tree, which guests of aarch64 get
 */

static char *get_dtb(const char *options, size_t *size)
{
    char *fdt = desktop_get_dtb(options, size);

    g_assert_cmpint(fdt_check_full(fdt, *size), ==, 0);
    return fdt;
}

static int node_at(const void *fdt, const char *path)
{
    int node = fdt_path_offset(fdt, path);

    if (node < 0) {
        g_error("no node %s in the device tree", path);
    }
    return node;
}

static void assert_cells(const void *fdt, int node, const char *property,
                         int n, const uint32_t *expected)
{
    int i, len;
    const fdt32_t *cells = fdt_getprop(fdt, node, property, &len);

    g_assert_nonnull(cells);
    g_assert_cmpint(len, ==, n * sizeof(*cells));
    for (i = 0; i < n; i++) {
        g_assert_cmphex(fdt32_to_cpu(cells[i]), ==, expected[i]);
    }
}

/* Check address and interrupt of a node; @spi < 0: it has none */
static void assert_device(const void *fdt, int node, uint64_t base,
                          uint64_t size, int spi)
{
    const uint32_t reg[] = { base >> 32, base, size >> 32, size };
    const uint32_t irq[] = { IRQ_TYPE_SPI, spi, IRQ_LEVEL_HIGH };

    assert_cells(fdt, node, "reg", ARRAY_SIZE(reg), reg);
    if (spi >= 0) {
        assert_cells(fdt, node, "interrupts", ARRAY_SIZE(irq), irq);
    } else {
        g_assert_null(fdt_getprop(fdt, node, "interrupts", NULL));
    }
}

/* List the slots that a guest is told of, in the order it sees them */
static char *list_slot_nodes(const void *fdt)
{
    GString *list = g_string_new("");
    int node;

    fdt_for_each_subnode(node, fdt, 0) {
        const fdt32_t *reg = fdt_getprop(fdt, node, "reg", NULL);
        g_autofree char *name = NULL;
        uint64_t base;
        int slot;

        if (fdt_node_check_compatible(fdt, node, "virtio,mmio")) {
            continue;
        }
        base = fdt32_to_cpu(reg[1]);
        slot = (base - SLOT_BASE) / SLOT_SIZE;
        name = g_strdup_printf("virtio_mmio@%" PRIx64, base);
        g_assert_cmpstr(fdt_get_name(fdt, node, NULL), ==, name);
        assert_device(fdt, node, SLOT_BASE + slot * SLOT_SIZE, SLOT_REGS,
                      desktop_line(slot));
        g_assert_nonnull(fdt_getprop(fdt, node, "dma-coherent", NULL));
        g_string_append_printf(list, "%s%d", list->len ? " " : "", slot);
    }
    return g_string_free(list, false);
}

typedef struct SlotCase {
    const char *name;
    const char *options;
    const char *slots;
} SlotCase;

static const SlotCase slot_cases[] = {
    { "nodefaults", " -nodefaults", "0" },
    { "defaults", "", "0 1 2 3 4 5 7" },
    { "disk", NULL_DRIVE, "0 1 2 3 4 5 6 7" },
    { "devices", RNG RNG NULL_DRIVE, "0 1 2 3 4 5 6 7 8 9" },
    { "by-number", " -nodefaults" RNG ",bus=virtio-mmio-bus.63"
                   RNG ",bus=virtio-mmio-bus.1", "0 1 63" },
};

static void test_slot_nodes(const void *data)
{
    const SlotCase *c = data;
    size_t size;
    g_autofree char *fdt = get_dtb(c->options, &size);
    g_autofree char *slots = list_slot_nodes(fdt);

    g_assert_cmpstr(slots, ==, c->slots);
}

typedef struct NodeCase {
    const char *name;
    const char *options;
    const char *present;
    const char *absent;
} NodeCase;

#define BASIC_NODES     "/cpus /memory@40000000 /intc@8000000 /timer /psci"
#define OTHER_NODES     "/pl011@9000000 /fw-cfg@9020000 /flash@0"

static const NodeCase node_cases[] = {
    { "nodefaults", " -nodefaults", BASIC_NODES " /pmu /pl031@9010000",
      OTHER_NODES },
    { "defaults", "", BASIC_NODES " /pmu /pl031@9010000", OTHER_NODES },
    { "no-rtc", ",rtc=off", BASIC_NODES, "/pl031@9010000 " OTHER_NODES },
    { "no-pmu", " -cpu max,pmu=off", BASIC_NODES " /pl031@9010000",
      "/pmu " OTHER_NODES },
    { "serial", " -serial null", BASIC_NODES " /pl011@9000000",
      "/fw-cfg@9020000 /flash@0" },
    { "fw-cfg", ",fw_cfg=on", BASIC_NODES " /fw-cfg@9020000",
      "/pl011@9000000 /flash@0" },
};

static void test_nodes(const void *data)
{
    const NodeCase *c = data;
    g_auto(GStrv) present = g_strsplit(c->present, " ", 0);
    g_auto(GStrv) absent = g_strsplit(c->absent, " ", 0);
    size_t size;
    g_autofree char *fdt = get_dtb(c->options, &size);
    int i;

    for (i = 0; present[i]; i++) {
        node_at(fdt, present[i]);
    }
    for (i = 0; absent[i]; i++) {
        g_test_message("absent: %s", absent[i]);
        g_assert_cmpint(fdt_path_offset(fdt, absent[i]), ==,
                        -FDT_ERR_NOTFOUND);
    }
}

static void assert_string(const void *fdt, const char *path,
                          const char *property, int index,
                          const char *expected)
{
    g_assert_cmpstr(fdt_stringlist_get(fdt, node_at(fdt, path), property,
                                       index, NULL), ==, expected);
}

static void test_content(void)
{
    size_t size;
    g_autofree char *fdt = get_dtb(" -smp 3 -m 5G -serial null", &size);
    int node, cpus = 0;

    assert_string(fdt, "/", "compatible", 0, "qemu,virtio-desktop");
    assert_string(fdt, "/", "compatible", 1, "linux,dummy-virt");
    g_assert_cmpint(fdt_stringlist_count(fdt, 0, "compatible"), ==, 2);
    assert_string(fdt, "/", "model", 0, "virtio-desktop");
    assert_string(fdt, "/psci", "method", 0, "hvc");
    assert_string(fdt, "/timer", "compatible", 0, "arm,armv8-timer");
    assert_string(fdt, "/chosen", "stdout-path", 0, "/pl011@9000000");
    assert_device(fdt, node_at(fdt, "/pl011@9000000"), 0x09000000, 0x1000, 1);
    assert_device(fdt, node_at(fdt, "/pl031@9010000"), 0x09010000, 0x1000, 2);
    assert_device(fdt, node_at(fdt, "/memory@40000000"), RAM_BASE, 5 * GiB,
                  -1);

    fdt_for_each_subnode(node, fdt, node_at(fdt, "/cpus")) {
        if (g_str_has_prefix(fdt_get_name(fdt, node, NULL), "cpu@")) {
            g_assert_cmpstr(fdt_stringlist_get(fdt, node, "enable-method", 0,
                                               NULL), ==, "psci");
            cpus++;
        }
    }
    g_assert_cmpint(cpus, ==, 3);
}

static void test_gic(void)
{
    static const uint32_t v3_reg[] = {
        0, 0x08000000, 0, 64 * KiB, 0, 0x080a0000, 0, 3 * 128 * KiB,
    };
    static const uint32_t v2_reg[] = {
        0, 0x08000000, 0, 64 * KiB, 0, 0x08010000, 0, 64 * KiB,
    };
    size_t size;
    g_autofree char *v3 = get_dtb(" -nodefaults -smp 3", &size);
    g_autofree char *v2 = get_dtb(",gic-version=2 -nodefaults", &size);

    assert_string(v3, "/intc@8000000", "compatible", 0, "arm,gic-v3");
    assert_cells(v3, node_at(v3, "/intc@8000000"), "reg", 8, v3_reg);
    assert_string(v2, "/intc@8000000", "compatible", 0, "arm,cortex-a15-gic");
    assert_cells(v2, node_at(v2, "/intc@8000000"), "reg", 8, v2_reg);
}

static const void *chosen(const void *fdt, const char *property, int size)
{
    int len;
    const void *value = fdt_getprop(fdt, node_at(fdt, "/chosen"), property,
                                    &len);

    g_assert_nonnull(value);
    g_assert_cmpint(len, ==, size);
    return value;
}

static void test_seeds(void)
{
    size_t size;
    g_autofree char *one = get_dtb("", &size);
    g_autofree char *two = get_dtb("", &size);

    g_assert_cmpint(memcmp(chosen(one, "rng-seed", 32),
                           chosen(two, "rng-seed", 32), 32), !=, 0);
    g_assert_cmpint(memcmp(chosen(one, "kaslr-seed", 8),
                           chosen(two, "kaslr-seed", 8), 8), !=, 0);
    g_assert_null(fdt_getprop(one, node_at(one, "/chosen"), "stdout-path",
                              NULL));
}

/* Without randomness the device tree is the same at each start */
static void test_no_seeds(void)
{
    size_t size1, size2;
    g_autofree char *one = get_dtb(",dtb-randomness=off", &size1);
    g_autofree char *two = get_dtb(",dtb-randomness=off", &size2);
    int node = node_at(one, "/chosen");

    g_assert_null(fdt_getprop(one, node, "rng-seed", NULL));
    g_assert_null(fdt_getprop(one, node, "kaslr-seed", NULL));
    g_assert_cmpmem(one, size1, two, size2);
}

/*
 * What starts
 */

static void test_machine_info(void)
{
    QTestState *qts = qtest_init("-M none");
    QDict *rsp = qtest_qmp(qts, "{'execute': 'query-machines'}");
    QListEntry *entry;
    int found = 0;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), entry) {
        QDict *m = qobject_to(QDict, qlist_entry_obj(entry));

        if (strcmp(qdict_get_str(m, "name"), "virtio-desktop-10.0")) {
            continue;
        }
        found++;
        g_assert_cmpstr(qdict_get_str(m, "alias"), ==, "virtio-desktop");
        g_assert_cmpint(qdict_get_int(m, "cpu-max"), ==,
                        desktop_arch()->max_cpus);
        g_assert_cmpstr(qdict_get_str(m, "default-cpu-type"), ==,
                        desktop_arch()->cpu);
        g_assert_false(qdict_get_bool(m, "numa-mem-supported"));
        g_assert_true(qdict_get_bool(m, "hotpluggable-cpus"));
    }
    g_assert_cmpint(found, ==, 1);
    qobject_unref(rsp);
    qtest_quit(qts);
}

static void assert_most_cpus(const char *machine, int n)
{
    QTestState *qts = qtest_initf("-M virtio-desktop%s -nodefaults -smp %d",
                                  machine, n);
    QDict *rsp = qtest_qmp(qts, "{'execute': 'query-cpus-fast'}");

    g_assert_cmpint(qlist_size(qdict_get_qlist(rsp, "return")), ==, n);
    qobject_unref(rsp);
    qtest_quit(qts);
}

static void test_most_cpus(void)
{
    assert_most_cpus("", desktop_arch()->max_cpus);
}

static void test_most_cpus_gicv2(void)
{
    assert_most_cpus(",gic-version=2", 8);
}

/* What refusals are compared with: these are fine */
static void test_accepted(void)
{
    g_autofree char *errors = NULL;
    g_autofree char *options = g_strdup_printf(" -cpu %s -smp 2" RNG,
                                               desktop_arch()->other_cpu);
    int status = desktop_run_qemu(options, &errors);

    g_assert_cmpint(status, ==, 0);
    g_assert_cmpstr(errors, ==, "");
}

/*
 * Refusals
 */

typedef struct RefusalCase {
    const char *name;
    const char *options;
    const char *words; /* that the error has, separated by '|' */
} RefusalCase;

static const RefusalCase refusal_cases[] = {
    /* Slots */
    { "taken-slot", " -nodefaults" RNG ",bus=virtio-mmio-bus.8"
                    RNG ",bus=virtio-mmio-bus.8", "virtio-mmio-bus.8|full" },
    { "taken-by-order", " -nodefaults" RNG RNG ",bus=virtio-mmio-bus.8",
                        "virtio-mmio-bus.8|full" },
    { "taken-by-role", RNG ",bus=virtio-mmio-bus.2",
                       "virtio-mmio-bus.2|full" },
    { "taken-by-power", " -nodefaults" RNG ",bus=virtio-mmio-bus.0",
                        "virtio-mmio-bus.0|full" },
    { "second-power", " -nodefaults -device virtio-power-device",
                      "virtio-power-device" },
    { "no-such-slot", " -nodefaults" RNG ",bus=virtio-mmio-bus.64",
                      "virtio-mmio-bus.64|not found" },

    /* Devices that need another bus */
    { "pci-device", " -device virtio-net-pci", "PCI|virtio-net-pci" },
    { "pci-bridge", " -device pcie-root-port", "pcie-root-port" },
    { "usb-device", " -device usb-kbd", "usb-kbd" },

    /* Values */
    { "pointer", ",pointer=trackball", "pointer=trackball" },
    { "role", ",keyboard=maybe", "maybe" },

    /* CPUs and RAM */
    { "numa", " -numa node", "NUMA" },
    { "cpu-unknown", " -cpu no-such-cpu", "no-such-cpu" },

    /* Firmware and files */
    { "bios", " -bios no-such-file", "no-such-file" },
    { "kernel", " -kernel no-such-file", "no-such-file" },
};

static const RefusalCase aarch64_refusal_cases[] = {
    /* Options of other machines */
    { "highmem", ",highmem=off", "highmem" },
    { "secure", ",secure=on", "secure" },
    { "virtualization", ",virtualization=on", "virtualization" },
    { "its", ",its=on", "its" },
    { "iommu", ",iommu=smmuv3", "iommu" },
    { "acpi", ",acpi=on", "acpi" },

    /* Values */
    { "gic-version", ",gic-version=4", "gic-version=4" },
    { "gic-host", ",gic-version=host", "gic-version=host|KVM" },
    { "mte", ",mte=on", "mte=on|memory tagging" },

    /* CPUs */
    { "cpus", " -smp 124", "124|123" },
    { "cpus-gicv2", ",gic-version=2 -smp 9", "9|8|GICv2" },
    { "maxcpus-gicv2", ",gic-version=2 -smp 1,maxcpus=9", "9|8|GICv2" },
    { "cpu-m-profile", " -cpu cortex-m3", "cortex-m3" },
    { "cpu-32-bit", " -cpu cortex-a15", "cortex-a15" },
};

/* One sentence that has the words, perhaps followed by lines of hints */
static void assert_refused(const char *options, const char *words)
{
    g_autofree char *errors = NULL;
    int status = desktop_run_qemu(options, &errors);
    g_auto(GStrv) lines = NULL;
    g_auto(GStrv) word = g_strsplit(words, "|", 0);
    const char *sentence = NULL;
    int i;

    g_test_message("%s", errors);
    g_assert_cmpint(status, ==, 1);
    lines = g_strsplit(errors, "\n", 0);
    for (i = 0; lines[i]; i++) {
        if (!sentence) {
            sentence = lines[i];
        } else {
            g_assert_false(g_str_has_prefix(lines[i], "qemu-system-"));
        }
    }
    for (i = 0; word[i]; i++) {
        g_assert_nonnull(strstr(sentence, word[i]));
    }
}

static void test_refusal(const void *data)
{
    const RefusalCase *c = data;

    assert_refused(c->options, c->words);
}

/* RAM starts at 1 GiB: 1 TiB of it does not fit the 40 bits of this CPU */
static void test_too_much_ram(void)
{
    void *probe = mmap(NULL, 1 * TiB, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (probe == MAP_FAILED) {
        g_test_skip("the host does not let a process map 1 TiB");
        return;
    }
    munmap(probe, 1 * TiB);
    assert_refused(",memory-backend=ram -cpu cortex-a53 -m 1T -object"
                   " memory-backend-ram,id=ram,size=1T,reserve=off",
                   "-m|physical address|40");
}

static void test_no_dtb(void)
{
    g_autofree char *options = NULL;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("virtio-desktop-XXXXXX", &path, NULL);

    g_assert_cmpint(write(fd, "kernel", 6), ==, 6);
    close(fd);
    options = g_strdup_printf(" -kernel %s -dtb no-such-file", path);
    assert_refused(options, "no-such-file");
    unlink(path);
}

/* Free slots do not run over into those that have a role */
static void test_too_many_devices(void)
{
    g_autoptr(GString) args = g_string_new(" -nodefaults");
    int slot;

    for (slot = FIRST_FREE_SLOT; slot < NUM_SLOTS; slot++) {
        g_string_append(args, RNG);
    }
    g_string_append(args, RNG);
    assert_refused(args->str, "No free|slot|virtio-rng-device");

    for (slot = 0; slot < FIRST_FREE_SLOT; slot++) {
        g_string_append_printf(args, RNG ",bus=virtio-mmio-bus.%d", slot);
    }
    assert_refused(args->str, "No free|slot|virtio-rng-device");
}

static void add_refusals(const RefusalCase *cases, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("virtio-desktop/refused/%s",
                                                cases[i].name);

        qtest_add_data_func(path, &cases[i], test_refusal);
    }
}

static void add_aarch64_tests(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(slot_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-desktop/dtb/slots/%s",
                                                slot_cases[i].name);

        qtest_add_data_func(path, &slot_cases[i], test_slot_nodes);
    }
    for (i = 0; i < ARRAY_SIZE(node_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-desktop/dtb/nodes/%s",
                                                node_cases[i].name);

        qtest_add_data_func(path, &node_cases[i], test_nodes);
    }
    qtest_add_func("virtio-desktop/dtb/content", test_content);
    qtest_add_func("virtio-desktop/dtb/gic", test_gic);
    qtest_add_func("virtio-desktop/dtb/seeds", test_seeds);
    qtest_add_func("virtio-desktop/dtb/no-seeds", test_no_seeds);

    qtest_add_func("virtio-desktop/cpus/gicv2", test_most_cpus_gicv2);
    add_refusals(aarch64_refusal_cases, ARRAY_SIZE(aarch64_refusal_cases));
    qtest_add_func("virtio-desktop/refused/dtb", test_no_dtb);
    qtest_add_func("virtio-desktop/refused/too-much-ram", test_too_much_ram);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-desktop/machine", test_machine_info);
    qtest_add_func("virtio-desktop/cpus/most", test_most_cpus);
    qtest_add_func("virtio-desktop/accepted", test_accepted);
    add_refusals(refusal_cases, ARRAY_SIZE(refusal_cases));
    if (desktop_is_arch("aarch64")) {
        add_aarch64_tests();
    }
    qtest_add_func("virtio-desktop/refused/too-many-devices",
                   test_too_many_devices);

    return g_test_run();
}
