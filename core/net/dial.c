#include "dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "address.h"
#include "tcp.h"

/* RFC 8305 section 5: the recommended connection attempt delay. */
#define STAGGER_MS 250
/* A name with more addresses than this is not worth more patience. */
#define ADDRESSES_MAX 64
/* "[address]:port: reason; " */
#define TRIED_LINE_MAX 192

/* One address, and the socket while it connects. */
struct attempt {
  lw_dial *dial;
  struct sockaddr_storage address;
  lw__socket socket; /* none before and after */
  int error;
  uv_poll_t poll;
};

struct lw_dial {
  lw_net *net;
  lw_dial_known known; /* NULL once it was called */
  lw_dial_done done;
  void *owner;
  char *host, *path; /* only one, or none when the addresses were given */
  int port;
  struct sockaddr_storage local; /* what to connect from; AF_UNSPEC: the system chooses */

  struct attempt *attempts;
  unsigned count, next; /* those before `next` were started */
  unsigned running;     /* that connect */
  unsigned handles;     /* of libuv that are not closed yet */
  int error;            /* the last one */

  bool is_finished, is_resolving;
  uv_getaddrinfo_t resolve;
  uv_timer_t timer;
};

static struct attempt *of_poll(void *poll) {
  return (struct attempt *)(void *)((char *)poll - offsetof(struct attempt, poll));
}

static lw_dial *of_timer(void *timer) {
  return (lw_dial *)(void *)((char *)timer - offsetof(lw_dial, timer));
}

static lw_dial *of_resolve(uv_getaddrinfo_t *resolve) {
  return (lw_dial *)(void *)((char *)resolve - offsetof(lw_dial, resolve));
}

/* --- the end --- */

static void free_dial(lw_dial *dial) {
  dial->net->live--;
  free(dial->attempts);
  free(dial->host);
  free(dial->path);
  free(dial);
}

static void free_when_idle(lw_dial *dial) {
  if (dial->is_finished && dial->handles == 0 && !dial->is_resolving) free_dial(dial);
}

static void on_timer_closed(uv_handle_t *handle) {
  lw_dial *dial = of_timer(handle);
  dial->handles--;
  free_when_idle(dial);
}

static void on_poll_closed(uv_handle_t *handle) {
  lw_dial *dial = of_poll(handle)->dial;
  dial->handles--;
  free_when_idle(dial);
}

/* The attempt is over: libuv forgets the socket, which is the caller's now. */
static lw__socket take_socket(struct attempt *attempt) {
  lw__socket taken = attempt->socket;
  attempt->socket = LW__SOCKET_NONE;
  attempt->dial->running--;
  uv_close((uv_handle_t *)&attempt->poll, on_poll_closed);
  return taken;
}

/* Lets go of everything. The callbacks that libuv still owes come later and only count down. */
static void finish(lw_dial *dial) {
  dial->is_finished = true;
  if (dial->is_resolving) uv_cancel((uv_req_t *)&dial->resolve);
  for (unsigned i = 0; i < dial->next; i++) {
    struct attempt *attempt = &dial->attempts[i];
    if (attempt->socket != LW__SOCKET_NONE) lw__socket_close(take_socket(attempt));
  }
  uv_close((uv_handle_t *)&dial->timer, on_timer_closed);
}

void lw_dial_cancel(lw_dial *dial) {
  if (!dial->is_finished) finish(dial);
}

static void succeed(lw_dial *dial, lw_transport *t) {
  finish(dial);
  dial->done(dial->owner, t, 0, "");
}

/* --- saying what was tried --- */

static const char *reason(int error) {
  switch (error) {
  case UV_EAI_NONAME:
  case UV_EAI_NODATA:
    return "no such host";
  case UV_EAI_AGAIN:
    return "the name could not be resolved for the moment";
  default:
    return uv_strerror(error);
  }
}

static size_t write_line(const struct attempt *attempt, char *line, size_t size) {
  char text[INET6_ADDRSTRLEN] = "?";
  int port = 0;
  lw__address_text(&attempt->address, text, sizeof text, &port);
  const char *form = strchr(text, ':') != NULL ? "%s[%s]:%d: %s" : "%s%s:%d: %s";
  const char *separator = attempt == attempt->dial->attempts ? "" : "; ";
  const char *why = attempt->socket != LW__SOCKET_NONE ? "no answer" : reason(attempt->error);
  int length = snprintf(line, size, form, separator, text, port, why);
  return length < (int)size ? (size_t)length : size - 1;
}

