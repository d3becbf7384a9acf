/* load MODE --port PORT [--pid PID] [--conns N] [--size BYTES] [--depth N] [--seconds S] [--warm S]
 *      [--count MESSAGES] [--tls] [--deflate] [--host ADDRESS]
 *
 * port     prints a port that is free, and does nothing else
 * echo     every connection keeps `depth` messages in flight to /echo; counts echoes
 * request  the same with plain requests of /hello, over connections that are kept; counts answers
 * publish  conns subscribers at /subscribe, one sender at /publish with `depth` messages in flight;
 *          counts deliveries
 * churn    connect, upgrade, close, again; counts connections
 * idle     opens conns connections and looks at the server's memory
 *
 * Prints one line of JSON. With --pid cpu_us is the server's CPU time per message (delivery,
 * connection), and load the share of the time that it was busy: below 0.9 the server waited for us.
 *
 * cc -O3 -o load *.c -lssl -lcrypto -lz */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "load.h"

#define RECEIVE_SIZE ((size_t)256 * 1024)
#define EVENTS 256
#define SILENCE_US 10e6

typedef struct conn {
  stream io;
  frame_reader reader;
  size_t unsent;  /* bytes of frames that are due and not written yet */
  size_t sent_at; /* where in `messages` the next byte is */
  bool wants_writing;
} conn;

static load_options options;
static frames messages;
static bool are_requests; /* messages are */
static uint8_t *receive_buffer;
static conn *conns;
static int poller;

/* --- connections --- */

static void watch(conn *c, int operation) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (c->wants_writing) event.events |= EPOLLOUT;
  if (epoll_ctl(poller, operation, c->io.fd, &event) != 0) load_fail("%s", strerror(errno));
}

static void open_conn(conn *c, const char *path) {
  memset(c, 0, sizeof *c);
  stream_open(&c->io, &options);
  stream_ask(&c->io, &options, path);
  stream_read_answer(&c->io, &options);
}

static void open_conns(const char *path) {
  for (int i = 0; i < options.conns; i++) {
    open_conn(&conns[i], path);
    watch(&conns[i], EPOLL_CTL_ADD);
  }
}

static void push(conn *c) {
  size_t end = messages.frame_size * (size_t)options.depth;
  while (c->unsent > 0) {
    size_t part = c->unsent < end - c->sent_at ? c->unsent : end - c->sent_at;
    ssize_t sent = stream_write(&c->io, messages.data + c->sent_at, part);
    if (sent == STREAM_ENDED) load_fail("the server ended a connection");
    if (sent == STREAM_AGAIN) break;
    c->unsent -= (size_t)sent;
    c->sent_at = (c->sent_at + (size_t)sent) % end;
  }
  bool wants_writing = c->unsent > 0;
  if (wants_writing == c->wants_writing) return;
  c->wants_writing = wants_writing;
  watch(c, EPOLL_CTL_MOD);
}

static void send_messages(conn *c, unsigned count) {
  c->unsent += messages.frame_size * count;
  push(c);
}

/* Messages that ended. TLS may hold more than one read gives. */
static unsigned pull(conn *c) {
  unsigned count = 0;
  for (;;) {
    ssize_t size = stream_read(&c->io, receive_buffer, RECEIVE_SIZE);
    if (size == STREAM_AGAIN) return count;
    if (size == STREAM_ENDED) load_fail("the server ended a connection");
    count += are_requests ? requests_read(&c->reader, &messages, (size_t)size)
                          : frames_read(&c->reader, &messages, receive_buffer, (size_t)size);
    if (c->reader.has_closed) load_fail("the server closed a connection");
    if ((size_t)size < RECEIVE_SIZE && c->io.ssl == NULL) return count;
  }
}

/* --- measuring --- */

typedef struct measure {
  double start, began, cpu_began; /* us */
  uint64_t count;
  bool is_warm;
} measure;

static void begin_measure(measure *m) {
  m->is_warm = true;
  m->count = 0;
  m->cpu_began = options.pid != 0 ? process_cpu_us(options.pid) : 0;
  m->began = now_us();
}

static measure start_measure(void) {
  measure m = {.start = now_us()};
  if (options.count > 0) begin_measure(&m);
  return m;
}

/* Counts, and tells whether it is over. */
static bool is_over(measure *m, unsigned count) {
  double now = now_us();
  m->count += count;
  if (options.count > 0) return m->count >= options.count;
  if (!m->is_warm && now - m->start > options.warm * 1e6) begin_measure(m);
  return m->is_warm && now - m->began > options.seconds * 1e6;
}

static void print_result(const measure *m) {
  double cpu = options.pid != 0 ? process_cpu_us(options.pid) - m->cpu_began : 0;
  double wall = now_us() - m->began;
  double count = m->count > 0 ? (double)m->count : 1;
  printf("{\"count\":%llu,\"cpu_us\":%.4f,\"wall_us\":%.4f,\"load\":%.3f}\n",
         (unsigned long long)m->count, cpu / count, wall / count, cpu / wall);
}

