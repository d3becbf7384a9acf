/* The C tests' own few lines: each core/test/test_<file>.c is one program.
 *
 *     TEST(masks_in_place) { CHECK(...); CHECK_INT(a, b); }
 *     int main(void) { RUN(masks_in_place); return test_end(); }
 *
 * A failed check prints where and ends its test; the program prints one line per failed test and
 * "name: N passed, N failed", and exits with 1 when one failed. */
#ifndef LW_TEST_H
#define LW_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST(name) static void name(void)
#define RUN(name) test_run(#name, name)

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      test_failed(__FILE__, __LINE__, #condition);                                                 \
      return;                                                                                      \
    }                                                                                              \
  } while (0)

#define CHECK_INT(actual, expected)                                                                \
  do {                                                                                             \
    long long actual_ = (long long)(actual), expected_ = (long long)(expected);                    \
    if (actual_ != expected_) {                                                                    \
      test_failed_int(__FILE__, __LINE__, #actual, actual_, expected_);                            \
      return;                                                                                      \
    }                                                                                              \
  } while (0)

void test_run(const char *name, void (*test)(void));
void test_failed(const char *file, int line, const char *condition);
void test_failed_int(const char *file, int line, const char *what, long long actual,
                     long long expected);
int test_end(void);

/* `size` bytes that end right before a page that faults on any access: reading or writing one byte
 * too far ends the test program. */
uint8_t *test_guarded(size_t size);
/* The same with the faulting page before the first byte. */
uint8_t *test_guarded_front(size_t size);
void test_guarded_free(void);

/* The n-th allocation from now (counting from 1) fails, once; 0: none does. Tells afterwards
 * whether it was reached. Works on malloc, calloc and realloc of the whole program (linked with
 * --wrap). */
void test_fail_allocation(unsigned n);
bool test_allocation_failed(void);

#endif
