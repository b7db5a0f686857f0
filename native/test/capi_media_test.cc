// Live media through the C interface: late joins at a keyframe, and access units.

#include <vector>

#include "test/support/capi.h"

namespace ur::test {
namespace {

constexpr uint32_t kSlotSize = 1024;

std::string record(uint64_t id, size_t length, bool key = false, int64_t pts = -1,
                   uint32_t track = 0) {
  std::string bytes;
  const auto put = [&](uint64_t value, int count) {
    for (int i = count - 1; i >= 0; i--) bytes.push_back(static_cast<char>(value >> (8 * i)));
  };
  put(0x1b, 1);
  put(track << 1 | (key ? 1 : 0), 1);
  put(id, 8);
  put(id * 40, 8);
  put(static_cast<uint64_t>(pts), 8);
  put(length, 4);
  return bytes + std::string(length, static_cast<char>('a' + id));
}

class CapiMediaTest : public CapiTest {
 protected:
  struct Units {
    explicit Units(const Taken& taken, size_t most = 0) {
      EXPECT_DONE(ur_access_units_new(ur_exchange_request(taken.get()), most, &units));
    }
    Units(const Units&) = delete;
    Units& operator=(const Units&) = delete;
    ~Units() { ur_access_units_free(units); }
    int next(int timeout_ms = kPatience) { return ur_access_units_next(units, timeout_ms, &unit); }
    std::string data() const { return {reinterpret_cast<const char*>(unit.data), unit.length}; }

    ur_access_units* units = nullptr;
    ur_access_unit unit = {};
  };

  Upload& live() {
    upload_ = std::make_unique<Upload>(&host(), UploadHead{.path = "/rtmp/live/a"});
    return *upload_;
  }
  // Writes a slot, and reads it, so that the ring goes round.
  void pass(const Taken& taken, const std::string& body) {
    upload_->send(body);
    ur_slot slot;
    ASSERT_EQ(ur_reader_next(ur_exchange_request(taken.get()), kPatience, &slot), 1);
    ASSERT_DONE(ur_reader_ack(ur_exchange_request(taken.get()), slot.id));
  }
  void keyframe() { ASSERT_OK(upload_->request().begin_keyframe(kHead, sizeof kHead)); }

  // The head of the golden stream in docs/segment-format.md: POST /upload.
  static constexpr uint8_t kHead[] = {
      0x48, 0x50, 0x4b, 0x53, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x01,
      0x01, 0x04, 0x50, 0x4f, 0x53, 0x54, 0x04, 0x68, 0x74, 0x74, 0x70, 0x09, 0x6c, 0x6f, 0x63,
      0x61, 0x6c, 0x68, 0x6f, 0x73, 0x74, 0x07, 0x2f, 0x75, 0x70, 0x6c, 0x6f, 0x61, 0x64, 0x00};
  std::unique_ptr<Upload> upload_;
};

TEST_F(CapiMediaTest, ALateObserverHasTheHeadAndTheNewestKeyframe) {
  live();
  const Worker first = worker();
  const Taken taken = next(first);
  upload_->let_go();
  for (int i = 0; i < 20; i++) pass(taken, "old");
  keyframe();
  pass(taken, "key");
  pass(taken, "delta");
  ur_worker_options given = options();
  given.role = UR_ROLE_OBSERVER;
  given.flags = UR_WORKER_FROM_KEYFRAME;
  const Worker late = attached(given);
  const Taken seen = next(late);
  EXPECT_STREQ(ur_exchange_head(seen.get())->path, "/upload");
  upload_->end();
  std::string body;
  EXPECT_EQ(read_all(ur_exchange_request(seen.get()), &body), 0);
  EXPECT_EQ(body, "keydelta");
}

TEST_F(CapiMediaTest, WhereTheKeyframeHasGoneTheNextIsWaitedFor) {
  live();
  const Worker first = worker();
  const Taken taken = next(first);
  upload_->let_go();
  keyframe();
  for (int i = 0; i < 20; i++) pass(taken, "old");
  ur_reader* reader = nullptr;
  ASSERT_DONE(ur_exchange_open_reader(taken.get(), UR_LANE_REQUEST, UR_FROM_KEYFRAME, &reader));
  ur_slot slot;
  EXPECT_EQ(ur_reader_next(reader, 0, &slot), UR_EMPTY);
  ur_worker_options given = options();
  given.role = UR_ROLE_OBSERVER;
  given.flags = UR_WORKER_FROM_KEYFRAME;
  const Worker late = attached(given);
  EXPECT_EQ(next_error(late, 0), UR_EMPTY);
  pass(taken, "older");
  keyframe();
  pass(taken, "key");
  const Taken seen = next(late);
  for (ur_reader* each : {reader, ur_exchange_request(seen.get())}) {
    ASSERT_EQ(ur_reader_next(each, kPatience, &slot), 1);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(slot.data), slot.length), "key");
    EXPECT_DONE(ur_reader_ack(each, slot.id));
  }
  ur_worker_info info = {};
  info.size = sizeof info;
  ASSERT_DONE(ur_worker_info_get(late.get(), &info));
  EXPECT_EQ(info.missed, 0U);
}

