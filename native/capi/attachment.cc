#include "attachment.h"

#include "core/ingress.h"

namespace ur::capi {

Status Attachment::attach(uint32_t capacity, std::string* detail) {
  SessionOptions options;
  options.socket = options_->socket;
  options.name = options_->name;
  options.role = options_->role;
  options.observer = options_->observer;
  options.capacity = capacity;
  const Status status = session_.attach(options, detail);
  if (status != Status::kOk) return status;
  const std::vector<std::string>& names = segment()->geometry().observers;
  for (uint32_t i = 0; i < names.size() && !options.observer.empty(); i++) {
    if (names[i] == options.observer) observer_ = i;
  }
  bell_ = std::make_unique<Bell>(segment(), &session_, descriptors_.get(), options_->observes(),
                                 capacity);
  bell_->start();
  open_.store(true, std::memory_order_seq_cst);
  return Status::kOk;
}

bool Attachment::enter() {
  // Pairs with detach(): it clears `open_` and then looks at `inside_`.
  inside_.fetch_add(1, std::memory_order_seq_cst);
  if (open_.load(std::memory_order_seq_cst)) return true;
  leave();
  return false;
}

void Attachment::leave() {
  if (inside_.fetch_sub(1, std::memory_order_seq_cst) != 1) return;
  if (open_.load(std::memory_order_seq_cst)) return;
  const std::lock_guard<std::mutex> guard(mutex_);
  emptied_.notify_all();
}

void Attachment::detach() {
  if (!open_.exchange(false, std::memory_order_seq_cst)) return;
  bell_->stop();
  std::unique_lock<std::mutex> lock(mutex_);
  emptied_.wait(lock, [this] { return inside_.load(std::memory_order_seq_cst) == 0; });
  session_.close();
}

}  // namespace ur::capi
