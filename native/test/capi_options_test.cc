// Options, versions and errors of the C interface: what needs no server.
#include <cstdlib>

#include "test/support/capi.h"

namespace ur::test {
namespace {

const std::string kSocket = "/tmp/x.sock";

int refused(const ur_worker_options& options) {
  ur_worker* worker = nullptr;
  const int result = ur_worker_new(&options, &worker);
  EXPECT_EQ(worker, nullptr);
  return result;
}

TEST(CapiOptionsTest, WhatIsWrongIsSaid) {
  const ur_worker_options good = options_for(kSocket);
  ur_worker_options given = good;
  given.size = 0;
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  EXPECT_STREQ(ur_error_detail(), "size is not set");
  given.size = SIZE_MAX;
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  given = good;
  given.role = 1;  // an ingress
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  given = good;
  given.flags = 128;
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  given = good;
  given.reserved = 1;
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  given = good;
  given.capacity = 65537;
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  given = good;
  given.observer = "scan";
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT) << "and is no observer";
  given.role = UR_ROLE_OBSERVER;
  given.observer = "a name of more than thirty-one bytes";
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  given = good;
  given.path_count = 1;
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  const char* const paths[] = {nullptr};
  given.paths = paths;
  EXPECT_EQ(refused(given), UR_INVALID_ARGUMENT);
  given = good;
  const std::string long_path(108, 'x');
  given.socket = long_path.c_str();
  EXPECT_EQ(refused(given), UR_INVALID_SOCKET_PATH);
  given.socket = "";
  EXPECT_EQ(refused(given), UR_INVALID_SOCKET_PATH);
  EXPECT_EQ(ur_worker_new(&good, nullptr), UR_INVALID_ARGUMENT);
}

// A program of an older or newer header.
TEST(CapiOptionsTest, StructsMayBeShorterAndLonger) {
  struct Longer {
    ur_worker_options options;
    uint64_t newer[4];
  } longer = {};
  longer.options = options_for(kSocket);
  longer.options.size = sizeof longer;
  EXPECT_NE(made(longer.options), nullptr) << "what it does not use does not matter";
  longer.newer[2] = 1;
  EXPECT_EQ(refused(longer.options), UR_UNSUPPORTED);

  ur_worker_options shorter = options_for(kSocket);
  shorter.size = offsetof(ur_worker_options, transport);
  shorter.accept = reinterpret_cast<int (*)(const ur_head*, void*)>(1);  // behind its end
  const Worker worker = made(shorter);
  ASSERT_NE(worker, nullptr);

  struct {
    ur_worker_info info;
    uint8_t behind[8];
  } room;
  std::memset(&room, 0xEE, sizeof room);
  room.info.size = offsetof(ur_worker_info, in_flight);
  ASSERT_DONE(ur_worker_info_get(worker.get(), &room.info));
  EXPECT_EQ(room.info.index, UINT32_MAX);
  EXPECT_EQ(room.info.capacity, 16U);
  EXPECT_EQ(room.info.in_flight, 0xEEEEEEEEU) << "not beyond the size";
  room.info.size = sizeof room;
  ASSERT_DONE(ur_worker_info_get(worker.get(), &room.info));
  EXPECT_EQ(room.info.connected, 0U);
  EXPECT_EQ(room.behind[0], 0xEE);
  room.info.size = 4;
  EXPECT_EQ(ur_worker_info_get(worker.get(), &room.info), UR_INVALID_ARGUMENT);
}

TEST(CapiOptionsTest, NullIsAnErrorOrNothing) {
  ur_exchange* exchange = nullptr;
  ur_slot slot;
  EXPECT_EQ(ur_worker_attach(nullptr, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_worker_next(nullptr, 0, &exchange), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_worker_fd(nullptr), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_status(nullptr), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_respond(nullptr, 200, nullptr, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_veto(nullptr, 422, ""), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_reader_next(nullptr, 0, &slot), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_reader_ack(nullptr, 1), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_writer_write(nullptr, "x", 1, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_writer_end(nullptr, 0), UR_INVALID_ARGUMENT);
  EXPECT_EQ(ur_exchange_request(nullptr), nullptr);
  EXPECT_EQ(ur_exchange_head(nullptr), nullptr);
  EXPECT_EQ(ur_reader_gap(nullptr), 0U);
  ur_worker_stop(nullptr);
  ur_worker_free(nullptr);
  ur_exchange_close(nullptr);
  ur_reader_close(nullptr);
  ur_writer_close(nullptr);
}

TEST(CapiOptionsTest, ErrorsAreThoseOfTheTable) {
  EXPECT_STREQ(ur_strerror(0), "ok");
  EXPECT_STREQ(ur_error_name(0), "OK");
  EXPECT_STREQ(ur_error_remedy(0), "");
  for (int error = -1; error > -1000; error--) {
    const std::string name = ur_error_name(error);
    EXPECT_STRNE(ur_strerror(error), "");
    EXPECT_EQ(name == "UNKNOWN", std::string(ur_error_remedy(error)).empty()) << name;
  }
  EXPECT_STREQ(ur_error_name(UR_CLIENT_GONE), "CLIENT_GONE");
  EXPECT_STREQ(ur_strerror(17), "an unknown error");
  EXPECT_STREQ(ur_error_name(INT32_MIN), "UNKNOWN");
  EXPECT_EQ(ur_abi_version(), UR_ABI_VERSION);
  EXPECT_STREQ(ur_version(), UR_VERSION);
}

TEST(CapiOptionsTest, TheDetailIsOfTheThreadsLastCall) {
  ur_worker_options given = options_for(kSocket);
  given.flags = 128;
  refused(given);
  EXPECT_STREQ(ur_error_detail(), "flags has an unknown bit");
  std::thread([] { EXPECT_STREQ(ur_error_detail(), ""); }).join();
  const Worker worker = made(options_for(kSocket));
  EXPECT_STREQ(ur_error_detail(), "");
}

TEST(CapiOptionsTest, TheDefaultSocketIsCutToItsRoom) {
  setenv("UR_SOCKET", "/somewhere/else.sock", 1);
  char path[10] = "---------";
  EXPECT_EQ(ur_default_socket(path, sizeof path), 20U);
  EXPECT_STREQ(path, "/somewher");
  EXPECT_EQ(ur_default_socket(nullptr, 0), 20U);
  unsetenv("UR_SOCKET");
}

}  // namespace
}  // namespace ur::test
