// One SRT connection: who is told when something can be done with it, and where what it sends goes. Its
// bytes are taken straight out of libsrt, decrypted and in order, into the lane that was lent; who does not
// read holds the sender back. Of messages none is over the border of two slots, where a slot has room
// for one, and readers that come late can begin with the keyframes of MPEG-TS. serve() and settle() are the
// engine's thread's, the rest its owner's; one lock orders them, held for the bytes of one slot at most, and
// comes before that of the lane's feed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "feed/lane_feed.h"
#include "mpegts/entry_gate.h"
#include "srt/engine/events.h"

namespace ur {

enum class SrtRead : uint8_t { kSome, kNothing, kEnd, kBroken };

class SrtCaller {
 public:
  // `epoll`: the engine's; `events`: outlives it. `file`: it has the stream API, and no messages.
  SrtCaller(int epoll, int socket, bool file, SrtEvents* events);

  // Epoll has told these. True: it is read, and everything that had come was taken.
  [[nodiscard]] bool serve(int told);

  // What waits for the next message goes on when it has waited enough. True: something still waits.
  [[nodiscard]] bool settle();

  // Wants one kReady: when it is readable, or writable; in any case when it breaks.
  void arm(bool readable, bool writable);
  // What it sends is the body of a request, of so many bytes if it has said so; UINT64_MAX: until its end.
  // When the loan is over, the rest is dropped.
  void lend(std::shared_ptr<LaneFeed> feed, uint64_t length);
  // After kFull. A feed that is still blocked is not drained any more: what comes is dropped.
  void go_on();
  // Sends what there is room for. False: the connection is gone.
  [[nodiscard]] bool write(const uint8_t* data, size_t size, size_t* taken);
  // Reads what is there, of the stream API; not after lend().
  [[nodiscard]] SrtRead read(uint8_t* data, size_t capacity, size_t* length);
  bool file() const { return file_; }
  // What the messages have said of their media.
  TsFacts media();
  // Drops what is not sent, and touches no lane any more.
  void close();

 private:
  // What is done with what comes: it is the body; the body is there, and more must not come.
  enum class Reading : uint8_t { kNothing, kBody, kStands, kRest };
  // What receiving has met.
  enum class Met : uint8_t { kMore, kNothing, kWhole, kTooLong, kEnd, kBroken };
  // There may be more; there is none; it is the others' turn.
  enum class Next : uint8_t { kMore, kNothing, kTurn };

  void tell_ready();
  void await(std::unique_lock<std::mutex> lock);
  bool subscribe();
  bool reads() const;
  bool take_turn(bool late);
  Next take_body(bool first);
  Fed take_message(Met* met, Status* status);
  Fed put_kept(Status* status);
  Next act_on(Fed fed, Status status, Met met);
  Next act_on(Met met);
  Met meet_rest();
  uint32_t receive(uint8_t* data, size_t size, Met* met);
  uint32_t least() const;
  int receive_into(uint8_t* data, size_t size);
  bool keeps(std::span<const uint8_t> message);
  void hear();
  Met failure_of(int got);
  bool ended_by_itself() const;
  void publish();
  void stand();
  void stop(SrtEvent::Kind kind);

  const int epoll_;
  const int socket_;
  const bool file_;
  SrtEvents* const events_;
  std::mutex mutex_;
  int subscribed_ = 0;  // libsrt's flags; 0: it is not in the set
  bool armed_ = false;
  bool tells_readable_ = false;
  bool tells_writable_ = false;
  bool closed_ = false;
  Reading reading_ = Reading::kNothing;
  std::shared_ptr<LaneFeed> feed_;  // without it the body is dropped
  bool unpublished_ = false;
  uint64_t length_ = UINT64_MAX;
  uint64_t received_ = 0;
  EntryGate gate_;  // of messages
  int idle_timeout_ms_ = 0;
  uint64_t emptied_ns_;  // when nothing was left to read
  // Packets that had come, when that was asked, and a time after which one has come. Of the stream API.
  int64_t packets_ = 0;
  uint64_t counted_ns_;
  uint64_t heard_ns_;
};

}  // namespace ur
