// The receiving side of one RTMP connection: bytes come in by push(), access units go into the lane that
// was lent, and everything that is not media is told to the owner. What must not pass the media around it
// (a command, the first unit, a full lane) stops the parser: push() keeps what follows until the owner has
// called go_on(). Bytes are pushed by one thread, the owner is another one or the same; one lock orders
// them, held for one push at most. Its own lock comes before that of the lane's feed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "feed/lane_feed.h"
#include "rtmp/chunk_reader.h"
#include "rtmp/media_assembler.h"

namespace ur {

struct RtmpNotice {
  enum class Kind : uint8_t {
    kHello,        // C0 and C1 have come: `payload` is C1. Stops.
    kShaken,       // C2 has come: the handshake is over. Stops.
    kMessage,      // not audio, not video, not of the chunks. Stops.
    kUnit,         // the first unit is there: lend() a lane for it. Stops.
    kBlocked,      // the lane is full. Stops until its feed has been drained.
    kFailed,       // `failure`. Stops for good.
    kAcknowledge,  // a window of bytes has come since the last acknowledgement
    kEnd,          // no more comes
  };
  Kind kind = Kind::kEnd;
  uint8_t type = 0;
  uint32_t stream_id = 0;
  std::vector<uint8_t> payload;
  RtmpFailure failure;
};

class RtmpReceiver {
 public:
  // `window`: bytes after which an acknowledgement is due, until the client says another one.
  // `multitrack`: a publication may have several tracks of video and of audio.
  RtmpReceiver(uint32_t max_message_bytes, uint32_t window, bool multitrack = false)
      : reader_(max_message_bytes), multitrack_(multitrack), window_(window) {}

  // Who has the bytes:

  // May change them. False: the parser stands; push no more until wants_more().
  bool push(uint8_t* data, size_t size);
  // No more comes. `broken`: what was not parsed is dropped.
  void end_of_input(bool broken);
  bool wants_more() const;
  // There is something for next().
  bool has_notice() const;

  // The owner:

  // Each notice is told once. False: there is none.
  bool next(RtmpNotice* notice);
  // The owner has done what the notice asked for: push(nullptr, 0) goes on with what was kept.
  void go_on();
  // Audio and video of this message stream are a publication from now on; of others they are dropped.
  // `after`: they go on with what another connection has begun.
  void publish(uint32_t stream_id, const std::optional<Continuation>& after = std::nullopt);
  void unpublish();
  // The lane for the units; nullptr is not valid. The first one is written at once where it waits. After
  // publish() it may come before that: then there is no kUnit.
  void lend(std::shared_ptr<LaneFeed> feed);
  // Takes no more, whatever comes.
  void stop();
  void acknowledged(uint64_t bytes);
  // Bytes that were pushed. Any thread.
  uint64_t received() const { return received_.load(std::memory_order_relaxed); }
  // What is known of the publication's media by now.
  MediaFacts media() const;

 private:
  using Kind = RtmpNotice::Kind;
  enum class Phase : uint8_t { kHello, kC2, kChunks };

  void parse(uint8_t** at, uint8_t* end);
  bool shake(uint8_t** at, uint8_t* end);
  void take(const RtmpMessage& message);
  void take_media(const RtmpMessage& message);
  void write(std::span<const Piece> pieces, bool key);
  void halt(Kind kind);
  void fail(Status status, std::string detail);
  bool acknowledge_due() const;
  bool end_due() const;

  mutable std::mutex mutex_;
  ChunkReader reader_;
  Phase phase_ = Phase::kHello;
  std::vector<uint8_t> handshake_;
  std::optional<Kind> halted_;  // why the parser stands
  bool told_ = false;           // the owner knows
  bool stopped_ = false;
  RtmpNotice notice_;           // of kHello and kMessage
  RtmpFailure failure_;
  std::vector<uint8_t> kept_;   // what was pushed and not parsed
  size_t kept_at_ = 0;
  bool multitrack_;
  bool publishing_ = false;
  uint32_t publication_ = 0;    // its message stream
  MediaAssembler media_;
  std::vector<uint8_t> first_unit_;
  bool first_is_key_ = false;
  std::shared_ptr<LaneFeed> feed_;
  bool unflushed_ = false;
  uint32_t window_;
  uint64_t acknowledged_ = 0;
  bool acknowledge_told_ = false;
  bool ended_ = false;
  bool end_told_ = false;
  std::atomic<uint64_t> received_{0};
};

}  // namespace ur
