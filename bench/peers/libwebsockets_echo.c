/* An echo server on libwebsockets, to be measured beside ours: libwebsockets_echo PORT. With
 * DEFLATE, TLS_CERT and TLS_KEY in the environment it compresses and encrypts.
 *
 * cc -O3 -o libwebsockets_echo libwebsockets_echo.c -lwebsockets */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_SIZE (64 * 1024)

/* One message at a time: the next is not read before this one is sent. */
struct echo {
  unsigned char *message; /* behind LWS_PRE bytes that libwebsockets writes the frame head into */
  size_t size, capacity;
  int is_binary, is_whole;
};

static int append(struct echo *echo, const void *data, size_t size) {
  if (echo->size + size > echo->capacity) {
    size_t capacity = (echo->size + size) * 2;
    unsigned char *grown = realloc(echo->message, LWS_PRE + capacity);
    if (grown == NULL) return -1;
    echo->message = grown;
    echo->capacity = capacity;
  }
  memcpy(echo->message + LWS_PRE + echo->size, data, size);
  echo->size += size;
  return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                    size_t size) {
  struct echo *echo = user;
  switch (reason) {
  case LWS_CALLBACK_RECEIVE:
    if (append(echo, data, size) != 0) return -1;
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0) break;
    echo->is_binary = lws_frame_is_binary(wsi);
    echo->is_whole = 1;
    lws_rx_flow_control(wsi, 0);
    lws_callback_on_writable(wsi);
    break;
  case LWS_CALLBACK_SERVER_WRITEABLE:
    if (!echo->is_whole) break;
    echo->is_whole = 0;
    if (lws_write(wsi, echo->message + LWS_PRE, echo->size,
                  echo->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < 0) {
      return -1;
    }
    echo->size = 0;
    lws_rx_flow_control(wsi, 1);
    break;
  case LWS_CALLBACK_CLOSED:
    free(echo->message);
    echo->message = NULL;
    break;
  default:
    break;
  }
  return 0;
}

int main(int argc, char **argv) {
  static const struct lws_protocols protocols[] = {{.name = "echo",
                                                    .callback = on_event,
                                                    .per_session_data_size = sizeof(struct echo),
                                                    .rx_buffer_size = RECEIVE_SIZE},
                                                   {.name = NULL}};
  struct lws_context_creation_info info = {.port = argc > 1 ? atoi(argv[1]) : 9002,
                                           .protocols = protocols,
                                           .iface = "lo",
                                           .pt_serv_buf_size = RECEIVE_SIZE};
  static const struct lws_extension extensions[] = {
      {"permessage-deflate", lws_extension_callback_pm_deflate,
       "permessage-deflate; client_no_context_takeover; server_no_context_takeover"},
      {NULL, NULL, NULL}};
  if (getenv("DEFLATE") != NULL) info.extensions = extensions;
  if (getenv("TLS_CERT") != NULL) {
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = getenv("TLS_CERT");
    info.ssl_private_key_filepath = getenv("TLS_KEY");
  }
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context *context = lws_create_context(&info);
  if (context == NULL) return 1;
  while (lws_service(context, 0) >= 0) continue;
  lws_context_destroy(context);
  return 0;
}
