// Workers through the C interface, beside a server in this process: its control socket is real, and
// each worker has a mapping of its own.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "capi/upload_response.h"
#include "test/support/control.h"
#include "test/support/upload.h"

namespace ur::test {

#define ASSERT_DONE(expression) \
  ASSERT_EQ(UR_OK, static_cast<int>(expression)) << ur_error_detail()
#define EXPECT_DONE(expression) \
  EXPECT_EQ(UR_OK, static_cast<int>(expression)) << ur_error_detail()

constexpr int kPatience = 30'000;  // ms; longer than anything that comes at all

struct FreeWorker {
  void operator()(ur_worker* worker) const { ur_worker_free(worker); }
};
struct CloseExchange {
  void operator()(ur_exchange* exchange) const { ur_exchange_close(exchange); }
};
using Worker = std::unique_ptr<ur_worker, FreeWorker>;
using Taken = std::unique_ptr<ur_exchange, CloseExchange>;

// The options keep a pointer to `socket`.
ur_worker_options options_for(std::string&& socket) = delete;
inline ur_worker_options options_for(const std::string& socket) {
  ur_worker_options options;
  ur_worker_options_init(&options);
  options.socket = socket.c_str();
  options.name = "test worker";
  return options;
}

inline Worker made(const ur_worker_options& options) {
  ur_worker* worker = nullptr;
  EXPECT_DONE(ur_worker_new(&options, &worker));
  return Worker(worker);
}

inline Worker attached(const ur_worker_options& options) {
  Worker worker = made(options);
  EXPECT_DONE(ur_worker_attach(worker.get(), 0));
  return worker;
}

inline Taken next(const Worker& worker, int timeout_ms = kPatience) {
  ur_exchange* exchange = nullptr;
  EXPECT_DONE(ur_worker_next(worker.get(), timeout_ms, &exchange));
  return Taken(exchange);
}

inline int next_error(const Worker& worker, int timeout_ms) {
  ur_exchange* exchange = nullptr;
  const int result = ur_worker_next(worker.get(), timeout_ms, &exchange);
  EXPECT_EQ(exchange, nullptr);
  return result;
}

// Reads the body to its end, and gives every slot back; or what went wrong.
inline int read_all(ur_reader* reader, std::string* body) {
  ur_slot slot;
  int found = 0;
  while ((found = ur_reader_next(reader, kPatience, &slot)) == 1) {
    body->append(reinterpret_cast<const char*>(slot.data), slot.length);
    const int given = ur_reader_ack(reader, slot.id);
    if (given != UR_OK) return given;
  }
  return found;
}

class CapiTest : public ::testing::Test {
 protected:
  CapiTest() : socket_(server_.socket()) {}

  ur_worker_options options() const { return options_for(socket_); }
  Worker worker() const { return attached(options()); }
  Host& host() { return server_.host(); }
  bool all_free() {
    return eventually([this] {
      for (uint32_t s = 0; s < 4; s++) {
        const uint64_t state = host().server()->stream(s).state.load();
        if (stream_state(state) != StreamState::kFree) return false;
      }
      return true;
    });
  }

  Server server_;
  std::string socket_;
};

}  // namespace ur::test
