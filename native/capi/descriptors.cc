#include "descriptors.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#if defined(__linux__)
#include <sys/eventfd.h>
#endif

namespace ur::capi {

Event::~Event() {
  if (write_ != read_) close(write_);
  if (read_ >= 0) close(read_);
}

bool Event::open() {
#if defined(__linux__)
  read_ = write_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
#else
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) return false;
  for (const int end : ends) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
    fcntl(end, F_SETFL, O_NONBLOCK);
  }
  read_ = ends[0];
  write_ = ends[1];
#endif
  return read_ >= 0;
}

void Event::set() {
  const int saved = errno;  // this may run in a signal handler
  const uint64_t one = 1;
  while (write(write_, &one, sizeof one) < 0 && errno == EINTR) {
  }  // a full one is set
  errno = saved;
}

void Event::clear() {
  uint64_t words[64];
  while (read(read_, words, sizeof words) == sizeof words || errno == EINTR) errno = 0;
}

void Descriptors::pause(uint64_t timeout_ns) {
  pollfd watched = {nudges_.fd(), POLLIN, 0};
  if (poll(&watched, 1, static_cast<int>((timeout_ns + 999'999) / 1'000'000)) > 0) nudges_.clear();
}

int Descriptors::shown() {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (!is_shown()) {
    if (!shown_.open()) return -1;
    is_shown_.store(true, std::memory_order_release);
    raise();  // for what came before anybody could be told
    nudge();  // the keeper sits from now on
  }
  return shown_.fd();
}

void Descriptors::raise() {
  if (is_shown()) shown_.set();
}

void Descriptors::lower() {
  if (is_shown()) shown_.clear();
}

}  // namespace ur::capi
