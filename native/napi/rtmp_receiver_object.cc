#include <utility>

#include "attachment.h"
#include "lane_objects.h"
#include "rtmp_objects.h"
#include "track_counts.h"

namespace ur::node {
namespace {

// In the order of RtmpNotice::Kind.
constexpr const char* kKinds[] = {"hello",   "shaken", "message",     "unit",
                                  "blocked", "failed", "acknowledge", "end"};

Napi::Value bytes_or_undefined(Napi::Env env, const std::vector<uint8_t>& bytes) {
  if (bytes.empty()) return env.Undefined();
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

const char* name_of(MediaCodec codec) {
  switch (codec) {
    case MediaCodec::kH264: return "h264";
    case MediaCodec::kH265: return "h265";
    case MediaCodec::kAv1: return "av1";
    case MediaCodec::kVp9: return "vp9";
    case MediaCodec::kAac: return "aac";
    case MediaCodec::kOpus: return "opus";
  }
  return "";
}

// Of the tracks that have a number of their own.
template <class Track>
Napi::Array records_array(Napi::Env env, const std::vector<Track>& tracks) {
  Napi::Array list = Napi::Array::New(env);
  for (const Track& track : tracks) {
    if (track.id == 0) continue;
    Napi::Object object = Napi::Object::New(env);
    object.Set("track", number(env, uint32_t{track.id}));
    object.Set("record", Napi::Buffer<uint8_t>::Copy(env, track.record.data(),
                                                     track.record.size()));
    list.Set(list.Length(), object);
  }
  return list;
}

}  // namespace

Napi::Function RtmpReceiverObject::define(Napi::Env env) {
  return DefineClass(env, "NativeRtmpReceiver",
                     {InstanceAccessor<&RtmpReceiverObject::received>("received"),
                      InstanceMethod<&RtmpReceiverObject::push>("push"),
                      InstanceMethod<&RtmpReceiverObject::end_of_input>("endOfInput"),
                      InstanceMethod<&RtmpReceiverObject::next>("next"),
                      InstanceMethod<&RtmpReceiverObject::go_on>("goOn"),
                      InstanceMethod<&RtmpReceiverObject::publish>("publish"),
                      InstanceMethod<&RtmpReceiverObject::unpublish>("unpublish"),
                      InstanceMethod<&RtmpReceiverObject::lend>("lend"),
                      InstanceMethod<&RtmpReceiverObject::stop>("stop"),
                      InstanceMethod<&RtmpReceiverObject::acknowledged>("acknowledged"),
                      InstanceMethod<&RtmpReceiverObject::media>("media")});
}

RtmpReceiverObject::RtmpReceiverObject(const Napi::CallbackInfo& info)
    : ObjectWrap(info),
      receiver_(std::make_shared<RtmpReceiver>(as_u32(info[0]), as_u32(info[1]),
                                               is_true(info[2]))) {}

// The engine's thread may still have it.
RtmpReceiverObject::~RtmpReceiverObject() { receiver_->stop(); }

Napi::Value RtmpReceiverObject::received(const Napi::CallbackInfo& info) {
  return number(info.Env(), receiver_->received());
}

Napi::Value RtmpReceiverObject::push(const Napi::CallbackInfo& info) {
  bool more = false;
  if (info[0].IsTypedArray()) {
    auto bytes = info[0].As<Napi::Uint8Array>();
    more = receiver_->push(bytes.Data(), bytes.ByteLength());
  } else {
    more = receiver_->push(nullptr, 0);
  }
  return Napi::Boolean::New(info.Env(), more);
}

void RtmpReceiverObject::end_of_input(const Napi::CallbackInfo& /*info*/) {
  receiver_->end_of_input(false);
}

Napi::Value RtmpReceiverObject::next(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  RtmpNotice notice;
  if (!receiver_->next(&notice)) return env.Undefined();
  Napi::Object object = Napi::Object::New(env);
  object.Set("kind", kKinds[static_cast<size_t>(notice.kind)]);
  if (notice.kind == RtmpNotice::Kind::kFailed) {
    object.Set("number", number(env, -code(notice.failure.status)));
    object.Set("detail", notice.failure.detail);
  } else if (notice.kind == RtmpNotice::Kind::kMessage ||
             notice.kind == RtmpNotice::Kind::kHello) {
    object.Set("type", number(env, uint32_t{notice.type}));
    object.Set("streamId", number(env, notice.stream_id));
    object.Set("payload", Napi::Buffer<uint8_t>::Copy(env, notice.payload.data(),
                                                      notice.payload.size()));
  }
  return object;
}

void RtmpReceiverObject::go_on(const Napi::CallbackInfo& /*info*/) { receiver_->go_on(); }

void RtmpReceiverObject::publish(const Napi::CallbackInfo& info) {
  std::optional<Continuation> after;
  if (info[1].IsObject()) {
    const auto given = info[1].As<Napi::Object>();
    after = {as_u64(field(given, "units")),
             field(given, "startMs").As<Napi::Number>().Int64Value()};
  }
  receiver_->publish(as_u32(info[0]), after);
}

void RtmpReceiverObject::unpublish(const Napi::CallbackInfo& /*info*/) { receiver_->unpublish(); }

void RtmpReceiverObject::lend(const Napi::CallbackInfo& info) {
  if (auto* const given = unwrapped<FeedObject>(info[0])) receiver_->lend(given->feed());
}

void RtmpReceiverObject::stop(const Napi::CallbackInfo& /*info*/) { receiver_->stop(); }

void RtmpReceiverObject::acknowledged(const Napi::CallbackInfo& info) {
  receiver_->acknowledged(as_u64(info[0]));
}

Napi::Value RtmpReceiverObject::media(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const MediaFacts media = receiver_->media();
  Napi::Object object = Napi::Object::New(env);
  if (const VideoTrack* const track = media.default_video()) {
    object.Set("videoRecord", bytes_or_undefined(env, track->record));
    object.Set("videoCodec", name_of(track->codec));
    object.Set("videoSets", bytes_or_undefined(env, track->config.sets));
  }
  if (const AudioTrack* const track = media.default_audio()) {
    object.Set("audioRecord", bytes_or_undefined(env, track->record));
    object.Set("audioCodec", name_of(track->codec));
    if (track->config) {
      object.Set("sampleRate", number(env, sample_rate(*track->config)));
      object.Set("channels", number(env, channels(*track->config)));
    }
  }
  object.Set("videoTracks", records_array(env, media.video_tracks()));
  object.Set("audioTracks", records_array(env, media.audio_tracks()));
  object.Set("video", track_counts(env, media.video_counts()));
  object.Set("audio", track_counts(env, media.audio_counts()));
  object.Set("units", number(env, media.units()));
  if (media.newest_ms()) object.Set("newestMs", number(env, *media.newest_ms()));
  object.Set("droppedFrames", number(env, media.dropped_frames()));
  return object;
}

void define_rtmp(Napi::Env env, Napi::Object exports) {
  exports.Set("RtmpReceiver", RtmpReceiverObject::define(env));
  define_rtmp_engine(env, exports);
}

}  // namespace ur::node
