#pragma once

#include <stdexcept>
#include <string>

namespace fob {

/// What kind of failure it is: what a caller may want to tell apart, no more.
enum class Errc {
  malformed,      ///< bytes that are not what they should be
  too_large,      ///< over a named limit of limits.h
  unsupported,    ///< well-formed, but not something that this build can do
  invalid_key,    ///< a key that is inconsistent or too weak
  refused,        ///< policy, constraint, lock or person said no
  not_found,      ///< no such key
  bad_signature,  ///< a signature that does not verify
  cancelled,      ///< the client or the person went away
  pin_required,   ///< a token wants its PIN for this
  wrong_pin,      ///< a token refused the PIN: one try is spent
  pin_blocked,    ///< a token takes no PIN: until it is plugged in again, or reset
  timed_out,      ///< nobody touched, or somebody did not answer in time
  removed,        ///< the token, or the process that spoke to it, is gone
  system,         ///< the operating system or a library failed
};

/// The one exception of fob.
///
/// The text is lower case without a period: what failed and why, numbers got and wanted, a hint where the user can
/// act. It never holds a key byte, a PIN or a passphrase.
class Error : public std::runtime_error {
 public:
  Error(Errc code, const std::string& text) : std::runtime_error(text), code_(code) {}
  Errc code() const { return code_; }

 private:
  Errc code_;
};

/// Throws Error{Errc::system} with `what` and the text of `error_number` (errno).
[[noreturn]] void throw_system_error(const std::string& what, int error_number);

}  // namespace fob
