// Both ends of an RTMP transfer at the speed of a socket. --role=sender is the client of every RTMP row of
// the table 'media': it publishes frames that were cut into chunks before the clock starts, each so large
// that its unit has --unit-bytes; --raw=1 sends as many of these bytes without a word of RTMP. It is done
// when the server has said so; --until-close=1: when it has closed the connection after its end, for servers
// that do not answer closeStream. --role=sink is what the server is measured against: it counts the bytes of
// a TCP socket and does nothing else with them. Lines of JSON on standard output; bench/e2e/media/rtmp.ts
// runs both.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "rtmp/chunk_reader.h"
#include "rtmp/wire.h"
#include "support/options.h"
#include "support/report.h"

namespace ur::bench {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kHandshake = 1536;
constexpr size_t kWriteBytes = size_t{256} << 10;
constexpr uint32_t kGroup = 16;  // frames, of which the first is a keyframe
constexpr uint8_t kVideoHead = 5;
constexpr uint32_t kUnitHead = 30;
constexpr uint8_t kStream = 4;
// SPS and PPS, which a keyframe gets before it.
constexpr uint8_t kConfig[] = {0x17, 0, 0, 0, 0, 1, 0x4D, 0x40, 0x1F, 0xFF, 0xE1,
                               0,    2, 0x67, 0xAA, 1, 0, 2, 0x68, 0xEE};
constexpr uint32_t kSetsBytes = 2 * (4 + 2);

void add(Bytes* bytes, std::string_view text) { bytes->insert(bytes->end(), text.begin(), text.end()); }

Bytes message(uint8_t type, uint8_t stream_id, const Bytes& payload, uint32_t chunk_bytes) {
  Bytes bytes(12);
  bytes[0] = kStream;
  write_u32(&bytes[4], static_cast<uint32_t>(payload.size()) << 8 | type);
  bytes[8] = stream_id;
  for (size_t at = 0; at < payload.size(); at += chunk_bytes) {
    if (at > 0) bytes.push_back(0xC0 | kStream);
    const size_t end = std::min(payload.size(), at + chunk_bytes);
    bytes.insert(bytes.end(), payload.begin() + static_cast<ptrdiff_t>(at),
                 payload.begin() + static_cast<ptrdiff_t>(end));
  }
  return bytes;
}

// AMF0
void add_string(Bytes* bytes, std::string_view text) {
  bytes->push_back(2);
  bytes->push_back(0);
  bytes->push_back(static_cast<uint8_t>(text.size()));
  add(bytes, text);
}

// A command with a transaction of 1 and a null; `more` follows.
Bytes command(uint8_t stream_id, std::string_view name, const Bytes& more, uint32_t chunk_bytes) {
  Bytes payload;
  add_string(&payload, name);
  add(&payload, std::string_view("\0\x3F\xF0\0\0\0\0\0\0", 9));
  if (name != "connect") payload.push_back(5);
  payload.insert(payload.end(), more.begin(), more.end());
  return message(rtmp_type::kCommandAmf0, stream_id, payload, chunk_bytes);
}

// A frame whose unit has `unit_bytes`; the NAL unit is the beginning of `content`.
Bytes frame(bool key, uint32_t unit_bytes, uint32_t chunk_bytes, const Bytes& content) {
  const uint32_t nal_bytes = unit_bytes - kUnitHead - 4 - (key ? kSetsBytes : 0);
  Bytes payload(kVideoHead + 4 + nal_bytes);
  payload[0] = key ? 0x17 : 0x27;
  payload[1] = 1;
  write_u32(&payload[kVideoHead], nal_bytes);
  std::copy_n(content.begin(), nal_bytes, payload.begin() + kVideoHead + 4);
  return message(rtmp_type::kVideo, 1, payload, chunk_bytes);
}

Bytes read_file(const std::string& path, size_t least) {
  Bytes bytes(size_t{16} << 20);
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) fail("cannot read " + path);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  if (bytes.size() < least) fail(path + " is shorter than a unit");
  return bytes;
}

void send_all(int socket, const uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(socket, data, std::min(size, kWriteBytes), MSG_NOSIGNAL);
    if (sent <= 0) fail("the connection broke while it was written to");
    data += sent;
    size -= static_cast<size_t>(sent);
  }
}

// So many bytes of `group`, again and again.
void send_raw(int socket, const Bytes& group, uint64_t total) {
  while (total > 0) {
    const auto part = static_cast<size_t>(std::min<uint64_t>(total, group.size()));
    send_all(socket, group.data(), part);
    total -= part;
  }
}

void send_all(int socket, const Bytes& bytes) { send_all(socket, bytes.data(), bytes.size()); }

// Until `text` has come.
void wait_for(int socket, std::string_view text) {
  std::string seen;
  std::vector<char> buffer(65'536);
  while (seen.find(text) == std::string::npos) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) fail("the connection ended before " + std::string(text));
    seen.append(buffer.data(), static_cast<size_t>(got));
  }
}

