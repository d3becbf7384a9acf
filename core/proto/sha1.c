#include "sha1.h"

#include <openssl/evp.h>

/* EVP_Digest exists since OpenSSL 1.0 and is not deprecated in 3. A digest that is fetched once and
 * reused would save some 200 ns per handshake, for a context that someone must own. */
bool lw_sha1(uint8_t digest[LW_SHA1_SIZE], const void *data, size_t size) {
  return EVP_Digest(data, size, digest, NULL, EVP_sha1(), NULL) == 1;
}
