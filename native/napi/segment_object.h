// NativeSegment of src/native/addon.ts. JS thread only.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "attachment.h"

namespace ur::node {

// Constructors of this environment.
struct AddonData {
  Napi::FunctionReference segment;
  Napi::FunctionReference reader;
  Napi::FunctionReference writer;
  Napi::FunctionReference feed;
};

class SegmentObject : public Napi::ObjectWrap<SegmentObject> {
 public:
  static Napi::Function define(Napi::Env env);
  // Wraps an attachment that has just been made.
  static Napi::Object wrap(Napi::Env env, std::shared_ptr<Attachment> attachment);
  explicit SegmentObject(const Napi::CallbackInfo& info);
  ~SegmentObject() override;

 private:
  using Info = Napi::CallbackInfo;

  // segment_object.cc: the attachment itself
  Napi::Value worker(const Info& info);
  Napi::Value windows(const Info& info);
  Napi::Value renew_window(const Info& info);
  Napi::Value describe(const Info& info);
  Napi::Value on_wake(const Info& info);
  Napi::Value take_signals(const Info& info);
  Napi::Value connected(const Info& info);
  Napi::Value set_ref(const Info& info);
  Napi::Value heartbeat(const Info& info);
  Napi::Value arbiter(const Info& info);
  Napi::Value close(const Info& info);

  // segment_streams.cc: what any process does with streams
  Napi::Value stream_at(const Info& info);
  Napi::Value is_open(const Info& info);
  Napi::Value abort_code(const Info& info);
  Napi::Value transport_of(const Info& info);
  Napi::Value pool_of(const Info& info);
  Napi::Value last_of(const Info& info);
  Napi::Value reader_count(const Info& info);
  Napi::Value readers_of(const Info& info);
  Napi::Value owner_of(const Info& info);
  Napi::Value failure_of(const Info& info);
  Napi::Value claimant_of(const Info& info);
  Napi::Value is_whole(const Info& info);
  Napi::Value wait_for_streams(const Info& info);
  Napi::Value list_streams(const Info& info);
  Napi::Value pass_on(const Info& info);
  Napi::Value copy_slot(const Info& info);
  Napi::Value watch(const Info& info);
  Napi::Value join(const Info& info);
  Napi::Value keyframe(const Info& info);
  Napi::Value claim(const Info& info);
  Napi::Value hold_verdict(const Info& info);
  Napi::Value give_verdict(const Info& info);

  // segment_ingress.cc: the server's own
  Napi::Value open_stream(const Info& info);
  Napi::Value request_writer(const Info& info);
  Napi::Value announce(const Info& info);
  Napi::Value announce_all(const Info& info);
  Napi::Value abort(const Info& info);
  Napi::Value close_stream(const Info& info);
  Napi::Value reclaim(const Info& info);
  Napi::Value requeue(const Info& info);
  Napi::Value verdicts(const Info& info);
  Napi::Value evict(const Info& info);
  Napi::Value kill(const Info& info);
  Napi::Value take_events(const Info& info);

  // segment_view.cc: what inspect and top show
  Napi::Value workers(const Info& info);
  Napi::Value streams(const Info& info);
  Napi::Value set_aside_count(const Info& info);
  Napi::Value worker_name(const Info& info);

  bool open() const { return attachment_ && attachment_->open(); }
  Segment* segment() const { return attachment_->segment; }
  // The lane that (id, lane) of the arguments name; kDetached when closed.
  [[nodiscard]] Status lane_of(const Info& info, LaneRef* lane) const;
  [[nodiscard]] Status ingress_ready() const;
  Napi::Value writer_for(Napi::Env env, const LaneRef& lane, uint64_t token);
  void make_windows(Napi::Env env);
  Napi::ArrayBuffer make_window(Napi::Env env, uint32_t index);
  void shut();

  std::shared_ptr<Attachment> attachment_;
  std::shared_ptr<Addresses> addresses_;
  Napi::Reference<Napi::Array> windows_;
};

// segment_view.cc
Napi::Object describe_segment(Napi::Env env, const Segment& segment);
// segment_options.cc: throws a JavaScript error and returns false when a value has the wrong type.
bool read_segment_config(const Napi::Object& options, SegmentConfig* config);
bool read_session_options(const Napi::Object& options, SessionOptions* session);

}  // namespace ur::node
