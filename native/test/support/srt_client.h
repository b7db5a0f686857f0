// A caller of libsrt's own on loopback, and the listener's options that suit it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <srt/srt.h>

#include <vector>

#include "srt/engine/options.h"
#include "test/support/waiting.h"

namespace ur::test {

using Bytes = std::vector<uint8_t>;

inline SrtListenOptions srt_options(bool file) {
  SrtListenOptions options;
  options.host = "127.0.0.1";
  options.file = file;
  options.high_throughput = true;
  options.receive_buffer_bytes = 8 << 20;
  options.udp_buffer_bytes = 1 << 20;
  // Sanitizers and other tests take their time.
  options.idle_timeout_ms = 30'000;
  return options;
}

// A client, which waits in every call.
class SrtClient {
 public:
  SrtClient(uint16_t port, bool file) : socket_(srt_create_socket()) {
    const SrtListenOptions options = srt_options(file);
    constexpr bool kYes = true;
    constexpr int kWait = 30'000;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_TRUE(set_srt_listener_options(socket_, options));
    EXPECT_TRUE(set_srt_caller_options(socket_, options, file, ""));
    srt_setsockflag(socket_, SRTO_SNDSYN, &kYes, sizeof(kYes));
    srt_setsockflag(socket_, SRTO_RCVSYN, &kYes, sizeof(kYes));
    srt_setsockflag(socket_, SRTO_CONNTIMEO, &kWait, sizeof(kWait));
    EXPECT_EQ(srt_connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0)
        << srt_getlasterror_str();
  }
  SrtClient(const SrtClient&) = delete;
  SrtClient& operator=(const SrtClient&) = delete;
  ~SrtClient() { srt_close(socket_); }
  void send(const Bytes& bytes) {
    for (size_t sent = 0; sent < bytes.size();) {
      const int part = srt_send(socket_, reinterpret_cast<const char*>(bytes.data() + sent),
                                static_cast<int>(bytes.size() - sent));
      ASSERT_GT(part, 0) << srt_getlasterror_str();
      sent += static_cast<size_t>(part);
    }
  }
  // Until the other side's libsrt has everything.
  void deliver() {
    EXPECT_TRUE(eventually([this] {
      size_t blocks = 0;
      size_t bytes = 0;
      return srt_getsndbuffer(socket_, &blocks, &bytes) < 0 || blocks == 0;
    }));
  }
  void leave() {
    deliver();
    srt_close(socket_);
  }

 private:
  int socket_;
};

}  // namespace ur::test
