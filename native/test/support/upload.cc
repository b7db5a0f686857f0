#include "test/support/upload.h"

#include "test/support/waiting.h"

namespace ur::test {
namespace {

std::vector<uint8_t> encode(uint64_t id, const hpks::Head& head) {
  std::vector<uint8_t> frame(hpks::encoded_headers_size(head));
  EXPECT_GT(hpks::encode_headers(frame, id, head), 0);
  return frame;
}

std::vector<hpks::Header> views_of(const Fields& fields) {
  std::vector<hpks::Header> views;
  for (const auto& [name, value] : fields) views.push_back({name, value});
  return views;
}

Fields fields_of(const hpks::HeaderList& headers) {
  Fields fields;
  for (const hpks::Header& header : headers) fields.emplace_back(header.name, header.value);
  return fields;
}

}  // namespace

Upload::Upload(Host* host, const UploadHead& given) : host_(host), id_(host->open(given.pool)) {
  EXPECT_OK(request_.open(host->server(), host->request(id_), 0));
  EXPECT_OK(hold_.join(host->server(), host->request(id_), 0));
  EXPECT_OK(answer_reader_.join(host->server(), host->response(id_), 0));
  const std::vector<hpks::Header> headers = views_of(given.headers);
  hpks::Head head;
  head.method = given.method;
  head.scheme = "https";
  head.authority = "localhost";
  head.path = given.path;
  head.headers = hpks::HeaderList(std::span<const hpks::Header>(headers));
  const std::vector<uint8_t> frame = encode(id_, head);
  EXPECT_OK(request_.write(frame.data(), static_cast<uint32_t>(frame.size()), kSlotHead));
  host->ingress().announce(id_);
}

void Upload::send(const std::string& body) {
  uint64_t taken = 0;
  EXPECT_OK(request_.append(reinterpret_cast<const uint8_t*>(body.data()), body.size(), &taken));
  EXPECT_EQ(taken, body.size());
  EXPECT_OK(request_.flush());
}

void Upload::trailers(const Fields& fields) {
  const std::vector<hpks::Header> headers = views_of(fields);
  hpks::Head head;
  head.method = "POST";
  head.path = "/";
  head.headers = hpks::HeaderList(std::span<const hpks::Header>(headers));
  const std::vector<uint8_t> frame = encode(id_, head);
  EXPECT_OK(request_.write(frame.data(), static_cast<uint32_t>(frame.size()), kSlotTrailers));
}

void Upload::end() { EXPECT_OK(request_.end()); }

void Upload::read(const SlotView& view) {
  if (view.flags == kSlotEnd) {
    answer_.ended = true;
  } else if (view.flags == kSlotBody) {
    answer_.body.append(reinterpret_cast<const char*>(view.data), view.length);
  } else {
    hpks::Frame frame;
    EXPECT_OK(hpks::decode_frame({view.data, view.length}, &frame).complete());
    EXPECT_EQ(frame.stream_id, id_);
    if (view.flags == kSlotTrailers) {
      answer_.trailers = fields_of(frame.head.headers);
    } else {
      answer_.status = frame.head.status;
      answer_.headers = fields_of(frame.head.headers);
    }
  }
  EXPECT_OK(answer_reader_.ack(view.id));
}

const Answer& Upload::answer() {
  SlotView view;
  uint32_t count = 0;
  for (;;) {
    EXPECT_OK(answer_reader_.tail(&view, 1, &count));
    if (count == 0) return answer_;
    read(view);
  }
}

const Answer& Upload::whole_answer() {
  EXPECT_TRUE(eventually([this] { return answer().ended; })) << "no end";
  return answer_;
}

void Upload::abort(Status reason) { EXPECT_OK(host_->ingress().abort(id_, reason)); }

bool Upload::reclaim() {
  close();
  return host_->ingress().reclaim(id_) == Status::kOk;
}

void Upload::close() {
  if (closed_) return;
  closed_ = true;
  hold_.leave();
  answer_reader_.leave();
  EXPECT_OK(request_.release());
  EXPECT_OK(host_->ingress().close(id_));
}

bool Upload::is_claimed() const {
  return claim_owner(host_->response(id_)).worker != kNoIndex;
}

uint32_t Upload::failure(uint32_t lane) const {
  return lane_of(*host_->server(), id_, lane).control->failure.load();
}

}  // namespace ur::test
