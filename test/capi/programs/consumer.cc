// The same from C++, with the standard library's own exceptions about.
#include <upload_response.h>

#include <iostream>
#include <memory>
#include <stdexcept>

namespace {

struct Free {
  void operator()(ur_worker* worker) const { ur_worker_free(worker); }
};

std::unique_ptr<ur_worker, Free> make() {
  ur_worker_options options;
  ur_worker_options_init(&options);
  options.socket = "/nowhere/control.sock";
  ur_worker* worker = nullptr;
  const int result = ur_worker_new(&options, &worker);
  if (result != UR_OK) throw std::runtime_error(ur_strerror(result));
  return std::unique_ptr<ur_worker, Free>(worker);
}

}  // namespace

int main() {
  try {
    const auto worker = make();
    std::cout << ur_version() << ' ' << ur_error_name(ur_worker_attach(worker.get(), 0)) << '\n';
    throw std::runtime_error("mine");
  } catch (const std::runtime_error&) {
    return 0;
  }
}
