#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned passed, failed;
static bool current_failed;

void test_run(const char *name, void (*test)(void)) {
  current_failed = false;
  test_fail_allocation(0);
  test();
  test_fail_allocation(0);
  test_guarded_free();
  if (current_failed) {
    failed++;
    printf("FAILED %s\n", name);
  } else {
    passed++;
  }
}

void test_failed(const char *file, int line, const char *condition) {
  current_failed = true;
  printf("%s:%d: %s\n", file, line, condition);
}

void test_failed_int(const char *file, int line, const char *what, long long actual,
                     long long expected) {
  current_failed = true;
  printf("%s:%d: %s is %lld, not %lld\n", file, line, what, actual, expected);
}

int test_end(void) {
  printf("%u passed, %u failed\n", passed, failed);
  return failed != 0;
}

static struct {
  void *base;
  size_t size;
} mappings[64];
static unsigned mapping_count;

static uint8_t *map(size_t size, bool guard_in_front) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t body = (size + page - 1) / page * page;
  if (mapping_count == sizeof mappings / sizeof *mappings) abort();
  uint8_t *base =
      mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) abort();
  mappings[mapping_count].base = base;
  mappings[mapping_count++].size = body + page;
  if (mprotect(guard_in_front ? base : base + body, page, PROT_NONE) != 0) abort();
  return guard_in_front ? base + page : base + body - size;
}

uint8_t *test_guarded(size_t size) {
  return map(size, false);
}
uint8_t *test_guarded_front(size_t size) {
  return map(size, true);
}

void test_guarded_free(void) {
  while (mapping_count > 0) {
    mapping_count--;
    munmap(mappings[mapping_count].base, mappings[mapping_count].size);
  }
}

static unsigned fail_at;
static bool allocation_failed;

void test_fail_allocation(unsigned n) {
  fail_at = n;
  allocation_failed = false;
}

bool test_allocation_failed(void) {
  return allocation_failed;
}

static bool must_fail(void) {
  if (fail_at == 0 || --fail_at != 0) return false;
  allocation_failed = true;
  return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size) {
  return must_fail() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
  return must_fail() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *block, size_t size) {
  return must_fail() ? NULL : __real_realloc(block, size);
}
