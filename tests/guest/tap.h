/*
 * Results of checks, in the Test Anything Protocol
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TAP_H
#define TAP_H

enum { PASS, FAIL, SKIP };

#define FORMAT(n) __attribute__((format(printf, n, n + 1)))

/* A check returns these; its reason is printed with the result */
int fail(const char *format, ...) FORMAT(1);
int skip(const char *format, ...) FORMAT(1);

/* A line for people; the host's side of some checks waits for it */
void note(const char *format, ...) FORMAT(1);

/* Ends the machine: going on makes no sense */
void bail_out(const char *format, ...) FORMAT(1) __attribute__((noreturn));

void tap_plan(unsigned number);
void tap_result(const char *name, int result);
unsigned tap_failures(void);
unsigned tap_skipped(void);

/* What has to be true, else the check has failed */
#define EXPECT(condition) do {                              \
    if (!(condition)) {                                     \
        return fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition); \
    }                                                       \
} while (0)

#define EXPECT_EQ(value, expected) do {                     \
    uint64_t value_ = (value), expected_ = (expected);      \
    if (value_ != expected_) {                              \
        return fail("%s:%d: %s is 0x%lx, not 0x%lx", __FILE__, __LINE__, \
                    #value, value_, expected_);             \
    }                                                       \
} while (0)

/* A step that has a result of its own */
#define TRY(step) do {                                      \
    int result_ = (step);                                   \
    if (result_ != PASS) {                                  \
        return result_;                                     \
    }                                                       \
} while (0)

#endif /* TAP_H */
