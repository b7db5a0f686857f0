// One exchange through the C interface: the head, the body as slots, the answer.
#include <map>

#include "test/support/capi.h"

namespace ur::test {
namespace {

using CapiExchangeTest = CapiTest;

Fields fields_of(const ur_header* headers, size_t count) {
  Fields fields;
  for (size_t i = 0; i < count; i++) {
    EXPECT_EQ(std::strlen(headers[i].name), headers[i].name_length);
    EXPECT_EQ(std::strlen(headers[i].value), headers[i].value_length);
    fields.emplace_back(headers[i].name, headers[i].value);
  }
  return fields;
}

TEST_F(CapiExchangeTest, TheHeadIsAsTheClientSentIt) {
  const Worker worker = this->worker();
  const UploadHead sent = {.path = "/a/b?c=%20", .method = "PUT"};
  Upload upload(&host(), sent);
  const Taken taken = next(worker);
  const ur_head* head = ur_exchange_head(taken.get());
  EXPECT_STREQ(head->method, "PUT");
  EXPECT_STREQ(head->scheme, "https");
  EXPECT_STREQ(head->authority, "localhost");
  EXPECT_STREQ(head->path, "/a/b?c=%20");
  EXPECT_EQ(head->http_version, 1U);
  EXPECT_EQ(head->status, 0U);
  EXPECT_EQ(fields_of(head->headers, head->header_count), sent.headers);
  EXPECT_STREQ(ur_head_value(head, "host"), "localhost");
  EXPECT_STREQ(ur_head_value(head, "X-TWICE"), "1");
  EXPECT_STREQ(ur_head_value(head, "x-empty"), "");
  EXPECT_EQ(ur_head_value(head, "x-none"), nullptr);
  EXPECT_EQ(ur_reader_head(ur_exchange_request(taken.get())), head);
  EXPECT_EQ(ur_exchange_id(taken.get()), upload.id());
  EXPECT_STREQ(ur_exchange_transport(taken.get()), "test");
  EXPECT_STREQ(ur_exchange_pool(taken.get()), "main");
}

TEST_F(CapiExchangeTest, AnUploadIsReadInPlaceAndAnswered) {
  const Worker worker = this->worker();
  Upload upload(&host());
  Taken taken = next(worker);
  ur_reader* reader = ur_exchange_request(taken.get());
  ur_slot slot;
  EXPECT_EQ(ur_reader_next(reader, 0, &slot), UR_EMPTY);
  upload.send("hello ");
  ASSERT_EQ(ur_reader_next(reader, kPatience, &slot), 1);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(slot.data), slot.length), "hello ");
  EXPECT_EQ(slot.id, 2U);
  EXPECT_GT(slot.timestamp_ns, 0U);
  upload.send("world");
  upload.trailers({{"x-sum", "42"}});
  upload.end();
  std::string rest;
  EXPECT_EQ(ur_reader_next(reader, kPatience, &slot), 1);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(slot.data), slot.length), "world");
  const ur_header* trailers = nullptr;
  EXPECT_EQ(ur_reader_trailers(reader, &trailers), 0U);
  EXPECT_EQ(ur_reader_next(reader, kPatience, &slot), 0);
  EXPECT_EQ(ur_reader_next(reader, 0, &slot), 0) << "the end stays the end";
  ASSERT_EQ(ur_reader_trailers(reader, &trailers), 1U);
  EXPECT_EQ(fields_of(trailers, 1), (Fields{{"x-sum", "42"}}));
  EXPECT_DONE(ur_reader_ack(reader, slot.id));
  EXPECT_EQ(ur_reader_newest(reader), 5U);

  const ur_header headers[] = {{"content-type", "text/plain", 0, 0}, {"x-part", "abcd", 6, 2}};
  ASSERT_DONE(ur_exchange_respond(taken.get(), 201, headers, 2));
  EXPECT_EQ(upload.answer().status, 201) << "at once";
  ur_writer* writer = ur_exchange_response(taken.get());
  EXPECT_EQ(ur_writer_write(writer, "one ", 4, 0), 4);
  EXPECT_EQ(upload.answer().body, "one ") << "at once";
  EXPECT_EQ(ur_writer_append(writer, "two ", 4, 0), 4);
  EXPECT_EQ(upload.answer().body, "one ");
  EXPECT_DONE(ur_writer_flush(writer));
  EXPECT_EQ(upload.answer().body, "one two ");
  void* data = nullptr;
  size_t capacity = 0;
  ASSERT_DONE(ur_writer_reserve(writer, 0, &data, &capacity));
  EXPECT_EQ(capacity, 1024U);
  EXPECT_EQ(capacity, ur_writer_slot_size(writer));
  std::memcpy(data, "three", 5);
  ASSERT_DONE(ur_writer_commit(writer, 5));
  const ur_header sums[] = {{"x-check", "sum", 0, 0}};
  ASSERT_DONE(ur_writer_trailers(writer, sums, 1, 0));
  ASSERT_DONE(ur_writer_end(writer, 0));
  const Answer& answer = upload.answer();
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(answer.body, "one two three");
  EXPECT_EQ(answer.headers, (Fields{{"content-type", "text/plain"}, {"x-part", "ab"}}));
  EXPECT_EQ(answer.trailers, (Fields{{"x-check", "sum"}}));
  EXPECT_FALSE(upload.is_claimed());
  taken.reset();
  EXPECT_TRUE(upload.reclaim());
}