/* Polls without sleeping: a processor that is woken for each answer costs the server more. */
static int wait_for_events(struct epoll_event *events) {
  double start = now_us();
  for (;;) {
    int ready = epoll_wait(poller, events, EVENTS, 0);
    if (ready > 0) return ready;
    if (now_us() - start > SILENCE_US) load_fail("the server fell silent");
  }
}

/* One wake-up: calls on_messages for what each connection received and returns the sum. */
static unsigned turn(void (*on_messages)(conn *c, unsigned count)) {
  struct epoll_event events[EVENTS];
  unsigned sum = 0;
  int ready = wait_for_events(events);
  for (int i = 0; i < ready; i++) {
    conn *c = events[i].data.ptr;
    if ((events[i].events & EPOLLOUT) != 0) push(c);
    if ((events[i].events & ~(unsigned)EPOLLOUT) == 0) continue;
    unsigned count = pull(c);
    if (count > 0) on_messages(c, count);
    sum += count;
  }
  return sum;
}

/* --- modes --- */

static void keep_in_flight(void) {
  measure m = start_measure();
  for (int i = 0; i < options.conns; i++) send_messages(&conns[i], (unsigned)options.depth);
  while (!is_over(&m, turn(send_messages))) {
  }
  print_result(&m);
}

static void run_echo(void) {
  open_conns("/echo");
  keep_in_flight();
}

static void run_request(void) {
  are_requests = true;
  requests_make(&messages, &options);
  for (int i = 0; i < options.conns; i++) {
    stream_open(&conns[i].io, &options);
    requests_open(&conns[i].io, &messages);
    watch(&conns[i], EPOLL_CTL_ADD);
  }
  keep_in_flight();
}

static void ignore(conn *c, unsigned count) {
  (void)c;
  (void)count;
}

static void run_publish(void) {
  conn *sender = &conns[options.conns];
  uint64_t round = (uint64_t)options.conns * (uint64_t)options.depth, left = round;
  unsigned count;
  open_conns("/subscribe");
  open_conn(sender, "/publish");
  watch(sender, EPOLL_CTL_ADD);
  measure m = start_measure();
  send_messages(sender, (unsigned)options.depth);
  do {
    count = turn(ignore);
    if (count > left) load_fail("more deliveries than messages");
    left -= count;
    if (left > 0) continue;
    left = round;
    send_messages(sender, (unsigned)options.depth);
  } while (!is_over(&m, count));
  print_result(&m);
}

/* A close frame without a code. */
static void ask_to_close(conn *c) {
  static const uint8_t frame[6] = {0x88, 0x80, 1, 2, 3, 4};
  stream_write_all(&c->io, frame, sizeof frame);
}

/* The server's close frame comes back, then the end of TCP. */
static void await_end(conn *c) {
  size_t size;
  while ((size = stream_read_some(&c->io, receive_buffer, RECEIVE_SIZE)) > 0) {
    frames_read(&c->reader, &messages, receive_buffer, size);
  }
  if (!c->reader.has_closed) load_fail("the server ended without a close frame");
  stream_close(&c->io);
}

/* All connections take each step together, so that the server is busy and not woken for each. */
static void run_churn(void) {
  measure m = start_measure();
  conn *end = conns + options.conns;
  do {
    memset(conns, 0, (size_t)options.conns * sizeof *conns);
    for (conn *c = conns; c < end; c++) stream_open(&c->io, &options);
    for (conn *c = conns; c < end; c++) stream_ask(&c->io, &options, "/echo");
    for (conn *c = conns; c < end; c++) stream_read_answer(&c->io, &options);
    for (conn *c = conns; c < end; c++) ask_to_close(c);
    for (conn *c = conns; c < end; c++) await_end(c);
  } while (!is_over(&m, (unsigned)options.conns));
  print_result(&m);
}

static void run_idle(void) {
  uint64_t before = process_rss(options.pid);
  open_conns("/echo");
  uint64_t after = process_rss(options.pid);
  printf("{\"count\":%d,\"bytes\":%.0f,\"rss\":%llu}\n", options.conns,
         (double)(after - before) / options.conns, (unsigned long long)after);
}

static void run_port(void) {
  printf("%d\n", stream_free_port(&options));
}

static const struct {
  const char *name;
  void (*run)(void);
} modes[] = {{"port", run_port},       {"echo", run_echo},   {"request", run_request},
             {"publish", run_publish}, {"churn", run_churn}, {"idle", run_idle}};

static void raise_file_limit(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int main(int count, char **arguments) {
  load_read_options(&options, count, arguments);
  raise_file_limit();
  frames_make(&messages, &options);
  receive_buffer = malloc(RECEIVE_SIZE);
  conns = calloc((size_t)options.conns + 1, sizeof *conns);
  poller = epoll_create1(0);
  if (receive_buffer == NULL || conns == NULL || poller < 0) load_fail("%s", strerror(errno));
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(options.mode, modes[i].name) != 0) continue;
    modes[i].run();
    return 0;
  }
  load_fail("unknown mode %s", options.mode);
}
