/* A kernel that encrypts, for machines whose own does not: it stands in for the calls of socket.c
 * (linked with --wrap) and makes of what is sent the records that Linux would make, with the keys
 * that it was given. So whoever reads them at the other end is a judge that knows nothing of it.
 *
 * It takes as little at a time as a test wants, and like Linux it keeps a record that the socket
 * did not take whole, which kernel_turn then sends. */
#ifndef LW_TEST_KERNEL_FIXTURE_H
#define LW_TEST_KERNEL_FIXTURE_H

#include <errno.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_MAX 16384
#define RECORD_ROOM (RECORD_MAX + 64)

struct kernel_socket {
  int fd;
  bool has_ulp, encrypts;
  const EVP_CIPHER *cipher;
  uint16_t version;
  uint8_t key[32], nonce[12], sequence[8];
  size_t explicit_size; /* of the nonce's end, which goes with each record of TLS 1.2 and GCM */
  uint8_t record[RECORD_ROOM];
  size_t kept_at, kept_size; /* of `record`, not sent yet */
};

static struct kernel {
  struct kernel_socket sockets[2];
  unsigned socket_count;
  int refuses_ulp, refuses_keys; /* with this errno */
  bool is_full;                  /* takes nothing that it is not to encrypt */
  size_t takes;                  /* at most, of one call */
  unsigned asked, started;       /* how often, for each */
  unsigned records[256];         /* by type */
} kernel;

int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
ssize_t __real_send(int fd, const void *data, size_t size, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_sendfile(int fd, int file, off_t *offset, size_t size);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendfile(int fd, int file, off_t *offset, size_t size);

static inline void kernel_reset(void) {
  memset(&kernel, 0, sizeof kernel);
  kernel.takes = SIZE_MAX;
}

static struct kernel_socket *find_socket(int fd) {
  for (unsigned i = 0; i < kernel.socket_count; i++)
    if (kernel.sockets[i].fd == fd) return &kernel.sockets[i];
  return NULL;
}

static int refuse(int error) {
  errno = error;
  return -1;
}

/* --- the keys --- */

static int use_keys(struct kernel_socket *s, const EVP_CIPHER *cipher, const uint8_t *key,
                    const uint8_t *salt, size_t salt_size, const uint8_t *iv,
                    const uint8_t *sequence) {
  s->cipher = cipher;
  memcpy(s->key, key, (size_t)EVP_CIPHER_key_length(cipher));
  memcpy(s->nonce, salt, salt_size);
  memcpy(s->nonce + salt_size, iv, sizeof s->nonce - salt_size);
  memcpy(s->sequence, sequence, sizeof s->sequence);
  s->explicit_size = salt_size > 0 && s->version == TLS_1_2_VERSION ? 8 : 0;
  s->encrypts = true;
  kernel.started++;
  return 0;
}

#define USE(s, keys, cipher)                                                                       \
  use_keys(s, cipher, (keys)->key, (keys)->salt, sizeof(keys)->salt, (keys)->iv, (keys)->rec_seq)

static int set_keys(struct kernel_socket *s, const void *keys, socklen_t size) {
  const struct tls_crypto_info *info = keys;
  if (s == NULL || !s->has_ulp) return refuse(ENOPROTOOPT);
  if (s->encrypts) return refuse(EBUSY);
  if (kernel.refuses_keys != 0) return refuse(kernel.refuses_keys);
  if (info->version != TLS_1_2_VERSION && info->version != TLS_1_3_VERSION) return refuse(EINVAL);
  s->version = info->version;
  if (info->cipher_type == TLS_CIPHER_AES_GCM_128 &&
      size == sizeof(struct tls12_crypto_info_aes_gcm_128))
    return USE(s, (const struct tls12_crypto_info_aes_gcm_128 *)keys, EVP_aes_128_gcm());
  if (info->cipher_type == TLS_CIPHER_AES_GCM_256 &&
      size == sizeof(struct tls12_crypto_info_aes_gcm_256))
    return USE(s, (const struct tls12_crypto_info_aes_gcm_256 *)keys, EVP_aes_256_gcm());
  if (info->cipher_type == TLS_CIPHER_CHACHA20_POLY1305 &&
      size == sizeof(struct tls12_crypto_info_chacha20_poly1305))
    return USE(s, (const struct tls12_crypto_info_chacha20_poly1305 *)keys,
               EVP_chacha20_poly1305());
  return refuse(EINVAL);
}

static int attach(int fd) {
  kernel.asked++;
  if (kernel.refuses_ulp != 0) return refuse(kernel.refuses_ulp);
  if (find_socket(fd) != NULL) return refuse(EEXIST);
  if (kernel.socket_count == 2) abort();
  kernel.sockets[kernel.socket_count++] = (struct kernel_socket){.fd = fd, .has_ulp = true};
  return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
  if (level == IPPROTO_TCP && option == TCP_ULP) return attach(fd);
  if (level == SOL_TLS && option == TLS_TX) return set_keys(find_socket(fd), value, size);
  return __real_setsockopt(fd, level, option, value, size);
}

/* --- records: RFC 5246 section 6.2.3.3, RFC 5288 section 3, RFC 7905, RFC 8446 section 5.2 --- */

static void count_up(uint8_t number[8]) {
  for (int i = 7; i >= 0 && ++number[i] == 0;) i--;
}

static void nonce_of(const struct kernel_socket *s, uint8_t nonce[12]) {
  memcpy(nonce, s->nonce, 12);
  for (int i = 0; i < 8 && s->explicit_size == 0; i++) nonce[4 + i] ^= s->sequence[i];
}

static void put_head(uint8_t *head, uint8_t type, size_t size) {
  head[0] = type;
  head[1] = head[2] = 3;
  head[3] = (uint8_t)(size >> 8);
  head[4] = (uint8_t)size;
}

/* What is authenticated besides; returns its size. */
static int put_additional(const struct kernel_socket *s, uint8_t *to, const uint8_t *head,
                          uint8_t type, size_t size) {
  if (s->version == TLS_1_3_VERSION) {
    memcpy(to, head, 5);
    return 5;
  }
  memcpy(to, s->sequence, 8);
  put_head(to + 8, type, size);
  return 13;
}

static void seal(const struct kernel_socket *s, uint8_t *body, size_t size,
                 const uint8_t *additional, int additional_size) {
  uint8_t nonce[12];
  int done;
  nonce_of(s, nonce);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  bool is_sealed = EVP_EncryptInit_ex(context, s->cipher, NULL, s->key, nonce) == 1 &&
                   EVP_EncryptUpdate(context, NULL, &done, additional, additional_size) == 1 &&
                   EVP_EncryptUpdate(context, body, &done, body, (int)size) == 1 &&
                   EVP_EncryptFinal_ex(context, body + done, &done) == 1 &&
                   EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, body + size) == 1;
  EVP_CIPHER_CTX_free(context);
  if (!is_sealed) abort();
}

