// Any bytes as a stream id: what is taken is within its text, and judged the same way twice.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "srt/credentials.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ur::SrtCredentialTable* const table = [] {
    auto* const made = new ur::SrtCredentialTable;
    made->replace({"", {{"ann", "passphrase", {"live/*"}}}});
    return made;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ur::StreamId id;
  const ur::StreamIdResult result = ur::parse_stream_id(text, &id);
  const ur::SrtVerdict verdict = table->judge(text);
  if (result != ur::StreamIdResult::kOk) {
    require(verdict.reject != ur::SrtReject::kNone);
    return 0;
  }
  require(size <= ur::kMaxStreamId);
  for (const auto* part : {&id.resource, &id.user, &id.password, &id.token}) {
    require(text.find(*part) != std::string_view::npos);
  }
  const bool let_in = id.user == "ann" && id.resource.starts_with("live/");
  require((verdict.reject == ur::SrtReject::kNone) == let_in);
  return 0;
}
