// Servers that are none, and one that has gone mad: a worker is told, or works on; it does not crash.
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <random>

#include "test/support/capi.h"
#include "test/support/sane_copy.h"
#include "test/support/zygote.h"

namespace ur::test {
namespace {

// Accepts one connection and answers with these bytes, and a descriptor if there is one.
class FakeServer {
 public:
  FakeServer(const std::string& bytes, int fd) {
    std::string detail;
    EXPECT_EQ(Status::kOk, listen_unix(socket(), &listener_, &detail)) << detail;
    thread_ = std::thread([this, bytes, fd] {
      pollfd knock = {listener_.fd, POLLIN, 0};
      EXPECT_EQ(1, poll(&knock, 1, kPatience));
      const int peer = accept(listener_.fd, nullptr, nullptr);
      Hello hello = {};
      int none = -1;
      EXPECT_EQ(Status::kOk, receive_with_fd(peer, &hello, sizeof hello, 20'000, &none));
      if (!bytes.empty()) {
        EXPECT_EQ(Status::kOk, send_with_fd(peer, bytes.data(), bytes.size(), fd));
      }
      close(peer);
    });
  }
  ~FakeServer() {
    thread_.join();
    close_listener(&listener_);
  }
  std::string socket() const { return folder_.file("control.sock"); }

 private:
  Folder folder_;
  UnixListener listener_;
  std::thread thread_;
};

int attach_to(const std::string& answer, int fd = -1) {
  FakeServer server(answer, fd);
  const std::string socket = server.socket();
  const Worker worker = made(options_for(socket));
  const int result = ur_worker_attach(worker.get(), 0);
  EXPECT_NE(result, UR_OK);
  EXPECT_EQ(next_error(worker, 0), UR_DETACHED);
  return result;
}

std::string bytes_of(const Welcome& welcome) {
  return std::string(reinterpret_cast<const char*>(&welcome), sizeof welcome);
}

Welcome good_welcome() {
  Welcome welcome = {};
  welcome.magic = kControlMagic;
  welcome.abi_major = kAbiMajor;
  welcome.worker = 1;
  welcome.segment_size = 1 << 20;
  return welcome;
}

TEST(CapiHostileTest, ServersThatAreNoneAreSaidToBe) {
  EXPECT_EQ(attach_to(""), UR_SERVER_GONE);
  EXPECT_EQ(attach_to("HTTP/1.1 400 Bad Request\r\n\r\n"), UR_SERVER_GONE);
  EXPECT_EQ(attach_to(std::string(256, 'x')), UR_INVALID_HANDSHAKE);
  Welcome welcome = good_welcome();
  EXPECT_EQ(attach_to(bytes_of(welcome)), UR_INVALID_HANDSHAKE) << "no segment";
  welcome.status = 5;
  EXPECT_EQ(attach_to(bytes_of(welcome)), UR_INVALID_HANDSHAKE);
  welcome.status = -9999;
  EXPECT_EQ(attach_to(bytes_of(welcome)), UR_INVALID_HANDSHAKE);
  welcome.status = static_cast<int32_t>(Status::kAbiMismatch);
  std::strcpy(welcome.text, "the server speaks another version");
  EXPECT_EQ(attach_to(bytes_of(welcome)), UR_ABI_MISMATCH);
  EXPECT_STREQ(ur_error_detail(), "") << "of this thread's last call, which is another one";
  welcome.status = static_cast<int32_t>(Status::kPermissionDenied);
  EXPECT_EQ(attach_to(bytes_of(welcome)), UR_PERMISSION_DENIED);
}

TEST(CapiHostileTest, FilesThatAreNoSegmentsAreSaidToBe) {
  Welcome welcome = good_welcome();
  const int null = open("/dev/null", O_RDWR);
  EXPECT_EQ(attach_to(bytes_of(welcome), null), UR_INVALID_HANDSHAKE) << "another size";
  close(null);
  MemoryFile file;
  std::string detail;
  ASSERT_OK(file.create(welcome.segment_size, &detail)) << detail;
  ASSERT_OK(file.allocate(0, welcome.segment_size, &detail)) << detail;
  EXPECT_NE(attach_to(bytes_of(welcome), file.fd()), UR_OK) << "only zeros";
}

// Writes random words all over the tables and the slot headers until it goes.
class Scribbler {
 public:
  Scribbler(Segment* segment, uint64_t seed) : random_(seed) {
    const Geometry& geometry = segment->geometry();
    words_ = reinterpret_cast<AtomicU64*>(segment->base() + geometry.worker_table_offset);
    count_ = (geometry.control_size - geometry.worker_table_offset) / 8;
    thread_ = std::thread([this] {
      while (go_) scribble();
    });
  }
  ~Scribbler() {
    go_ = false;
    thread_.join();
  }

 private:
  void scribble() {
    AtomicU64& word = words_[random_() % count_];
    const uint64_t old = word.load(std::memory_order_relaxed);
    word.store(random_() % 2 == 0 ? random_() : old ^ 1ULL << random_() % 64,
               std::memory_order_relaxed);
    // Not so fast that every word is wrong before anything is done with it.
    for (uint64_t i = random_() % 20'000; i > 0; i--) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  }

  std::mt19937_64 random_;
  AtomicU64* words_ = nullptr;
  uint64_t count_ = 0;
  std::atomic<bool> go_{true};
  std::thread thread_;
};

struct Work {
  uint64_t taken = 0;
  uint64_t slots = 0;
};

// Everything that a worker does with a stream; only that it comes back is right.
void work_on(ur_exchange* exchange, Work* done) {
  done->taken++;
  ur_slot slot;
  uint64_t sum = 0;
  ur_reader* reader = ur_exchange_request(exchange);
  for (int i = 0; i < 20 && ur_reader_next(reader, 1, &slot) == 1; i++) {
    EXPECT_LE(slot.length, 1024U);
    for (size_t at = 0; at < slot.length; at++) sum += slot.data[at];
    ur_reader_pin(reader, slot.id);
    ur_reader_ack(reader, slot.id);
    done->slots++;
  }
  ur_reader_newest(reader);
  ur_writer* writer = nullptr;
  ur_exchange_respond(exchange, 200, nullptr, 0);
  ur_writer_write(ur_exchange_response(exchange), &sum, sizeof sum, 1);
  if (ur_exchange_open_writer(exchange, 2, &writer) == UR_OK) {
    ur_writer_write(writer, &sum, sizeof sum, 1);
  }
  ur_exchange_status(exchange);
  ur_exchange_accept(exchange);
  ur_writer_end(ur_exchange_response(exchange), 1);
  ur_exchange_close(exchange);
}

TEST(CapiHostileTest, AWorkerWorksOnWhateverTheServerWrites) {
  std::mt19937_64 random(test_seed());
  const uint64_t end = monotonic_ns() + static_cast<uint64_t>(test_seconds(2) * 1e9);
  Work done;
  for (uint64_t round = 1; round < 20 || monotonic_ns() < end; round++) {
    Server server;
    const std::string socket = server.socket();
    ur_worker_options given = options_for(socket);
    if (round % 3 == 0) given.role = UR_ROLE_OBSERVER;
    if (round % 6 == 0) given.observer = "scan";
    std::vector<std::unique_ptr<Upload>> uploads;
    for (int i = 0; i < 3; i++) {
      uploads.push_back(std::make_unique<Upload>(&server.host()));
      uploads.back()->send("some bytes");
      uploads.back()->send("and more of them");
    }
    const Worker worker = attached(given);
    const SaneCopy sane(*server.segment());
    {
      const Scribbler scribbler(server.segment(), random());
      for (int i = 0; i < 60; i++) {
        // Put right again and again: where every word is wrong, nothing goes far.
        if (i % 4 == 0) sane.put_back();
        ur_exchange* exchange = nullptr;
        if (ur_worker_next(worker.get(), 1, &exchange) == UR_OK) work_on(exchange, &done);
      }
    }
    ur_worker_detach(worker.get());
    server.next(ArbiterEvent::Kind::kDead);
    sane.put_back();
  }
  std::printf("%llu streams taken, %llu slots read\n",
              static_cast<unsigned long long>(done.taken),
              static_cast<unsigned long long>(done.slots));
  EXPECT_GT(done.taken, 0U);
}

}  // namespace
}  // namespace ur::test