TEST_F(CapiExchangeTest, ABodyLargerThanBothRingsGoesThrough) {
  const Worker worker = this->worker();
  Upload upload(&host());
  std::string sent;
  std::thread echo([&] {
    const Taken taken = next(worker);
    ur_writer* writer = ur_exchange_response(taken.get());
    ASSERT_DONE(ur_exchange_respond(taken.get(), 200, nullptr, 0));
    ur_slot slot;
    int found = 0;
    while ((found = ur_reader_next(ur_exchange_request(taken.get()), kPatience, &slot)) == 1) {
      ASSERT_EQ(ur_writer_write(writer, slot.data, slot.length, kPatience),
                static_cast<int64_t>(slot.length));
      ASSERT_DONE(ur_reader_ack(ur_exchange_request(taken.get()), slot.id));
    }
    ASSERT_EQ(found, 0);
    ASSERT_DONE(ur_writer_end(writer, kPatience));
  });
  ASSERT_TRUE(eventually([&] { return upload.is_claimed(); }));
  ASSERT_TRUE(eventually([&] {  // as the ingress: somebody else reads it by now
    return lane_of(*host().server(), upload.id(), kRequestLane)
               .control->readers[1].owner.load() >> 8 & 0xFF;
  }));
  upload.let_go();
  for (uint32_t i = 0; i < 100; i++) {
    const std::vector<uint8_t> bytes = pattern(1 + i * 37 % 1024, i);
    sent.append(bytes.begin(), bytes.end());
    ASSERT_TRUE(eventually([&] {
      upload.answer();
      return upload.request().write(bytes.data(), static_cast<uint32_t>(bytes.size()),
                                    kSlotBody) == Status::kOk;
    }));
  }
  ASSERT_TRUE(eventually([&] {
    upload.answer();
    return upload.request().end() == Status::kOk;
  }));
  EXPECT_EQ(upload.whole_answer().body, sent);
  echo.join();
  EXPECT_TRUE(upload.reclaim());
}

TEST_F(CapiExchangeTest, AnAnswerWithoutABodyHasNone) {
  const Worker worker = this->worker();
  const std::map<std::string, int> cases = {{"HEAD", 200}, {"POST", 204}, {"PUT", 304}};
  for (const auto& [method, status] : cases) {
    Upload upload(&host(), {.method = method});
    upload.end();
    const Taken taken = next(worker);
    ur_writer* writer = ur_exchange_response(taken.get());
    ASSERT_DONE(ur_exchange_respond(taken.get(), status, nullptr, 0));
    EXPECT_EQ(ur_writer_write(writer, "dropped", 7, 0), 7);
    void* data = nullptr;
    size_t capacity = 0;
    ASSERT_DONE(ur_writer_reserve(writer, 0, &data, &capacity));
    EXPECT_DONE(ur_writer_commit(writer, capacity));
    const ur_header sums[] = {{"x-check", "sum", 0, 0}};
    EXPECT_DONE(ur_writer_trailers(writer, sums, 1, 0));
    ASSERT_DONE(ur_writer_end(writer, 0));
    EXPECT_TRUE(upload.answer().ended);
    EXPECT_EQ(upload.answer().body, "");
    EXPECT_TRUE(upload.answer().trailers.empty());
    upload.close();
  }
}

