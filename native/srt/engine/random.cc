// libsrt-gnutls.a takes AES from nettle, and one function from GnuTLS: this is it, so that neither
// library has to be installed where the addon is loaded.
#include <errno.h>
#include <sys/random.h>

#include <cstddef>
#include <cstdint>

extern "C" int gnutls_rnd(int /*level*/, void* data, size_t length) {
  auto* bytes = static_cast<uint8_t*>(data);
  while (length > 0) {
    const ssize_t got = getrandom(bytes, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return -1;
    bytes += got;
    length -= static_cast<size_t>(got);
  }
  return 0;
}
