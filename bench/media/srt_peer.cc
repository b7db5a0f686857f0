// Both ends of an SRT transfer by libsrt alone. --role=sender is the client of every SRT row of the table
// 'media': one connection that sends from memory. --role=sink is what the server is measured against: it
// counts bytes and does nothing else with them, with the options of the server's own engine.
// Lines of JSON on standard output; bench/e2e/media/srt.ts runs both.

#include <arpa/inet.h>
#include <srt/srt.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "srt/engine/options.h"
#include "support/options.h"
#include "support/report.h"

namespace ur::bench {
namespace {

// As the server has them by default.
constexpr int kBufferBytes = 48 << 20;
constexpr int kUdpBufferBytes = 8 << 20;
// Of the sender: so many packets may be on their way.
constexpr int kWindowPackets = 60'000;
// Live mode sends 1 Gbit/s at most unless it is told how fast.
constexpr int64_t kBytesPerSecond = 10'000'000'000;
constexpr size_t kFileWriteBytes = 64 << 10;
constexpr int kConnectMs = 30'000;
// In live mode libsrt does not send the last packets of a window again when they are lost: it leaves that
// to the receiver, which cannot know of them. So the sender goes, and they are counted as lost.
constexpr int kStallMs = 5000;

[[noreturn]] void fail_by_libsrt(const char* what) {
  fail(std::string(what) + ": " + srt_getlasterror_str());
}

void expect(int result, const char* what) {
  if (result == SRT_ERROR) fail_by_libsrt(what);
}

template <typename Value>
void set(int socket, SRT_SOCKOPT option, const Value& value, const char* name) {
  expect(srt_setsockflag(socket, option, &value, sizeof value), name);
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// A socket with the options that the server's engine would give it.
int socket_of(bool file, const std::string& passphrase) {
  SrtListenOptions options;
  options.file = file;
  options.high_throughput = true;
  options.receive_buffer_bytes = kBufferBytes;
  options.udp_buffer_bytes = kUdpBufferBytes;
  const int socket = srt_create_socket();
  if (socket == SRT_INVALID_SOCK) fail_by_libsrt("socket");
  if (!set_srt_listener_options(socket, options) ||
      !set_srt_caller_options(socket, options, file, passphrase)) {
    fail_by_libsrt("options");
  }
  constexpr bool kWait = true;
  set(socket, SRTO_RCVSYN, kWait, "SRTO_RCVSYN");
  set(socket, SRTO_SNDSYN, kWait, "SRTO_SNDSYN");
  return socket;
}

// Of one connection, until its end. Without waiting in srt_recv, which throws away what it has read when
// the connection ends meanwhile.
void count_bytes(int socket) {
  std::vector<char> buffer(size_t{256} << 10);
  const double cpu = cpu_seconds();
  uint64_t bytes = 0;
  uint64_t last_byte_ns = 0;
  const int epoll = srt_epoll_create();
  const int wanted = SRT_EPOLL_IN | SRT_EPOLL_ERR;
  expect(srt_epoll_add_usock(epoll, socket, &wanted), "epoll");
  constexpr bool kNo = false;
  set(socket, SRTO_RCVSYN, kNo, "SRTO_RCVSYN");
  for (;;) {
    const int got = srt_recv(socket, buffer.data(), static_cast<int>(buffer.size()));
    if (got > 0) {
      bytes += static_cast<uint64_t>(got);
      last_byte_ns = monotonic_ns();
      continue;
    }
    if (got == 0 || srt_getlasterror(nullptr) != SRT_EASYNCRCV) break;
    SRT_EPOLL_EVENT ready;
    expect(srt_epoll_uwait(epoll, &ready, 1, -1), "epoll");
  }
  srt_epoll_release(epoll);
  srt_close(socket);
  Report report;
  report.add("bytes", bytes);
  report.add("last_byte_ns", last_byte_ns);
  report.add("cpu_seconds", cpu_seconds() - cpu);
  report.print();
}

// One connection after the other, until standard input ends.
[[noreturn]] void run_sink(bool file, const std::string& passphrase) {
  std::thread([] {
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    _exit(0);
  }).detach();
  const int listener = socket_of(file, passphrase);
  const sockaddr_in any = loopback(0);
  expect(srt_bind(listener, generic(any), sizeof any), "bind");
  expect(srt_listen(listener, 1), "listen");
  sockaddr_in bound{};
  int length = sizeof bound;
  expect(srt_getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &length), "getsockname");
  Report ready;
  ready.add("port", uint64_t{ntohs(bound.sin_port)});
  ready.print();
  for (;;) {
    const int socket = srt_accept(listener, nullptr, nullptr);
    if (socket == SRT_INVALID_SOCK) fail_by_libsrt("accept");
    count_bytes(socket);
  }
}

std::vector<char> read_file(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) fail("cannot read " + path);
  std::vector<char> bytes(size_t{1} << 20);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  if (bytes.empty()) fail(path + " is empty");
  return bytes;
}

// Live mode: stops where libsrt takes no more for a while.
void send_all(int socket, const std::vector<char>& payload, uint64_t total, size_t most) {
  for (uint64_t at = 0; at < total;) {
    const size_t from = static_cast<size_t>(at % payload.size());
    const uint64_t part = std::min<uint64_t>({most, payload.size() - from, total - at});
    const int sent = srt_send(socket, payload.data() + from, static_cast<int>(part));
    if (sent == SRT_ERROR && srt_getlasterror(nullptr) == SRT_ETIMEOUT) return;
    if (sent <= 0) fail_by_libsrt("send");
    at += static_cast<uint64_t>(sent);
  }
}

// Waits until the other side has acknowledged everything, or in live mode nothing more for a while.
// Returns the time of the last acknowledgement.
uint64_t wait_until_acknowledged(int socket, bool file) {
  uint64_t last_ns = monotonic_ns();
  for (size_t before = 0;;) {
    size_t blocks = 0;
    size_t bytes = 0;
    expect(srt_getsndbuffer(socket, &blocks, &bytes), "the connection broke");
    const uint64_t now_ns = monotonic_ns();
    if (blocks != before) last_ns = now_ns;
    before = blocks;
    if (blocks == 0 || (!file && now_ns - last_ns > kStallMs * 1'000'000ULL)) return last_ns;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void run_sender(Options* options, bool file, const std::string& passphrase) {
  const auto port = static_cast<uint16_t>(options->number("port", 0));
  const uint64_t total = options->number("total-bytes", 1 << 20);
  const std::string stream_id = options->text("stream-id", "");
  const std::vector<char> payload = read_file(options->text("payload", ""));
  options->check_all_known();

  const int socket = socket_of(file, passphrase);
  set(socket, SRTO_SNDBUF, kBufferBytes, "SRTO_SNDBUF");
  set(socket, SRTO_FC, kWindowPackets, "SRTO_FC");
  set(socket, SRTO_CONNTIMEO, kConnectMs, "SRTO_CONNTIMEO");
  if (!file) {
    set(socket, SRTO_MAXBW, kBytesPerSecond, "SRTO_MAXBW");
    set(socket, SRTO_SNDTIMEO, kStallMs, "SRTO_SNDTIMEO");
  }
  if (!stream_id.empty()) {
    expect(srt_setsockflag(socket, SRTO_STREAMID, stream_id.data(),
                           static_cast<int>(stream_id.size())),
           "SRTO_STREAMID");
  }
  const sockaddr_in server = loopback(port);
  expect(srt_connect(socket, generic(server), sizeof server), "connect");

  const double cpu = cpu_seconds();
  Report report;
  report.add("begin_ns", monotonic_ns());
  send_all(socket, payload, total, file ? kFileWriteBytes : kMaxSrtMessage);
  report.add("sent_ns", wait_until_acknowledged(socket, file));
  report.add("cpu_seconds", cpu_seconds() - cpu);
  srt_close(socket);
  report.print();
}

}  // namespace
}  // namespace ur::bench

int main(int argc, char** argv) {
  ur::bench::Options options(argc, argv);
  const std::string role = options.text("role", "");
  const bool file = options.number("file", 0) != 0;
  const std::string passphrase = options.text("passphrase", "");
  srt_startup();
  srt_setloglevel(LOG_CRIT);
  if (role == "sink") {
    options.check_all_known();
    ur::bench::run_sink(file, passphrase);
  }
  if (role != "sender") ur::bench::fail("--role=sender or --role=sink");
  ur::bench::run_sender(&options, file, passphrase);
  srt_cleanup();
  return 0;
}
