#pragma once

#include <sys/types.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/bytes.h"

namespace fob {

/// Looks for octets in all readable memory of another process; needs root.
///
/// A value counts as found where 16 octets of it stand together, wherever they begin, in the order in which they
/// were given or in the orders in which bignum libraries keep numbers.
class MemoryScan {
 public:
  /// A number, big-endian: looked for in every order.
  void look_for_number(const std::string& name, ByteView value);
  /// A text: looked for as it is.
  void look_for_text(const std::string& name, ByteView value);

  /// What was found, and where: "RSA p, little-endian, byte 32, in [heap]". One entry for a name and region.
  std::vector<std::string> scan(pid_t pid) const;

 private:
  struct Window {
    std::uint64_t second_half;
    std::string description;
    std::string name;
  };
  struct Region {
    std::uint64_t start;
    std::uint64_t end;
    std::string name;
  };
  static std::vector<Region> readable_regions(pid_t pid);
  static std::size_t slot(std::uint64_t first_half);
  void add_windows(const std::string& name, const std::string& order, ByteView value);
  void scan_chunk(ByteView chunk, const std::string& region, std::vector<std::string>& found) const;

  std::unordered_multimap<std::uint64_t, Window> windows_;  ///< by their first eight octets
  std::vector<bool> filter_ = std::vector<bool>(1U << 20);
};

}  // namespace fob
