// Reads test/fixtures/hpks-vectors.txt, which describes itself, and renders what a decoder yields in
// its words.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "hpks/hpks.h"

namespace ur::hpks {

using Bytes = std::vector<uint8_t>;
using Lines = std::vector<std::string>;

struct Vector {
  std::string name;
  bool is_message = false;
  Bytes bytes;
  Limits limits;
  bool encodes_otherwise = false;
  Lines expected;
};

/// Which bytes a field may hold.
struct ByteRule {
  std::string field;
  std::string error;
  Bytes frame;           // with any byte at `position`
  size_t position = 0;
  std::set<uint8_t> allowed;
};

struct Fixture {
  std::vector<Vector> vectors;
  std::vector<ByteRule> byte_rules;
};

/// Looks for the file in the current folder and those above; empty if there is none.
Fixture read_fixture();

Lines render(const Frame& frame);
Lines render(const Message& message);

}  // namespace ur::hpks
