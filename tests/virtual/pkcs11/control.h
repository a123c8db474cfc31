#pragma once

#include <p11-kit/pkcs11.h>
#include <sys/stat.h>

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fob::faulty {

enum class Point : unsigned char { as_it_is, raw, wrapped };

/// How the module differs from the one that it wraps, apart from faults in single calls.
struct Behaviour {
  CK_FLAGS token_set = 0;
  CK_FLAGS token_cleared = 0;
  CK_FLAGS slot_set = 0;
  CK_FLAGS slot_cleared = 0;
  Point ec_point = Point::as_it_is;  ///< CKA_EC_POINT, bare or in a DER OCTET STRING
  bool public_keys_hidden = false;
  bool always_authenticate = false;  ///< every key claims CKA_ALWAYS_AUTHENTICATE; C_Login still decides as it did
  bool removed = false;              ///< no token in any slot
};

/// The file that $FOB_FAULTY_CONTROL names, read at each call of a function. A line each:
///
///   C_NAME hang | deadlock | abort | segfault | sleep MILLISECONDS | return CKR   [once]
///   token +FLAG | -FLAG …   (pin_count_low final_try locked pin_pad pin_set login_required write_protected)
///   token removed           away from now on; sessions end
///   token replugged         away and back; sessions end
///   slot +FLAG | -FLAG …    (removable hardware)
///   ec_point raw | wrapped
///   public_keys hidden
///   always_authenticate claimed
///
/// A number may be hexadecimal. A `once` is used up by one call in any process; those used up are noted in a file of
/// that name with ".used" behind, until the control file changes. So replace that file by renaming another.
/// A line that is not understood ends the process: a test must not pass by a typing error.
class Control {
 public:
  static Control& instance();

  Behaviour behaviour();
  /// True once after the token was pulled out, and plugged in again or not.
  bool take_removal();
  /// Does what the file says about this function; returns what the call should answer instead of being made.
  std::optional<CK_RV> strike(std::string_view function);

 private:
  struct Fault {
    std::string function;
    std::string kind;
    unsigned long number = 0;
    bool once = false;
    std::size_t line = 0;
  };

  Control() = default;
  void refresh();
  void read(const std::string& path);
  void understand(const std::string& text, std::size_t line);
  bool understand_behaviour(const std::vector<std::string>& words);
  bool understand_fault(const std::vector<std::string>& words, std::size_t line);
  bool still_due(const Fault& fault) const;

  std::mutex mutex_;
  struct stat seen_ {};
  std::vector<Fault> faults_;
  Behaviour behaviour_;
  bool removal_due_ = false;
};

/// Appends a line to the file that the environment variable names, if it is set.
void note(const char* variable, const std::string& line);

}  // namespace fob::faulty
