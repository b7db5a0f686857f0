// NativeReader, NativeWriter and NativeLaneFeed of src/native. JS thread only.
#pragma once

#include <napi.h>

#include <memory>

#include "core/lane_reader.h"
#include "core/lane_writer.h"
#include "feed/lane_feed.h"
#include "attachment.h"

namespace ur::node {

class ReaderObject : public Napi::ObjectWrap<ReaderObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ReaderObject(const Napi::CallbackInfo& info);
  ~ReaderObject() override;
  // Takes over a joined reader.
  void take(std::shared_ptr<Attachment> attachment, const LaneReader& reader);

 private:
  Napi::Value last(const Napi::CallbackInfo& info);
  Napi::Value position(const Napi::CallbackInfo& info);
  Napi::Value cursor(const Napi::CallbackInfo& info);
  Napi::Value gap(const Napi::CallbackInfo& info);
  Napi::Value tail(const Napi::CallbackInfo& info);
  Napi::Value ack(const Napi::CallbackInfo& info);
  Napi::Value pin(const Napi::CallbackInfo& info);
  Napi::Value unpin(const Napi::CallbackInfo& info);
  Napi::Value verify(const Napi::CallbackInfo& info);
  Napi::Value park(const Napi::CallbackInfo& info);
  void leave(const Napi::CallbackInfo& info);
  bool open() const { return attachment_ && attachment_->open(); }

  std::shared_ptr<Attachment> attachment_;
  LaneReader reader_;
};

class WriterObject : public Napi::ObjectWrap<WriterObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit WriterObject(const Napi::CallbackInfo& info);
  ~WriterObject() override;
  void take(std::shared_ptr<Attachment> attachment, const LaneWriter& writer);

 private:
  Napi::Value last(const Napi::CallbackInfo& info);
  Napi::Value slots(const Napi::CallbackInfo& info);
  Napi::Value slot_size(const Napi::CallbackInfo& info);
  Napi::Value append(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value write(const Napi::CallbackInfo& info);
  Napi::Value reserve(const Napi::CallbackInfo& info);
  Napi::Value commit(const Napi::CallbackInfo& info);
  Napi::Value begin_keyframe(const Napi::CallbackInfo& info);
  Napi::Value end(const Napi::CallbackInfo& info);
  Napi::Value park(const Napi::CallbackInfo& info);
  Napi::Value blockers(const Napi::CallbackInfo& info);
  Napi::Value fail(const Napi::CallbackInfo& info);
  Napi::Value release(const Napi::CallbackInfo& info);
  Napi::Value lend(const Napi::CallbackInfo& info);
  void take_back(const Napi::CallbackInfo& info);
  void end_loan();
  bool open() const { return attachment_ && attachment_->open() && !lent_; }

  std::shared_ptr<Attachment> attachment_;
  LaneWriter writer_;
  std::shared_ptr<LaneFeed> lent_;  // who writes meanwhile; then nothing here does
};

class FeedObject : public Napi::ObjectWrap<FeedObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit FeedObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {}
  void take(std::shared_ptr<LaneFeed> feed) { feed_ = std::move(feed); }
  const std::shared_ptr<LaneFeed>& feed() const { return feed_; }

 private:
  Napi::Value bytes(const Napi::CallbackInfo& info);
  Napi::Value last(const Napi::CallbackInfo& info);
  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value park(const Napi::CallbackInfo& info);
  Napi::Value blockers(const Napi::CallbackInfo& info);

  std::shared_ptr<LaneFeed> feed_;
};

}  // namespace ur::node
