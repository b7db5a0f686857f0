// The server's side of one stream, step by step: what a client sends, and what it gets.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hpks/hpks.h"
#include "test/support/host.h"

namespace ur::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct UploadHead {
  std::string path = "/upload";
  std::string method = "POST";
  Fields headers = {{"Host", "localhost"}, {"X-Empty", ""}, {"x-twice", "1"}, {"x-twice", "2"}};
  uint32_t pool = 0;
};

struct Answer {
  int status = 0;
  Fields headers, trailers;
  std::string body;
  bool ended = false;
};

class Upload {
 public:
  // Opens a stream, writes its head and announces it.
  explicit Upload(Host* host, const UploadHead& head = {});
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  ~Upload() { reclaim(); }

  uint64_t id() const { return id_; }
  LaneWriter& request() { return request_; }
  // Body slots of as many bytes as fit; the test fails when there is no room.
  void send(const std::string& body);
  void trailers(const Fields& fields);
  void end();
  // As the ingress does when the lane is full and the claimer has joined.
  void let_go() { hold_.leave(); }
  // Reads what there is of the answer, and gives the slots back.
  const Answer& answer();
  // The same until the end; the test fails when it does not come.
  const Answer& whole_answer();
  void abort(Status reason);
  // Closes the stream; false while somebody keeps its place.
  bool reclaim();
  void close();
  bool is_claimed() const;
  // What the writer of a lane gave up with.
  uint32_t failure(uint32_t lane = kResponseLane) const;

 private:
  void read(const SlotView& view);

  Host* host_;
  uint64_t id_ = 0;
  bool closed_ = false;
  LaneWriter request_;
  LaneReader hold_, answer_reader_;
  Answer answer_;
};

}  // namespace ur::test
