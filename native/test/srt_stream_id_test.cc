#include "srt/stream_id.h"

#include <gtest/gtest.h>

#include "srt/credentials.h"

namespace ur {
namespace {

StreamId parsed(std::string_view text) {
  StreamId id;
  EXPECT_EQ(parse_stream_id(text, &id), StreamIdResult::kOk) << text;
  return id;
}

StreamIdResult result_of(std::string_view text) {
  StreamId id;
  return parse_stream_id(text, &id);
}

TEST(SrtStreamId, KeysOfTheGuidelines) {
  const StreamId id = parsed("#!::u=ann,r=live/1,s=secret=1,t=file,m=publish,h=host,user_len=42");
  EXPECT_EQ(id.user, "ann");
  EXPECT_EQ(id.resource, "live/1");
  EXPECT_EQ(id.password, "secret=1");
  EXPECT_EQ(id.type, SrtType::kFile);
  EXPECT_TRUE(id.has_length);
  EXPECT_EQ(id.length, 42U);
  EXPECT_EQ(parsed("#!::user_token=abc,unknown=").token, "abc");
  EXPECT_EQ(parsed("#!::user_answer=0123456789abcDEF-_").answer_id, "0123456789abcDEF-_");
  EXPECT_EQ(parsed("#!::t=stream,r=x").type, SrtType::kStream);
}

TEST(SrtStreamId, OtherForms) {
  EXPECT_EQ(parsed("").resource, "");
  EXPECT_EQ(parsed("file.bin").resource, "file.bin");
  EXPECT_EQ(parsed("caf\xC3\xA9").resource, "caf\xC3\xA9");
  EXPECT_EQ(parsed("bearer:token").token, "token");
  const StreamId id = parsed("publish:live/1:ann:pass:word");
  EXPECT_EQ(id.resource, "live/1");
  EXPECT_EQ(id.user, "ann");
  EXPECT_EQ(id.password, "pass:word");
  EXPECT_EQ(parsed("publish:live").user, "");
}

TEST(SrtStreamId, Malformed) {
  for (const std::string_view text :
       {"#!::", "#!::r", "#!::=x", "#!::r=a,,m=publish", "#!::r=a,r=b", "#!::t=auth", "#!::m=what",
        "#!::user_answer=", "#!::user_answer=0123456789abcde", "#!::user_answer=0123456789abcde%",
        "#!::user_len=", "#!::user_len=-1", "#!::user_len=0", "#!::user_len=1x",
        "#!::user_len=9007199254740992",
        "#!::user_len=99999999999999999999", "#!:{r=a}", "publish:", "bearer:", "a\nb", "a\x7F",
        "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC2\x85", "\xE2\x82"}) {
    EXPECT_EQ(result_of(text), StreamIdResult::kMalformed) << text;
  }
  EXPECT_EQ(result_of(std::string(kMaxStreamId + 1, 'a')), StreamIdResult::kMalformed);
  EXPECT_EQ(result_of(std::string(kMaxStreamId, 'a')), StreamIdResult::kOk);
  EXPECT_EQ(result_of(std::string_view("a\0b", 3)), StreamIdResult::kMalformed);
}

TEST(SrtStreamId, WhatIsNotToPublish) {
  for (const std::string_view text :
       {"#!::r=a,m=request", "#!::m=bidirectional", "read:a", "request:a"}) {
    EXPECT_EQ(result_of(text), StreamIdResult::kNotPublish) << text;
  }
}

TEST(SrtCredentials, WhoMayPublishWhat) {
  SrtCredentialTable table;
  EXPECT_EQ(table.judge("anything").reject, SrtReject::kNone);
  table.replace({"common", {{"ann", "hers", {"live/*", "one"}}, {"bob", "", {}}}});
  EXPECT_EQ(table.judge("#!::u=ann,r=live/1").reject, SrtReject::kNone);
  EXPECT_EQ(table.judge("#!::u=ann,r=live/1").passphrase, "hers");
  EXPECT_EQ(table.judge("publish:one:ann").reject, SrtReject::kNone);
  EXPECT_EQ(table.judge("publish:one/1:ann").reject, SrtReject::kForbidden);
  EXPECT_EQ(table.judge("publish:liv:ann").reject, SrtReject::kForbidden);
  EXPECT_EQ(table.judge("#!::u=bob,r=any").passphrase, "common");
  EXPECT_EQ(table.judge("any").reject, SrtReject::kUnauthorized);
  EXPECT_EQ(table.judge("#!::u=eve").reject, SrtReject::kUnauthorized);
  EXPECT_EQ(table.judge("#!::u").reject, SrtReject::kBadRequest);
  EXPECT_EQ(table.judge("#!::u=bob,m=request").reject, SrtReject::kBadMode);
}

}  // namespace
}  // namespace ur
