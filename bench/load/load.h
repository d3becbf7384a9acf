/* A load generator for WebSocket servers: one thread, epoll, frames that are made once.
 *
 * It exists to find out what a server costs, so it must cost little itself: it checks heads,
 * lengths and opcodes, not every byte. Linux only. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct load_options {
  const char *mode; /* "port", "echo", "request", "publish", "churn" or "idle" */
  const char *host; /* numeric IPv4 */
  int port;
  int pid;        /* of the server; 0: its cost is not measured */
  int conns;      /* connections at a time */
  int depth;      /* messages in flight on each */
  uint64_t count; /* end after so many messages; 0: after `seconds` */
  size_t size;    /* bytes of a message */
  double seconds, warm;
  bool tls, deflate;
} load_options;

/* Ends the program with a message. */
_Noreturn void load_fail(const char *format, ...);

/* --- options.c --- */

void load_read_options(load_options *options, int count, char **arguments);

/* --- stream.c: bytes over TCP, or TLS over it --- */

typedef struct stream {
  int fd;
  void *ssl; /* NULL: none */
} stream;

enum { STREAM_AGAIN = -1, STREAM_ENDED = -2 };

/* A port that nobody listens on. */
int stream_free_port(const load_options *options);
/* Connects; blocking, so that no server's backlog overflows. Non-blocking from then on. */
void stream_open(stream *s, const load_options *options);
void stream_close(stream *s);
/* Bytes moved, or STREAM_AGAIN, or STREAM_ENDED. */
ssize_t stream_read(stream *s, void *data, size_t size);
ssize_t stream_write(stream *s, const void *data, size_t size);

/* The blocking forms, for the handshakes. */
void stream_write_all(stream *s, const void *data, size_t size);
size_t stream_read_some(stream *s, void *data, size_t size); /* 0: the server ended */
/* The opening handshake of RFC 6455 section 4. */
void stream_ask(stream *s, const load_options *options, const char *path);
void stream_read_answer(stream *s, const load_options *options);

/* --- frames.c --- */

/* `depth` masked frames side by side, all of one size. */
typedef struct frames {
  uint8_t *data;
  size_t frame_size; /* of one, with its head */
  size_t reply_size; /* the payload that an echo must have; SIZE_MAX: any */
} frames;

void frames_make(frames *f, const load_options *options);

/* Cuts a server's frames out of a stream. All zero at the start. */
typedef struct frame_reader {
  uint64_t left; /* bytes of the payload that are still to come */
  uint64_t size; /* of the message so far */
  uint8_t head[10];
  uint8_t head_size;
  bool in_payload, is_final, is_control, has_closed;
} frame_reader;

/* Reads on; returns how many messages ended. Ends the program at a frame no echo may have. */
unsigned frames_read(frame_reader *reader, const frames *f, const uint8_t *data, size_t size);

/* --- requests.c: the same machinery for plain HTTP --- */

/* `depth` requests of /hello side by side. */
void requests_make(frames *f, const load_options *options);
/* For each connection before its first request: finds out how long an answer is. */
void requests_open(stream *s, frames *f);
/* Counts answers, by their length. */
unsigned requests_read(frame_reader *reader, const frames *f, size_t size);

/* --- process.c: what a process costs --- */

double process_cpu_us(int pid); /* so far, all threads */
uint64_t process_rss(int pid);  /* bytes */
double now_us(void);

#endif
