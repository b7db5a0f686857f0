// One process's presence in one segment: the mapping, and what its threads do in it. Handles share it;
// after detach() nothing touches the mapping any more. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bell.h"
#include "control/session.h"
#include "upload_response.h"

namespace ur::capi {

// ur_worker_options with defaults, and private copies of its strings.
struct Options {
  std::string socket;
  std::string name;
  std::string observer;
  uint32_t role = kRoleResponder;
  uint32_t capacity = 0;
  bool verify = false;
  int64_t from = 0;  // as LaneReader::join
  std::string transport;
  std::string stage;
  std::vector<std::string> paths;
  bool any_path = true;
  int (*accept)(const ur_head*, void*) = nullptr;
  void* context = nullptr;

  bool observes() const { return (role & kRoleObserver) != 0; }
  bool claims() const { return (role & kRoleResponder) != 0; }
};

class Attachment {
 public:
  Attachment(std::shared_ptr<const Options> options, std::shared_ptr<Descriptors> descriptors)
      : options_(std::move(options)), descriptors_(std::move(descriptors)) {}
  ~Attachment() { detach(); }

  // What Session::attach says.
  [[nodiscard]] Status attach(uint32_t capacity, std::string* detail);
  // Ends every call that is inside, and unmaps. Idempotent.
  void detach();

  const Options& options() const { return *options_; }
  Segment* segment() const { return session_.segment(); }
  Bell& bell() { return *bell_; }
  bool stopping() const { return descriptors_->stopping; }
  // Number of the required observer that this worker is, or kNoIndex.
  uint32_t observer() const { return observer_; }
  bool lost() const { return bell_->lost(); }

  std::atomic<uint64_t> missed{0};

 private:
  friend class Call;
  bool enter();
  void leave();

  std::shared_ptr<const Options> options_;
  std::shared_ptr<Descriptors> descriptors_;
  Session session_;
  std::unique_ptr<Bell> bell_;
  uint32_t observer_ = kNoIndex;
  std::atomic<uint32_t> inside_{0};
  std::atomic<bool> open_{false};
  std::mutex mutex_;  // detaching
  std::condition_variable emptied_;
};

// While it lives, the mapping does.
class Call {
 public:
  explicit Call(Attachment* attachment)
      : attachment_(attachment != nullptr && attachment->enter() ? attachment : nullptr) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (attachment_ != nullptr) attachment_->leave();
  }

  // The memory can be touched.
  bool attached() const { return attachment_ != nullptr; }
  // kOk, kDetached or kServerGone.
  Status status() const {
    if (attachment_ == nullptr || attachment_->bell().stopped()) return Status::kDetached;
    return attachment_->lost() ? Status::kServerGone : Status::kOk;
  }

 private:
  Attachment* attachment_;
};

}  // namespace ur::capi