// Says that nothing more follows, and waits until the other end has read that.
void wait_for_close(int socket) {
  shutdown(socket, SHUT_WR);
  std::vector<char> buffer(65'536);
  while (::recv(socket, buffer.data(), buffer.size(), 0) > 0) {
  }
}

int connect_to(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int made = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("cannot connect");
  }
  const int on = 1;
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

void publish(int socket, uint16_t port, uint32_t chunk_bytes) {
  Bytes hello(1 + kHandshake, 0);
  hello[0] = 3;
  send_all(socket, hello);
  for (size_t left = 1 + 2 * kHandshake; left > 0;) {
    uint8_t buffer[1 + 2 * kHandshake];
    const ssize_t got = ::recv(socket, buffer, left, 0);
    if (got <= 0) fail("the handshake ended too early");
    left -= static_cast<size_t>(got);
  }
  send_all(socket, Bytes(kHandshake, 0));
  Bytes size(4);
  write_u32(size.data(), chunk_bytes);
  send_all(socket, message(rtmp_type::kSetChunkSize, 0, size, 128));
  Bytes app;
  app.push_back(3);
  add(&app, std::string_view("\0\3app", 5));
  add_string(&app, "bench");
  // Every client has it, and node-media-server ends without it.
  add(&app, std::string_view("\0\5tcUrl", 7));
  add_string(&app, "rtmp://127.0.0.1:" + std::to_string(port) + "/bench");
  add(&app, std::string_view("\0\0\x09", 3));
  send_all(socket, command(0, "connect", app, chunk_bytes));
  wait_for(socket, "NetConnection.Connect.Success");
  send_all(socket, command(0, "createStream", {}, chunk_bytes));
  Bytes key;
  add_string(&key, "key");
  add_string(&key, "live");
  send_all(socket, command(1, "publish", key, chunk_bytes));
  wait_for(socket, "NetStream.Publish.Start");
}

// So many units, again and again those of `group`, which end at `ends`. Returns the bytes sent.
uint64_t send_units(int socket, const Bytes& group, const std::vector<size_t>& ends, uint64_t units) {
  uint64_t bytes = 0;
  while (units > 0) {
    const uint64_t part = std::min<uint64_t>(units, kGroup);
    const size_t end = ends[static_cast<size_t>(part) - 1];
    send_all(socket, group.data(), end);
    bytes += end;
    units -= part;
  }
  return bytes;
}

void run_sender(Options* options) {
  const auto port = static_cast<uint16_t>(options->number("port", 0));
  const uint64_t total = options->number("total-bytes", 16 << 20);
  const auto unit_bytes = static_cast<uint32_t>(options->number("unit-bytes", 65'536));
  const auto chunk_bytes = static_cast<uint32_t>(options->number("chunk-bytes", 65'536));
  const bool raw = options->number("raw", 0) != 0;
  const bool until_close = options->number("until-close", 0) != 0;
  const Bytes content = read_file(options->text("payload", ""), unit_bytes);
  options->check_all_known();
  Bytes group;
  std::vector<size_t> ends;
  for (uint32_t i = 0; i < kGroup; i++) {
    const Bytes one = frame(i == 0, unit_bytes, chunk_bytes, content);
    group.insert(group.end(), one.begin(), one.end());
    ends.push_back(group.size());
  }
  const int socket = connect_to(port);
  const Bytes config =
      message(rtmp_type::kVideo, 1, {std::begin(kConfig), std::end(kConfig)}, chunk_bytes);
  const Bytes last = command(1, "closeStream", {}, chunk_bytes);
  if (!raw) {
    publish(socket, port, chunk_bytes);
    send_all(socket, config);
  }
  const double cpu = cpu_seconds();
  Report report;
  report.add("begin_ns", monotonic_ns());
  if (raw) {
    send_raw(socket, group, total);
  } else {
    const uint64_t bytes = send_units(socket, group, ends, total / unit_bytes);
    send_all(socket, last);
    // All of it has been parsed then, and is in the lane.
    if (until_close) {
      wait_for_close(socket);
    } else {
      wait_for(socket, "NetStream.Unpublish.Success");
    }
    report.add("wire_bytes", config.size() + bytes + last.size());
  }
  report.add("sent_ns", monotonic_ns());
  report.add("cpu_seconds", cpu_seconds() - cpu);
  report.print();
  close(socket);
}

// Of one connection, until its end.
void count_bytes(int socket) {
  std::vector<uint8_t> buffer(size_t{128} << 10);  // as the server's engine has it
  const double cpu = cpu_seconds();
  uint64_t bytes = 0;
  uint64_t last_byte_ns = 0;
  for (;;) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    bytes += static_cast<uint64_t>(got);
    last_byte_ns = monotonic_ns();
  }
  close(socket);
  Report report;
  report.add("bytes", bytes);
  report.add("last_byte_ns", last_byte_ns);
  report.add("cpu_seconds", cpu_seconds() - cpu);
  report.print();
}

// One connection after the other, until standard input ends.
[[noreturn]] void run_sink() {
  std::thread([] {
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    _exit(0);
  }).detach();
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, generic, length) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, generic, &length) != 0) {
    fail("cannot listen");
  }
  Report ready;
  ready.add("port", uint64_t{ntohs(address.sin_port)});
  ready.print();
  for (;;) {
    const int socket = accept(listener, nullptr, nullptr);
    if (socket < 0) fail("cannot accept");
    count_bytes(socket);
  }
}

}  // namespace
}  // namespace ur::bench

int main(int argc, char** argv) {
  ur::bench::Options options(argc, argv);
  const std::string role = options.text("role", "");
  if (role == "sink") {
    options.check_all_known();
    ur::bench::run_sink();
  }
  if (role != "sender") ur::bench::fail("--role=sender or --role=sink");
  ur::bench::run_sender(&options);
  return 0;
}