static char *describe_addresses(const lw_dial *dial) {
  char *text = malloc(dial->next * TRIED_LINE_MAX);
  if (text == NULL) return NULL;
  size_t length = 0;
  for (unsigned i = 0; i < dial->next; i++)
    length += write_line(&dial->attempts[i], text + length, TRIED_LINE_MAX);
  return text;
}

static const char *state_of_name(const lw_dial *dial) {
  if (dial->is_resolving) return "the name is not resolved yet";
  return dial->error == 0 ? "not tried yet" : reason(dial->error);
}

static char *describe_name(const lw_dial *dial) {
  const char *name = dial->path != NULL ? dial->path : dial->host;
  const char *why = state_of_name(dial);
  if (name == NULL) name = "the address"; /* it was given one */
  size_t size = strlen(name) + strlen(why) + sizeof ": ";
  char *text = malloc(size);
  if (text != NULL) snprintf(text, size, "%s: %s", name, why);
  return text;
}

char *lw_dial_tried(const lw_dial *dial) {
  return dial->path == NULL && dial->next > 0 ? describe_addresses(dial) : describe_name(dial);
}

static void fail(lw_dial *dial, int error) {
  dial->error = error;
  char *tried = lw_dial_tried(dial);
  finish(dial);
  dial->done(dial->owner, NULL, error, tried != NULL ? tried : reason(error));
  free(tried);
}

/* --- the race --- */

static void start_next(lw_dial *dial);

static void attempt_failed(struct attempt *attempt, int error) {
  attempt->error = error;
  attempt->dial->error = error;
}

static void on_connected(uv_poll_t *poll, int status, int events) {
  struct attempt *attempt = of_poll(poll);
  lw_dial *dial = attempt->dial;
  lw__socket connected = take_socket(attempt);
  lw_transport *t = NULL;
  int error = lw__socket_error(connected);
  (void)events;
  if (error == 0) error = status;
  if (error == 0)
    t = lw_tcp_new(dial->net, connected, &attempt->address, &error);
  else
    lw__socket_close(connected);
  if (t != NULL) {
    succeed(dial, t);
  } else {
    attempt_failed(attempt, error);
    start_next(dial);
  }
}

/* What is to be done to a socket before it connects. */
static int prepare(const struct attempt *attempt, lw__socket s) {
  const struct sockaddr_storage *local = &attempt->dial->local;
  if (attempt->address.ss_family == AF_UNIX) return 0;
  lw__socket_keep_alive(s);
  if (local->ss_family == AF_UNSPEC) return 0;
  if (local->ss_family != attempt->address.ss_family) return UV_EAFNOSUPPORT;
  return lw__socket_bind(s, local);
}

static int connect_attempt(struct attempt *attempt) {
  lw__socket connecting;
  int error = lw__socket_open(&connecting, attempt->address.ss_family);
  if (error != 0) return error;
  error = prepare(attempt, connecting);
  if (error == 0) error = lw__socket_connect(connecting, &attempt->address);
  if (error == 0) error = uv_poll_init_socket(attempt->dial->net->uv, &attempt->poll, connecting);
  if (error != 0) {
    lw__socket_close(connecting);
    return error;
  }
  attempt->socket = connecting;
  attempt->dial->handles++;
  uv_poll_start(&attempt->poll, UV_WRITABLE, on_connected);
  return 0;
}

static bool start_attempt(struct attempt *attempt) {
  int error = connect_attempt(attempt);
  if (error == 0)
    attempt->dial->running++;
  else
    attempt_failed(attempt, error);
  return error == 0;
}

/* The addresses are known, and it is time to try the first or the next of them. */
static void go_on(lw_dial *dial) {
  lw_dial_known known = dial->known;
  dial->known = NULL;
  if (known != NULL)
    known(dial->owner);
  else
    start_next(dial);
}

static void on_timer(uv_timer_t *timer) {
  go_on(of_timer(timer));
}

/* Starts the next address that can be started; fails when that was the last and none is left. */
static void start_next(lw_dial *dial) {
  uv_timer_stop(&dial->timer);
  while (dial->next < dial->count) {
    if (!start_attempt(&dial->attempts[dial->next++])) continue;
    if (dial->next < dial->count) uv_timer_start(&dial->timer, on_timer, STAGGER_MS, 0);
    return;
  }
  if (dial->running == 0) fail(dial, dial->error);
}

static int set_addresses(lw_dial *dial, const struct sockaddr_storage *addresses, unsigned count) {
  dial->attempts = calloc(count, sizeof *dial->attempts);
  if (dial->attempts == NULL) return UV_ENOMEM;
  for (unsigned i = 0; i < count; i++) {
    dial->attempts[i].dial = dial;
    dial->attempts[i].socket = LW__SOCKET_NONE;
    dial->attempts[i].address = addresses[i];
  }
  dial->count = count;
  return 0;
}