static void make_record(struct kernel_socket *s, uint8_t type, const uint8_t *data, size_t size) {
  bool is_13 = s->version == TLS_1_3_VERSION;
  uint8_t *body = s->record + 5 + s->explicit_size, additional[13];
  size_t body_size = size + is_13; /* the type is inside */
  memcpy(s->record + 5, s->nonce + 4, s->explicit_size);
  memcpy(body, data, size);
  body[size] = type;
  put_head(s->record, is_13 ? 23 : type, s->explicit_size + body_size + 16);
  seal(s, body, body_size, additional, put_additional(s, additional, s->record, type, size));
  if (s->explicit_size > 0) count_up(s->nonce + 4);
  count_up(s->sequence);
  kernel.records[type]++;
  s->kept_at = 0;
  s->kept_size = 5 + s->explicit_size + body_size + 16;
}

/* --- sending --- */

/* What is kept of a record; true when nothing is any more. */
static bool send_kept(struct kernel_socket *s) {
  while (s->kept_size > 0) {
    ssize_t sent = __real_send(s->fd, s->record + s->kept_at, s->kept_size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) s->kept_size = 0; /* the peer is gone */
    if (sent < 0) return false;
    s->kept_at += (size_t)sent;
    s->kept_size -= (size_t)sent;
  }
  return true;
}

static inline bool kernel_turn(void) {
  bool is_sent = true;
  for (unsigned i = 0; i < kernel.socket_count; i++) is_sent &= send_kept(&kernel.sockets[i]);
  return is_sent;
}

static ssize_t encrypt(struct kernel_socket *s, uint8_t type, const uint8_t *data, size_t size) {
  size_t taken = 0;
  if (size > kernel.takes) size = kernel.takes;
  while (taken < size && send_kept(s)) {
    size_t piece = size - taken < RECORD_MAX ? size - taken : RECORD_MAX;
    make_record(s, type, data + taken, piece);
    taken += piece;
  }
  send_kept(s);
  return taken > 0 || size == 0 ? (ssize_t)taken : refuse(EAGAIN);
}

static uint8_t type_of(const struct msghdr *message) {
  struct cmsghdr *head = CMSG_FIRSTHDR(message);
  if (head == NULL) return 23;
  if (head->cmsg_level != SOL_TLS || head->cmsg_type != TLS_SET_RECORD_TYPE) abort();
  if (head->cmsg_len != CMSG_LEN(1)) abort();
  return *CMSG_DATA(head);
}

/* As many of the bytes as have room. */
static size_t join(const struct msghdr *message, uint8_t *to, size_t room) {
  size_t size = 0;
  for (size_t i = 0; i < message->msg_iovlen; i++) {
    const struct iovec *piece = &message->msg_iov[i];
    size_t taken = piece->iov_len < room - size ? piece->iov_len : room - size;
    memcpy(to + size, piece->iov_base, taken);
    size += taken;
  }
  return size;
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags) {
  struct kernel_socket *s = find_socket(fd);
  if (s != NULL && s->encrypts) return encrypt(s, 23, data, size);
  if (kernel.is_full) return refuse(EAGAIN);
  return __real_send(fd, data, size, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
  struct kernel_socket *s = find_socket(fd);
  if (s == NULL || !s->encrypts)
    return kernel.is_full ? refuse(EAGAIN) : __real_sendmsg(fd, message, flags);
  static uint8_t data[1u << 20];
  return encrypt(s, type_of(message), data, join(message, data, sizeof data));
}

ssize_t __wrap_sendfile(int fd, int file, off_t *offset, size_t size) {
  static uint8_t data[65536];
  struct kernel_socket *s = find_socket(fd);
  if (s == NULL || !s->encrypts) return __real_sendfile(fd, file, offset, size);
  ssize_t got = pread(file, data, size < sizeof data ? size : sizeof data, *offset);
  return got > 0 ? encrypt(s, 23, data, (size_t)got) : got;
}

#endif
