// What cannot be written, through the C interface.
#include "test/support/capi.h"

namespace ur::test {
namespace {

using CapiWritingTest = CapiTest;

TEST_F(CapiWritingTest, WhatIsWrittenWronglyIsRefused) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  ur_exchange* exchange = taken.get();
  ur_writer* writer = ur_exchange_response(exchange);
  EXPECT_EQ(ur_writer_write(writer, "x", 1, 0), UR_INVALID_ARGUMENT) << "no head yet";
  EXPECT_STRNE(ur_error_detail(), "");
  EXPECT_EQ(ur_writer_end(writer, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_respond(exchange, 101, nullptr, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_respond(exchange, 600, nullptr, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_respond(exchange, 200, nullptr, 1), UR_INVALID_ARGUMENT);
  const ur_header no_name[] = {{nullptr, "x", 0, 0}};
  EXPECT_EQ(ur_exchange_respond(exchange, 200, no_name, 1), UR_INVALID_ARGUMENT);
  const ur_header bad_name[] = {{"a b", "x", 0, 0}};
  EXPECT_EQ(ur_exchange_respond(exchange, 200, bad_name, 1), UR_HPKS_BAD_HEADER_NAME);
  const ur_header bad_value[] = {{"a", "x\r\ny: z", 0, 0}};
  EXPECT_EQ(ur_exchange_respond(exchange, 200, bad_value, 1), UR_HPKS_BAD_HEADER_VALUE);
  const std::string large(1024, 'x');
  const ur_header too_large[] = {{"a", large.c_str(), 0, 0}};
  EXPECT_EQ(ur_exchange_respond(exchange, 200, too_large, 1), UR_SLOT_TOO_LARGE);
  const ur_header endless[] = {{"a", "x", 0, SIZE_MAX / 2}};
  EXPECT_EQ(ur_exchange_respond(exchange, 200, endless, 1), UR_SLOT_TOO_LARGE);
  EXPECT_EQ(upload.answer().status, 0) << "nothing of it was written";
  ASSERT_DONE(ur_exchange_respond(exchange, 200, nullptr, 0));
  EXPECT_EQ(ur_exchange_respond(exchange, 200, nullptr, 0), UR_LANE_ENDED);
  EXPECT_EQ(ur_writer_commit(writer, 1), UR_INVALID_ARGUMENT);
  void* data = nullptr;
  size_t capacity = 0;
  ASSERT_DONE(ur_writer_reserve(writer, 0, &data, &capacity));
  EXPECT_EQ(ur_writer_write(writer, "x", 1, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_writer_commit(writer, capacity + 1), UR_SLOT_TOO_LARGE);
  EXPECT_DONE(ur_writer_commit(writer, 0));
  EXPECT_EQ(ur_writer_write(writer, "x", 1, 0), 1);
  ASSERT_DONE(ur_writer_end(writer, 0));
  EXPECT_EQ(ur_writer_write(writer, "x", 1, 0), UR_LANE_ENDED);
  EXPECT_EQ(ur_writer_end(writer, 0), UR_LANE_ENDED);
  EXPECT_EQ(ur_writer_fail(writer, UR_WORKER_FAILED), UR_LANE_ENDED);
  EXPECT_EQ(upload.answer().body, "x");
}

TEST_F(CapiWritingTest, AFullLaneTakesWhatItCan) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  ur_writer* writer = ur_exchange_response(taken.get());
  ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
  const std::string body(20 * 1024, 'b');
  EXPECT_EQ(ur_writer_write(writer, body.data(), body.size(), 0), 7 * 1024);
  EXPECT_EQ(ur_writer_write(writer, body.data(), body.size(), 1), UR_FULL);
  void* data = nullptr;
  size_t capacity = 0;
  EXPECT_EQ(ur_writer_reserve(writer, 0, &data, &capacity), UR_FULL);
  EXPECT_EQ(ur_writer_end(writer, 0), UR_FULL);
  upload.answer();
  ASSERT_DONE(ur_writer_end(writer, 0));
  EXPECT_EQ(upload.answer().body.size(), 7U * 1024);
}

}  // namespace
}  // namespace ur::test
