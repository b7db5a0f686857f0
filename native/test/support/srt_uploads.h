// The engine, and lanes that callers of libsrt's own on loopback fill. For one source file of a test.
#pragma once

#include "srt/engine/engine.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "test/support/host.h"
#include "test/support/srt_client.h"
#include "test/support/waiting.h"

// libsrt is not built with sanitizers: of its atomics TSan sees nothing. What is reported of our own code
// has no frame of its. Lanes that are filled in place have such a test without it (lane_feed_test).
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
const char* __tsan_default_suppressions() { return "race:srt::\ndeadlock:srt::\n"; }

namespace ur::test {

inline constexpr auto kPatience = std::chrono::seconds(60);
inline constexpr uint64_t kNoLimit = UINT64_MAX;

inline SegmentConfig config_of_slots(uint32_t bytes) {
  SegmentConfig config = small_config();
  config.pools[0].slot_size = bytes;
  return config;
}

// One caller's body, and how it ended.
struct Upload {
  Upload(Host& host, uint64_t limit)
      : id(host.open()),
        reader(join(host.worker(1), id, kRequestLane)),
        feed(std::make_shared<LaneFeed>(request_writer(host, id), Bytes{}, limit)) {}

  void take_all() {
    SlotView views[16];
    uint32_t count = 1;
    while (count > 0) {
      EXPECT_OK(reader.tail(views, 16, &count));
      for (uint32_t i = 0; i < count; i++) {
        EXPECT_OK(reader.verify(views[i].id)) << "the hash of slot " << views[i].id;
        bytes.insert(bytes.end(), views[i].data, views[i].data + views[i].length);
        borders.push_back(bytes.size());
      }
    }
    EXPECT_OK(reader.ack(reader.position()));
  }

  uint64_t id;
  LaneReader reader;
  std::shared_ptr<LaneFeed> feed;
  Bytes bytes;
  std::vector<size_t> borders;  // of slots
  int full = 0;
};

class SrtEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string detail;
    const auto notify = [this] {
      const std::lock_guard lock(mutex_);
      notified_ = true;
      changed_.notify_all();
    };
    ASSERT_TRUE(engine_.start(notify, &detail)) << detail;
    ASSERT_TRUE(engine_.listen(srt_options(false), &live_port_, &detail)) << detail;
    ASSERT_TRUE(engine_.listen(srt_options(true), &file_port_, &detail)) << detail;
  }
  void TearDown() override { engine_.close(); }

  // The next event, waited for.
  SrtEvent next() {
    while (events_.empty()) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, kPatience, [this] { return notified_; })) {
        ADD_FAILURE() << "no event came";
        return {SrtEvent::Kind::kBroken};
      }
      notified_ = false;
      lock.unlock();
      events_ = engine_.take_events();
    }
    SrtEvent event = events_.front();
    events_.erase(events_.begin());
    return event;
  }
  // The socket of the next caller.
  int accept() {
    const SrtEvent event = next();
    EXPECT_EQ(event.kind, SrtEvent::Kind::kConnected);
    EXPECT_EQ(event.peer, "127.0.0.1");
    return event.socket;
  }
  // Reads until something other than a full lane is told.
  SrtEvent follow(Upload& upload) {
    for (;;) {
      SrtEvent event = next();
      if (event.kind != SrtEvent::Kind::kFull) {
        upload.take_all();
        return event;
      }
      upload.full++;
      make_room(upload);
      engine_.go_on(event.socket);
    }
  }
  static void make_room(Upload& upload) {
    Status status = Status::kFull;
    while (status == Status::kFull) {
      upload.take_all();
      status = upload.feed->drain();
    }
    EXPECT_OK(status);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
  std::vector<SrtEvent> events_;
  uint16_t live_port_ = 0;
  uint16_t file_port_ = 0;
  SrtEngine engine_;
};

}  // namespace ur::test