TEST_F(CapiExchangeTest, ASlotIsGivenBackAndTheNextOneTakenInOneCall) {
  const Worker worker = this->worker();
  Upload upload(&host());
  const Taken taken = next(worker);
  ur_reader* reader = ur_exchange_request(taken.get());
  ur_slot slot;
  EXPECT_EQ(ur_reader_advance(reader, 0, 0, &slot), UR_EMPTY);
  upload.let_go();
  uint64_t given = 0;
  // More than the lane's slots: each one goes with the call that takes the next one.
  for (char c = 'a'; c <= 'z'; c++) {
    upload.send(std::string(1, c));
    ASSERT_EQ(ur_reader_advance(reader, given, kPatience, &slot), 1);
    EXPECT_EQ(*slot.data, static_cast<uint8_t>(c));
    EXPECT_GT(slot.id, given);
    given = slot.id;
  }
  EXPECT_EQ(ur_reader_advance(reader, given + 1, kPatience, &slot), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_reader_advance(reader, given, 0, nullptr), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_reader_advance(nullptr, given, 0, &slot), UR_INVALID_ARGUMENT);
  // It is acknowledged although nothing has come: the lane's eight slots are free.
  EXPECT_EQ(ur_reader_advance(reader, given, 0, &slot), UR_EMPTY);
  EXPECT_EQ(ur_reader_advance(reader, given, 1, &slot), UR_EMPTY);
  for (int i = 0; i < 8; i++) upload.send("x");
  for (int i = 0; i < 8; i++) {
    ASSERT_EQ(ur_reader_advance(reader, given, kPatience, &slot), 1);
    given = slot.id;
  }
  upload.end();
  EXPECT_EQ(ur_reader_advance(reader, given, kPatience, &slot), 0);
  EXPECT_EQ(ur_reader_advance(reader, given, kPatience, &slot), 0) << "the end stays the end";
}

TEST_F(CapiExchangeTest, APinnedSlotStaysBeyondItsAcknowledgement) {
  const Worker worker = this->worker();
  Upload upload(&host());
  Taken taken = next(worker);
  ur_reader* reader = ur_exchange_request(taken.get());
  upload.let_go();
  upload.send("kept");
  ur_slot slot;
  ASSERT_EQ(ur_reader_next(reader, kPatience, &slot), 1);
  EXPECT_DONE(ur_reader_pin(reader, slot.id));
  EXPECT_DONE(ur_reader_pin(reader, slot.id));
  EXPECT_DONE(ur_reader_ack(reader, slot.id));
  for (int i = 0; i < 7; i++) upload.send("more");
  EXPECT_EQ(upload.request().write(reinterpret_cast<const uint8_t*>("x"), 1, kSlotBody),
            Status::kPinned);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(slot.data), slot.length), "kept");
  EXPECT_DONE(ur_reader_unpin(reader, slot.id));
  EXPECT_EQ(upload.request().write(reinterpret_cast<const uint8_t*>("x"), 1, kSlotBody),
            Status::kPinned)
      << "there is one more pin";
  EXPECT_DONE(ur_reader_unpin(reader, slot.id));
  EXPECT_EQ(ur_reader_unpin(reader, slot.id), UR_INVALID_ARGUMENT);
  upload.send("x");
  EXPECT_EQ(ur_reader_pin(reader, slot.id), UR_LAPPED);
  EXPECT_EQ(ur_reader_ack(reader, 100), UR_INVALID_ARGUMENT);
  ASSERT_EQ(ur_reader_next(reader, 0, &slot), 1);
  EXPECT_DONE(ur_reader_pin(reader, slot.id));
  taken.reset();
  EXPECT_TRUE(upload.reclaim()) << "the close gives forgotten pins back";
}

}  // namespace
}  // namespace ur::test
