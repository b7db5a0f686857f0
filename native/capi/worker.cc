#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>

#include "entry.h"
#include "handles.h"
#include "options.h"

using ur::Status;
using ur::capi::Attachment;
using ur::capi::Call;
using ur::capi::code;
using ur::capi::Deadline;
using ur::capi::Descriptors;
using ur::capi::entry;
using ur::capi::Options;

namespace {

constexpr uint64_t kFirstPauseNs = 20'000'000;
constexpr uint64_t kLongestPauseNs = 2'000'000'000;

int wrong(const std::string& detail) {
  ur::capi::set_detail(detail);
  return code(Status::kInvalidArgument);
}

// These pass by themselves when a server comes, or another worker goes.
bool passes(Status status) {
  return status == Status::kServerGone || status == Status::kNoFreeWorker ||
         status == Status::kTimedOut || status == Status::kShuttingDown;
}

// Spread, so that the workers of a restarted server do not all come in one instant.
uint64_t spread(uint64_t pause_ns) {
  return pause_ns / 2 + std::random_device{}() % (pause_ns / 2);
}

Status attach_once(ur_worker* worker, std::string* detail) {
  auto attachment = std::make_shared<Attachment>(worker->options, worker->descriptors);
  uint32_t capacity = 0;
  {
    const std::lock_guard<std::mutex> guard(worker->mutex);
    capacity = worker->capacity;
  }
  const Status status = attachment->attach(capacity, detail);
  if (status != Status::kOk) return status;
  const std::lock_guard<std::mutex> guard(worker->mutex);
  worker->attachment = std::move(attachment);
  return status;
}

void detach(ur_worker* worker) {
  std::shared_ptr<Attachment> attachment;
  {
    const std::lock_guard<std::mutex> guard(worker->mutex);
    attachment.swap(worker->attachment);
  }
  if (attachment != nullptr) attachment->detach();
}

int attach(ur_worker* worker, int timeout_ms) {
  const Deadline deadline(timeout_ms);
  const std::lock_guard<std::mutex> guard(worker->attaching);
  detach(worker);
  for (uint64_t pause_ns = kFirstPauseNs;; pause_ns = std::min(2 * pause_ns, kLongestPauseNs)) {
    if (worker->descriptors->stopping) return code(Status::kShuttingDown);
    std::string detail;
    const Status status = attach_once(worker, &detail);
    ur::capi::set_detail(detail);
    if (!passes(status) || deadline.passed()) return code(status);
    worker->descriptors->pause(deadline.left_ns(spread(pause_ns)));
  }
}

}  // namespace

extern "C" {

int ur_worker_new(const ur_worker_options* given, ur_worker** worker) {
  return entry([&] {
    if (worker == nullptr) return wrong("worker is NULL");
    ur_worker_options defaults;
    ur_worker_options_init(&defaults);
    auto options = std::make_shared<Options>();
    const int result = ur::capi::read_options(given == nullptr ? defaults : *given, options.get());
    if (result != 0) return result;
    auto made = std::make_unique<ur_worker>();
    made->descriptors = std::make_shared<Descriptors>();
    const Status status = made->descriptors->open();
    if (status != Status::kOk) {
      ur::capi::set_detail(ur::errno_text("eventfd"));
      return code(status);
    }
    made->capacity = options->capacity;
    made->options = std::move(options);
    *worker = made.release();
    return 0;
  });
}

int ur_worker_attach(ur_worker* worker, int timeout_ms) {
  return entry(
      [&] { return worker == nullptr ? wrong("worker is NULL") : attach(worker, timeout_ms); });
}

void ur_worker_detach(ur_worker* worker) {
  if (worker == nullptr) return;
  ur::capi::ending([&] {
    const std::lock_guard<std::mutex> guard(worker->attaching);
    detach(worker);
  });
}

void ur_worker_free(ur_worker* worker) {
  ur_worker_detach(worker);
  delete worker;
}

void ur_worker_stop(ur_worker* worker) {
  if (worker == nullptr) return;
  worker->descriptors->stopping = true;
  worker->descriptors->nudge();
  worker->descriptors->raise();
}

int ur_worker_fd(ur_worker* worker) {
  return entry([&] {
    if (worker == nullptr) return wrong("worker is NULL");
    const int fd = worker->descriptors->shown();
    return fd < 0 ? code(Status::kSystem) : fd;
  });
}

int ur_worker_rung(ur_worker* worker, uint64_t* ids, int capacity) {
  return entry([&] {
    if (worker == nullptr || capacity < 0 || (ids == nullptr && capacity > 0)) {
      return code(Status::kInvalidArgument);
    }
    // Lowered first: what comes from here on raises it again.
    worker->descriptors->lower();
    const auto attachment = worker->current();
    const Call call(attachment.get());
    if (!call.attached()) return 0;
    return attachment->bell().with_places([&](ur::capi::Places& places) {
      const uint32_t count = places.take_rung(ids, static_cast<uint32_t>(capacity));
      if (places.has_rung()) worker->descriptors->raise();
      return static_cast<int>(count);
    });
  });
}

int ur_worker_set_capacity(ur_worker* worker, uint32_t capacity) {
  return entry([&] {
    if (worker == nullptr || capacity > ur::capi::kMaxCapacity) return wrong("capacity is above 65536");
    {
      const std::lock_guard<std::mutex> guard(worker->mutex);
      worker->capacity = capacity;
    }
    const auto attachment = worker->current();
    const Call call(attachment.get());
    if (!call.attached()) return 0;
    attachment->bell().with_places(
        [&](ur::capi::Places& places) { places.set_capacity(capacity); });
    attachment->bell().tell_askers();
    return 0;
  });
}

int ur_worker_info_get(ur_worker* worker, ur_worker_info* info) {
  return entry([&] {
    if (worker == nullptr || info == nullptr || info->size < offsetof(ur_worker_info, capacity)) {
      return wrong("size is not set");
    }
    ur_worker_info found = {};
    found.size = info->size;
    found.index = UINT32_MAX;
    const auto attachment = worker->current();
    const Call call(attachment.get());
    if (call.attached()) {
      const ur::Segment& segment = *attachment->segment();
      found.index = segment.self();
      found.connected = call.status() == Status::kOk ? 1 : 0;
      found.missed = attachment->missed.load(std::memory_order_relaxed);
      found.segment_bytes = segment.size();
      std::memcpy(found.boot_uuid, segment.header().boot_uuid, sizeof found.boot_uuid);
      attachment->bell().with_places(
          [&](const ur::capi::Places& places) { found.in_flight = places.in_flight(); });
    }
    {
      const std::lock_guard<std::mutex> guard(worker->mutex);
      found.capacity = worker->capacity;
    }
    std::memcpy(info, &found, std::min(info->size, sizeof found));
    return 0;
  });
}

}  // extern "C"
