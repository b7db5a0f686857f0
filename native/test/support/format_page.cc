#include "test/support/format_page.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ur {
namespace {

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (size_t at = 1; at < line.size(); at++) {
    const bool escaped = line[at] == '\\' && at + 1 < line.size() && line[at + 1] == '|';
    if (escaped) at++;
    if (line[at] == '|' && !escaped) {
      cells.push_back(trimmed(cell));
      cell.clear();
    } else {
      cell += line[at];
    }
  }
  return cells;
}

}  // namespace

FormatPage::FormatPage() {
  namespace fs = std::filesystem;
  fs::path folder = fs::current_path();
  const fs::path name = "docs/segment-format.md";
  while (!fs::exists(folder / name) && folder.has_relative_path()) folder = folder.parent_path();
  std::ifstream file(folder / name);
  for (std::string line; std::getline(file, line);) lines_.push_back(line);
}

/// The first line behind the marker that is not empty.
size_t FormatPage::find(const std::string& marker) const {
  const auto found = std::find(lines_.begin(), lines_.end(), "<!-- " + marker + " -->");
  if (found == lines_.end()) return lines_.size();
  const auto next =
      std::find_if(found + 1, lines_.end(), [](const auto& line) { return !line.empty(); });
  return static_cast<size_t>(next - lines_.begin());
}

FormatPage::Rows FormatPage::table(const std::string& marker) const {
  Rows rows;
  for (size_t at = find(marker) + 2; at < lines_.size() && lines_[at][0] == '|'; at++) {
    rows.push_back(cells_of(lines_[at]));
  }
  return rows;
}

std::string FormatPage::dump(const std::string& name) const {
  std::string text;
  for (size_t at = find("dump " + name) + 1; at < lines_.size() && lines_[at] != "```"; at++) {
    text += lines_[at] + "\n";
  }
  return text;
}

std::string unquoted(const std::string& text) {
  const bool quoted = text.size() > 2 && text.front() == '`' && text.back() == '`' &&
                      std::count(text.begin(), text.end(), '`') == 2;
  return quoted ? text.substr(1, text.size() - 2) : text;
}

uint64_t number_of(const std::string& text) {
  char* end = nullptr;
  const uint64_t number = std::strtoull(text.c_str(), &end, 0);
  return end == text.c_str() + text.size() && !text.empty() ? number : UINT64_MAX;
}

std::string dump_of(const Bytes& bytes, const Ranges& ranges) {
  std::string text;
  for (const auto& [offset, length] : ranges) {
    for (uint64_t at = offset; at < offset + length; at += 16) {
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      if (std::all_of(begin, begin + 16, [](uint8_t byte) { return byte == 0; })) continue;
      char part[24];
      std::snprintf(part, sizeof part, "%06llx:", static_cast<unsigned long long>(at));
      text += part;
      for (auto byte = begin; byte != begin + 16; ++byte) {
        std::snprintf(part, sizeof part, " %02x", *byte);
        text += part;
      }
      text += '\n';
    }
  }
  return text;
}

}  // namespace ur
