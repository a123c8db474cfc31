#include "tests/daemon/memory_scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "tests/daemon/temp_dir.h"

namespace fob {
namespace {

constexpr std::size_t window_bytes = 16;
constexpr std::size_t chunk_bytes = 1U << 20;
constexpr std::size_t page_bytes = 4096;

std::uint64_t load(const std::uint8_t* at) {
  std::uint64_t out = 0;
  std::memcpy(&out, at, sizeof(out));
  return out;
}

/// `value` in words of this many bytes, each word turned round; all of it too where `whole` says so.
Bytes reordered(ByteView value, std::size_t word_bytes, bool whole) {
  Bytes out((word_bytes - value.size() % word_bytes) % word_bytes);
  out.insert(out.end(), value.begin(), value.end());
  if (whole) std::reverse(out.begin(), out.end());
  if (!whole || word_bytes > 1) {
    for (std::size_t i = 0; i < out.size(); i += word_bytes) {
      std::reverse(out.begin() + static_cast<std::ptrdiff_t>(i),
                   out.begin() + static_cast<std::ptrdiff_t>(i + word_bytes));
    }
  }
  return out;
}

}  // namespace

std::size_t MemoryScan::slot(std::uint64_t first_half) { return (first_half * 0x9e3779b97f4a7c15U) >> 44; }

void MemoryScan::add_windows(const std::string& name, const std::string& order, ByteView value) {
  for (std::size_t i = 0; i + window_bytes <= value.size(); ++i) {
    const std::uint64_t first_half = load(value.data() + i);
    const std::string where = name + ", " + order + ", byte " + std::to_string(i);
    windows_.emplace(first_half, Window{load(value.data() + i + 8), where, name});
    filter_[slot(first_half)] = true;
  }
}

void MemoryScan::look_for_text(const std::string& name, ByteView value) { add_windows(name, "as it is", value); }

void MemoryScan::look_for_number(const std::string& name, ByteView value) {
  add_windows(name, "big-endian", value);
  add_windows(name, "little-endian", reordered(value, 1, true));
  add_windows(name, "little-endian 64-bit words, highest first", reordered(value, 8, false));
  add_windows(name, "little-endian 32-bit words, highest first", reordered(value, 4, false));
  add_windows(name, "big-endian 64-bit words, lowest first", reordered(value, 8, true));
  add_windows(name, "big-endian 32-bit words, lowest first", reordered(value, 4, true));
}

std::vector<MemoryScan::Region> MemoryScan::readable_regions(pid_t pid) {
  std::vector<Region> out;
  std::istringstream maps(read_file("/proc/" + std::to_string(pid) + "/maps"));
  for (std::string line; std::getline(maps, line);) {
    Region region{};
    char mode[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &region.start, &region.end, mode) != 3 || mode[0] != 'r') continue;
    const std::size_t name = line.find_first_of("/[");
    region.name = name == std::string::npos ? "anonymous memory" : line.substr(name);
    out.push_back(region);
  }
  if (out.empty()) throw std::runtime_error("no memory map to read");
  return out;
}

void MemoryScan::scan_chunk(ByteView chunk, const std::string& region, std::vector<std::string>& found) const {
  for (std::size_t i = 0; i + window_bytes <= chunk.size(); ++i) {
    const std::uint64_t first_half = load(chunk.data() + i);
    if (!filter_[slot(first_half)]) continue;
    const auto [begin, end] = windows_.equal_range(first_half);
    for (auto window = begin; window != end; ++window) {
      if (window->second.second_half != load(chunk.data() + i + 8)) continue;
      const bool is_new = std::none_of(found.begin(), found.end(), [&](const std::string& text) {
        return text.starts_with(window->second.name) && text.ends_with(region);
      });
      if (is_new) found.push_back(window->second.description + ", in " + region);
    }
  }
}

std::vector<std::string> MemoryScan::scan(pid_t pid) const {
  const std::vector<Region> regions = readable_regions(pid);
  const int memory = open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) throw std::runtime_error("cannot read another process's memory");
  std::vector<std::string> found;
  Bytes buffer(chunk_bytes);
  for (const Region& region : regions) {
    // Chunks overlap, so that no window falls between two.
    for (std::uint64_t at = region.start; at < region.end; at += chunk_bytes - page_bytes) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, region.end - at));
      const ssize_t got = pread(memory, buffer.data(), wanted, static_cast<off_t>(at));
      if (got <= 0) break;  // hidden pages cannot be read: that is what they are for
      scan_chunk(ByteView(buffer).first(static_cast<std::size_t>(got)), region.name, found);
    }
  }
  close(memory);
  return found;
}

}  // namespace fob
