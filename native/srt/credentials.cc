#include "srt/credentials.h"

#include <algorithm>
#include <utility>

namespace ur {
namespace {

bool matches(std::string_view pattern, std::string_view resource) {
  if (!pattern.ends_with('*')) return pattern == resource;
  pattern.remove_suffix(1);
  return resource.starts_with(pattern);
}

bool may_publish(const SrtUser& user, std::string_view resource) {
  return user.resources.empty() ||
         std::any_of(user.resources.begin(), user.resources.end(),
                     [&](const std::string& pattern) { return matches(pattern, resource); });
}

}  // namespace

void SrtCredentialTable::replace(SrtCredentials credentials) {
  auto next = std::make_shared<const SrtCredentials>(std::move(credentials));
  const std::lock_guard lock(mutex_);
  current_ = std::move(next);
}

SrtVerdict SrtCredentialTable::judge(std::string_view stream_id) const {
  std::shared_ptr<const SrtCredentials> credentials;
  {
    const std::lock_guard lock(mutex_);
    credentials = current_;
  }
  SrtVerdict verdict;
  switch (parse_stream_id(stream_id, &verdict.id)) {
    case StreamIdResult::kOk: break;
    case StreamIdResult::kMalformed: verdict.reject = SrtReject::kBadRequest; return verdict;
    case StreamIdResult::kNotPublish: verdict.reject = SrtReject::kBadMode; return verdict;
  }
  verdict.passphrase = credentials->passphrase;
  if (credentials->users.empty()) return verdict;
  const auto user =
      std::find_if(credentials->users.begin(), credentials->users.end(),
                   [&](const SrtUser& one) { return one.name == verdict.id.user; });
  if (user == credentials->users.end()) {
    verdict.reject = SrtReject::kUnauthorized;
  } else if (!may_publish(*user, verdict.id.resource)) {
    verdict.reject = SrtReject::kForbidden;
  } else if (!user->passphrase.empty()) {
    verdict.passphrase = user->passphrase;
  }
  return verdict;
}

}  // namespace ur