/* --- resolving --- */

static int use_list(lw_dial *dial, const struct addrinfo *list) {
  struct sockaddr_storage addresses[ADDRESSES_MAX];
  unsigned count = lw__address_interleave(list, dial->port, addresses, ADDRESSES_MAX);
  return count == 0 ? UV_EAI_NODATA : set_addresses(dial, addresses, count);
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *list) {
  lw_dial *dial = of_resolve(resolve);
  dial->is_resolving = false;
  if (dial->is_finished) {
    uv_freeaddrinfo(list);
    free_when_idle(dial);
    return;
  }
  int error = status == 0 ? use_list(dial, list) : status;
  uv_freeaddrinfo(list);
  if (error != 0)
    fail(dial, error);
  else
    go_on(dial);
}

static int start_resolving(lw_dial *dial) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  int error = uv_getaddrinfo(dial->net->uv, &dial->resolve, on_resolved, dial->host, NULL, &hints);
  dial->is_resolving = error == 0;
  return error;
}

/* --- starting --- */

/* Connecting begins in the loop's next turn, so that `done` never comes from inside lw_dial_start.
 */
static void start_soon(lw_dial *dial) {
  uv_timer_start(&dial->timer, on_timer, 0, 0);
}

void lw_dial_go(lw_dial *dial) {
  start_soon(dial);
}

unsigned lw_dial_count(const lw_dial *dial) {
  return dial->count;
}

int lw_dial_address(const lw_dial *dial, unsigned index, char *text, size_t size, int *port) {
  return lw__address_text(&dial->attempts[index].address, text, size, port);
}

bool lw_dial_numeric(const char *host, char *text, size_t size) {
  struct sockaddr_storage address;
  int port;
  return lw__address_parse(host, 0, &address) && lw__address_text(&address, text, size, &port) == 0;
}

static char *copy_text(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static int start_host(lw_dial *dial, const lw_dial_target *target) {
  struct sockaddr_storage numeric;
  if (target->host == NULL || target->host[0] == '\0') return UV_EINVAL;
  if (target->port < 0 || target->port > 65535) return UV_EINVAL;
  if (target->local != NULL && !lw__address_parse(target->local, 0, &dial->local)) {
    return UV_EINVAL;
  }
  dial->port = target->port;
  dial->host = copy_text(target->host);
  if (dial->host == NULL) return UV_ENOMEM;
  if (!lw__address_parse(target->host, target->port, &numeric)) return start_resolving(dial);
  int error = set_addresses(dial, &numeric, 1);
  if (error == 0) start_soon(dial);
  return error;
}

static int start_path(lw_dial *dial, const char *path) {
  struct sockaddr_storage address = {0};
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length >= sizeof name.sun_path) return UV_ENAMETOOLONG;
  dial->path = copy_text(path);
  if (dial->path == NULL) return UV_ENOMEM;
  memcpy(name.sun_path, path, length);
  memcpy(&address, &name, sizeof name);
  int error = set_addresses(dial, &address, 1);
  if (error == 0) start_soon(dial);
  return error;
}

static lw_dial *new_dial(lw_net *net, lw_dial_done done, void *owner) {
  lw_dial *dial = calloc(1, sizeof *dial);
  if (dial == NULL) return NULL;
  dial->net = net;
  dial->done = done;
  dial->owner = owner;
  uv_timer_init(net->uv, &dial->timer);
  dial->handles = 1;
  net->live++;
  return dial;
}

/* Hands it out, or lets it go when it could not start. */
static int started(lw_dial **result, lw_dial *dial, int error) {
  if (error != 0)
    finish(dial);
  else
    *result = dial;
  return error;
}

int lw_dial_start(lw_dial **result, lw_net *net, const lw_dial_target *target, lw_dial_done done,
                  void *owner) {
  lw_dial *dial = new_dial(net, done, owner);
  if (dial == NULL) return UV_ENOMEM;
  dial->known = target->known;
  int error = target->path != NULL ? start_path(dial, target->path) : start_host(dial, target);
  return started(result, dial, error);
}

int lw__dial_start_addresses(lw_dial **result, lw_net *net,
                             const struct sockaddr_storage *addresses, unsigned count,
                             lw_dial_done done, void *owner) {
  if (count == 0) return UV_EINVAL;
  lw_dial *dial = new_dial(net, done, owner);
  if (dial == NULL) return UV_ENOMEM;
  int error = set_addresses(dial, addresses, count);
  if (error == 0) start_soon(dial);
  return started(result, dial, error);
}
