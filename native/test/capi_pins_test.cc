// Slots that one thread keeps and another one gives back, through the C interface.
#include <atomic>
#include <mutex>
#include <vector>

#include "test/support/capi.h"

namespace ur::test {
namespace {

using CapiPinsTest = CapiTest;

TEST_F(CapiPinsTest, AnotherThreadGivesSlotsBackWhileTheReaderWaits) {
  const Worker worker = this->worker();
  Upload upload(&host());
  Taken taken = next(worker);
  ur_reader* reader = ur_exchange_request(taken.get());
  upload.let_go();

  std::mutex mutex;
  std::vector<uint64_t> kept;
  std::atomic<bool> read{false};
  std::thread other([&] {
    size_t unpinned = 0;
    while (!read || unpinned < 2000) {
      uint64_t id = 0;
      {
        const std::lock_guard<std::mutex> guard(mutex);
        if (!kept.empty()) {
          id = kept.back();
          kept.pop_back();
        }
      }
      if (id == 0) {
        std::this_thread::yield();
        continue;
      }
      EXPECT_DONE(ur_reader_unpin(reader, id));
      unpinned++;
    }
  });
  std::thread client([&] {
    for (int i = 0; i < 2000; i++) {
      EXPECT_TRUE(eventually([&] {
        return upload.request().write(reinterpret_cast<const uint8_t*>("x"), 1, kSlotBody) ==
               Status::kOk;
      }));
    }
  });
  // Each slot is kept: the lane goes on only when the other thread gives them back.
  ur_slot slot;
  for (int i = 0; i < 2000; i++) {
    ASSERT_EQ(ur_reader_next(reader, kPatience, &slot), 1);
    ASSERT_DONE(ur_reader_pin(reader, slot.id));
    ASSERT_DONE(ur_reader_ack(reader, slot.id));
    const std::lock_guard<std::mutex> guard(mutex);
    kept.push_back(slot.id);
  }
  read = true;
  client.join();
  other.join();
  upload.end();
  EXPECT_EQ(ur_reader_next(reader, kPatience, &slot), 0);
}

}  // namespace
}  // namespace ur::test