TEST_F(CapiMediaTest, OptionsThatContradictAreRefused) {
  ur_worker* made = nullptr;
  ur_worker_options given = options();
  given.flags = UR_WORKER_FROM_KEYFRAME | UR_WORKER_FROM_NEWEST;
  EXPECT_EQ(ur_worker_new(&given, &made), UR_INVALID_ARGUMENT);
  given.flags = UR_WORKER_FROM_KEYFRAME;
  given.role = UR_ROLE_OBSERVER;
  given.observer = "scan";
  EXPECT_EQ(ur_worker_new(&given, &made), UR_INVALID_ARGUMENT);
}

TEST_F(CapiMediaTest, UnitsOfOneSlotAreWhereTheySaid) {
  Upload& upload = live();
  const Worker worker = this->worker();
  const Taken taken = next(worker);
  Units units(taken);
  EXPECT_EQ(units.next(0), UR_EMPTY);
  upload.send(record(0, 5, true, 80, 127) + record(1, 0, false, -1, 1));
  ASSERT_EQ(units.next(), 1);
  EXPECT_EQ(units.unit.stream_type, 0x1bU);
  EXPECT_EQ(units.unit.key, 1U);
  EXPECT_EQ(units.unit.track, 127U);
  EXPECT_EQ(units.unit.dts, 0);
  EXPECT_EQ(units.unit.pts, 80);
  EXPECT_EQ(units.unit.slot, 2U);
  EXPECT_EQ(units.data(), "aaaaa");
  ASSERT_EQ(units.next(), 1);
  EXPECT_EQ(units.unit.id, 1U);
  EXPECT_EQ(units.unit.key, 0U);
  EXPECT_EQ(units.unit.track, 1U);
  EXPECT_EQ(units.unit.pts, -1);
  EXPECT_EQ(units.data(), "");
  upload.end();
  EXPECT_EQ(units.next(), 0);
  EXPECT_EQ(units.next(), 0);
}

TEST_F(CapiMediaTest, UnitsGoOverTheBordersOfSlots) {
  Upload& upload = live();
  const Worker worker = this->worker();
  const Taken taken = next(worker);
  upload.let_go();
  Units units(taken);
  const std::vector<size_t> sizes = {1, 29, 30, 31, 500, 5 * kSlotSize};
  std::string stream;
  for (size_t id = 0; id < sizes.size(); id++) stream += record(id, sizes[id]);
  uint64_t found = 0;
  size_t part = 1;
  for (size_t at = 0; at < stream.size(); at += part, part = part % 41 + 1) {
    if (at > 700) part = kSlotSize;
    upload.send(stream.substr(at, part));
    int result = 0;
    while ((result = units.next(0)) == 1) {
      EXPECT_EQ(units.unit.id, found);
      EXPECT_EQ(units.data(), std::string(sizes[found], static_cast<char>('a' + found)));
      found++;
    }
    ASSERT_EQ(result, UR_EMPTY);
  }
  EXPECT_EQ(found, sizes.size());
  EXPECT_EQ(units.unit.slot, 0U) << "put together";
}

TEST_F(CapiMediaTest, APinnedUnitStays) {
  Upload& upload = live();
  const Worker worker = this->worker();
  const Taken taken = next(worker);
  upload.let_go();
  Units units(taken);
  upload.send(record(0, 40));
  ASSERT_EQ(units.next(), 1);
  const ur_access_unit kept = units.unit;
  ASSERT_DONE(ur_reader_pin(ur_exchange_request(taken.get()), kept.slot));
  for (uint64_t id = 1; id < 8; id++) {
    upload.send(record(id, 10));
    ASSERT_EQ(units.next(), 1);
  }
  EXPECT_EQ(units.next(0), UR_EMPTY);
  uint8_t* slot = nullptr;
  EXPECT_EQ(upload.request().reserve(&slot), Status::kPinned);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(kept.data), kept.length),
            std::string(40, 'a'));
  ASSERT_DONE(ur_reader_unpin(ur_exchange_request(taken.get()), kept.slot));
  EXPECT_OK(upload.request().reserve(&slot));
}

TEST_F(CapiMediaTest, ACutUnitIsSaidToBeOne) {
  for (const size_t length : {10U, 30U, 35U}) {
    Upload& upload = live();
    const Worker worker = this->worker();
    const Taken taken = next(worker);
    Units units(taken);
    upload.send(record(0, 20) + record(1, 20).substr(0, length));
    upload.end();
    EXPECT_EQ(units.next(), 1);
    EXPECT_EQ(units.next(), UR_ACCESS_UNIT_TRUNCATED) << length;
    EXPECT_EQ(units.next(), UR_ACCESS_UNIT_TRUNCATED) << length;
  }
}

TEST_F(CapiMediaTest, AnImpossibleLengthIsRefusedBeforeItIsBelieved) {
  Upload& upload = live();
  const Worker worker = this->worker();
  const Taken taken = next(worker);
  Units units(taken, 100);
  upload.send(record(0, 100) + record(1, 101));
  EXPECT_EQ(units.next(), 1);
  EXPECT_EQ(units.next(), UR_ACCESS_UNIT_TOO_LARGE);
}

TEST_F(CapiMediaTest, NothingIsAnError) {
  ur_access_unit unit;
  EXPECT_EQ(ur_access_units_new(nullptr, 0, nullptr), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_access_units_next(nullptr, 0, &unit), UR_INVALID_ARGUMENT);
  ur_access_units_free(nullptr);
}

}  // namespace
}  // namespace ur::test
