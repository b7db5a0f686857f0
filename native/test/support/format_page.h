// The tables and dumps of docs/segment-format.md. Each stands behind a comment that names it:
// <!-- layout Lane 640 -->, <!-- constants -->, <!-- dump hello -->.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ur {

using Bytes = std::vector<uint8_t>;
/// Offset and length.
using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

class FormatPage {
 public:
  using Rows = std::vector<std::vector<std::string>>;

  /// Looks for the page in the current folder and those above; empty if there is none.
  FormatPage();
  /// The cells of the table behind a marker, without its head; empty if there is none.
  Rows table(const std::string& marker) const;
  /// The fenced block behind "dump <name>".
  std::string dump(const std::string& name) const;

 private:
  size_t find(const std::string& marker) const;

  std::vector<std::string> lines_;
};

/// `text` without the backticks around it.
std::string unquoted(const std::string& text);
/// A decimal or hexadecimal number.
uint64_t number_of(const std::string& text);
/// The ranges' bytes as the page shows them.
std::string dump_of(const Bytes& bytes, const Ranges& ranges);

}  // namespace ur
