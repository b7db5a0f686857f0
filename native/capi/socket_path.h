// Where the server is when nobody says otherwise. Any thread that does not change the environment.
#pragma once

#include <string>

namespace ur::capi {

std::string default_socket();

}  // namespace ur::capi
