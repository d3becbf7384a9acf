#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

_Noreturn void load_fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "load: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  exit(1);
}

static double number(const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || value < 0) load_fail("not a number: %s", text);
  return value;
}

static void set_number(load_options *o, const char *name, double value) {
  if (strcmp(name, "--port") == 0) {
    o->port = (int)value;
  } else if (strcmp(name, "--pid") == 0) {
    o->pid = (int)value;
  } else if (strcmp(name, "--conns") == 0) {
    o->conns = (int)value;
  } else if (strcmp(name, "--depth") == 0) {
    o->depth = (int)value;
  } else if (strcmp(name, "--size") == 0) {
    o->size = (size_t)value;
  } else if (strcmp(name, "--count") == 0) {
    o->count = (uint64_t)value;
  } else if (strcmp(name, "--seconds") == 0) {
    o->seconds = value;
  } else if (strcmp(name, "--warm") == 0) {
    o->warm = value;
  } else {
    load_fail("unknown option %s", name);
  }
}

void load_read_options(load_options *o, int count, char **arguments) {
  *o = (load_options){
      .host = "127.0.0.1", .conns = 100, .depth = 1, .size = 20, .seconds = 2, .warm = 0.3};
  if (count < 2) load_fail("usage: load port|echo|request|publish|churn|idle --port PORT ...");
  o->mode = arguments[1];
  for (int i = 2; i < count; i++) {
    const char *name = arguments[i];
    if (strcmp(name, "--tls") == 0) {
      o->tls = true;
    } else if (strcmp(name, "--deflate") == 0) {
      o->deflate = true;
    } else if (++i == count) {
      load_fail("%s needs a value", name);
    } else if (strcmp(name, "--host") == 0) {
      o->host = arguments[i];
    } else {
      set_number(o, name, number(arguments[i]));
    }
  }
  if (o->conns < 1 || o->depth < 1) load_fail("a number is too small");
}
