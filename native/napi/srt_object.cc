#include "srt_object.h"

#ifdef UR_SRT

#include <memory>
#include <string>
#include <utility>

#include "attachment.h"
#include "end_hook.h"
#include "lane_objects.h"
#include "srt/engine/engine.h"
#include "track_counts.h"
#include "wake.h"

namespace ur::node {
namespace {

// In the order of SrtEvent::Kind.
constexpr const char* kKinds[] = {"connected", "ready",  "full", "whole",
                                  "tooLong",   "failed", "end",  "broken"};

std::string text_of(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string{};
}

int int_of(const Napi::Object& object, const char* key) {
  return field(object, key).As<Napi::Number>().Int32Value();
}

SrtCredentials credentials_of(const Napi::Object& given) {
  SrtCredentials credentials;
  credentials.passphrase = text_of(field(given, "passphrase"));
  const auto users = field(given, "users").As<Napi::Array>();
  for (uint32_t i = 0; i < users.Length(); ++i) {
    const auto one = field(users, i).As<Napi::Object>();
    SrtUser user{text_of(field(one, "name")), text_of(field(one, "passphrase")), {}};
    const auto resources = field(one, "resources").As<Napi::Array>();
    for (uint32_t j = 0; j < resources.Length(); ++j) {
      user.resources.push_back(text_of(field(resources, j)));
    }
    credentials.users.push_back(std::move(user));
  }
  return credentials;
}

class SrtObject : public Napi::ObjectWrap<SrtObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeSrt",
                       {InstanceMethod<&SrtObject::listen>("listen"),
                        InstanceMethod<&SrtObject::connect>("connect"),
                        InstanceMethod<&SrtObject::connection>("connection"),
                        InstanceMethod<&SrtObject::set_credentials>("setCredentials"),
                        InstanceMethod<&SrtObject::refuse_new>("refuseNew"),
                        InstanceMethod<&SrtObject::take_refused>("takeRefused"),
                        InstanceMethod<&SrtObject::take_events>("takeEvents"),
                        InstanceMethod<&SrtObject::read>("read"),
                        InstanceMethod<&SrtObject::write>("write"),
                        InstanceMethod<&SrtObject::arm>("arm"),
                        InstanceMethod<&SrtObject::lend>("lend"),
                        InstanceMethod<&SrtObject::go_on>("goOn"),
                        InstanceMethod<&SrtObject::counts>("counts"),
                        InstanceMethod<&SrtObject::media>("media"),
                        InstanceMethod<&SrtObject::unsent>("unsent"),
                        InstanceMethod<&SrtObject::peer_latency_ms>("peerLatencyMs"),
                        InstanceMethod<&SrtObject::close_socket>("closeSocket"),
                        InstanceMethod<&SrtObject::close>("close")});
  }

  explicit SrtObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        wake_(info.Env(), info[0].As<Napi::Function>(), "upload-response srt") {
    std::string detail;
    if (!engine_.start([this] { wake_.call(); }, &detail)) {
      wake_.release();
      throw_status(info.Env(), Status::kSrtUnavailable, detail);
      return;
    }
    open_ = true;
    end_hook_.set(info.Env(), [this] { end(); });
  }

  ~SrtObject() override { end(); }

 private:
  Napi::Value listen(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto given = info[0].As<Napi::Object>();
    SrtListenOptions options;
    options.host = text_of(field(given, "host"));
    options.port = static_cast<uint16_t>(int_of(given, "port"));
    options.file = is_true(field(given, "file"));
    options.latency_ms = int_of(given, "latencyMs");
    options.high_throughput = is_true(field(given, "highThroughput"));
    options.receive_buffer_bytes = int_of(given, "receiveBufferBytes");
    options.udp_buffer_bytes = int_of(given, "udpBufferBytes");
    options.idle_timeout_ms = int_of(given, "idleTimeoutMs");
    options.max_connections = int_of(given, "maxConnections");
    uint16_t port = 0;
    std::string detail;
    if (!open_ || !engine_.listen(options, &port, &detail)) {
      return throw_status(env, Status::kSrtListenFailed, detail);
    }
    return number(env, uint32_t{port});
  }

  Napi::Value connect(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto given = info[0].As<Napi::Object>();
    SrtConnectOptions options;
    options.address = text_of(field(given, "address"));
    options.port = static_cast<uint16_t>(int_of(given, "port"));
    options.stream_id = text_of(field(given, "streamId"));
    options.passphrase = text_of(field(given, "passphrase"));
    options.key_bytes = int_of(given, "keyBytes");
    options.timeout_ms = int_of(given, "timeoutMs");
    int socket = 0;
    std::string detail;
    if (!open_ || !engine_.connect(options, &socket, &detail)) {
      return throw_status(env, Status::kInvalidArgument, detail);
    }
    return number(env, int64_t{socket});
  }

  // 0: it is connecting; 1: connected; negative: refused, by libsrt's reason, or -1.
  Napi::Value connection(const Napi::CallbackInfo& info) {
    int reject = 0;
    switch (engine_.connection(socket_of(info), &reject)) {
      case SrtConnection::kConnecting: return number(info.Env(), int64_t{0});
      case SrtConnection::kConnected: return number(info.Env(), int64_t{1});
      case SrtConnection::kRefused: break;
    }
    return number(info.Env(), int64_t{reject > 0 ? -reject : -1});
  }

  void set_credentials(const Napi::CallbackInfo& info) {
    engine_.set_credentials(credentials_of(info[0].As<Napi::Object>()));
  }

  void refuse_new(const Napi::CallbackInfo& /*info*/) { engine_.refuse_new(); }

  Napi::Value take_refused(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Napi::Array list = Napi::Array::New(env);
    for (const auto& [code, count] : engine_.take_refused()) {
      Napi::Object one = Napi::Object::New(env);
      one.Set("code", number(env, int64_t{code}));
      one.Set("count", number(env, count));
      list.Set(list.Length(), one);
    }
    return list;
  }

  Napi::Value take_events(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    wake_.taking();
    Napi::Array list = Napi::Array::New(env);
    for (const SrtEvent& event : engine_.take_events()) list.Set(list.Length(), object(env, event));
    return list;
  }

  static Napi::Object object(Napi::Env env, const SrtEvent& event) {
    Napi::Object one = Napi::Object::New(env);
    one.Set("socket", number(env, int64_t{event.socket}));
    one.Set("kind", kKinds[static_cast<size_t>(event.kind)]);
    if (event.status != Status::kOk) one.Set("number", number(env, -code(event.status)));
    if (event.kind != SrtEvent::Kind::kConnected) return one;
    Napi::Object caller = Napi::Object::New(env);
    one.Set("caller", caller);
    caller.Set("file", Napi::Boolean::New(env, event.file));
    caller.Set("peer", event.peer);
    caller.Set("peerPort", number(env, uint32_t{event.peer_port}));
    caller.Set("streamId", event.stream_id);
    StreamId id;
    // The handshake has judged it; an empty one stands for what cannot be.
    if (parse_stream_id(event.stream_id, &id) != StreamIdResult::kOk) id = StreamId{};
    caller.Set("resource", id.resource);
    caller.Set("user", id.user);
    caller.Set("password", id.password);
    caller.Set("token", id.token);
    if (id.has_length) caller.Set("length", number(env, id.length));
    if (!id.answer_id.empty()) caller.Set("answerId", id.answer_id);
    return one;
  }

  // Bytes that were read; 0: nothing there; -1: the end; -2: the connection has broken.
  Napi::Value read(const Napi::CallbackInfo& info) {
    auto into = info[1].As<Napi::Uint8Array>();
    size_t length = 0;
    switch (engine_.read(socket_of(info), into.Data(), into.ByteLength(), &length)) {
      case SrtRead::kSome: return number(info.Env(), uint64_t{length});
      case SrtRead::kNothing: return number(info.Env(), int64_t{0});
      case SrtRead::kEnd: return number(info.Env(), int64_t{-1});
      case SrtRead::kBroken: break;
    }
    return number(info.Env(), int64_t{-2});
  }

  // Bytes that were taken; -2: the connection has broken.
  Napi::Value write(const Napi::CallbackInfo& info) {
    const auto bytes = info[1].As<Napi::Uint8Array>();
    size_t taken = 0;
    const bool whole = engine_.write(socket_of(info), bytes.Data(), bytes.ByteLength(), &taken);
    return number(info.Env(), whole ? static_cast<int64_t>(taken) : int64_t{-2});
  }

  void arm(const Napi::CallbackInfo& info) {
    engine_.arm(socket_of(info), is_true(info[1]), is_true(info[2]));
  }

  // (socket, feed, length): the length may be left out
  void lend(const Napi::CallbackInfo& info) {
    const uint64_t length = info[2].IsNumber() ? as_u64(info[2]) : UINT64_MAX;
    auto* const given = unwrapped<FeedObject>(info[1]);
    if (given != nullptr) engine_.lend(socket_of(info), given->feed(), length);
  }

  void go_on(const Napi::CallbackInfo& info) { engine_.go_on(socket_of(info)); }

  Napi::Value counts(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    SrtCounts counts;
    if (!engine_.counts(socket_of(info), &counts)) return env.Undefined();
    Napi::Object one = Napi::Object::New(env);
    one.Set("received", number(env, counts.received));
    one.Set("lost", number(env, counts.lost));
    one.Set("dropped", number(env, counts.dropped));
    one.Set("undecrypted", number(env, counts.undecrypted));
    one.Set("retransmitted", number(env, counts.retransmitted));
    one.Set("rttMs", Napi::Number::New(env, counts.rtt_ms));
    return one;
  }

  Napi::Value media(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const std::optional<TsFacts> facts = engine_.media(socket_of(info));
    if (!facts) return env.Undefined();
    Napi::Object object = Napi::Object::New(env);
    if (const char* const name = codec_name(facts->video_codec)) object.Set("videoCodec", name);
    if (const char* const name = codec_name(facts->audio_codec)) object.Set("audioCodec", name);
    if (!facts->video_start.empty()) {
      object.Set("videoStart", Napi::Buffer<uint8_t>::Copy(env, facts->video_start.data(),
                                                           facts->video_start.size()));
    }
    if (facts->sample_rate != 0) object.Set("sampleRate", number(env, facts->sample_rate));
    if (facts->channels != 0) object.Set("channels", number(env, facts->channels));
    object.Set("video", track_counts(env, facts->video));
    object.Set("audio", track_counts(env, facts->audio));
    return object;
  }

  Napi::Value unsent(const Napi::CallbackInfo& info) {
    return number(info.Env(), engine_.unsent(socket_of(info)));
  }

  Napi::Value peer_latency_ms(const Napi::CallbackInfo& info) {
    return number(info.Env(), int64_t{engine_.peer_latency_ms(socket_of(info))});
  }

  void close_socket(const Napi::CallbackInfo& info) { engine_.close_socket(socket_of(info)); }

  void close(const Napi::CallbackInfo& /*info*/) { end(); }

  static int socket_of(const Napi::CallbackInfo& info) {
    return info[0].As<Napi::Number>().Int32Value();
  }

  void end() {
    if (!open_) return;
    open_ = false;
    end_hook_.remove();
    engine_.close();
    wake_.release();
  }

  Wake wake_;
  bool open_ = false;
  SrtEngine engine_;
  EndHook end_hook_;
};

}  // namespace

void define_srt(Napi::Env env, Napi::Object exports) {
  exports.Set("Srt", SrtObject::define(env));
}

}  // namespace ur::node

#else

namespace ur::node {

void define_srt(Napi::Env /*env*/, Napi::Object /*exports*/) {}

}  // namespace ur::node

#endif
