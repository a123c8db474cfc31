#pragma once

#include <memory>
#include <string>

#include "agent/async.h"
#include "protocol/secret_bytes.h"

namespace fob {

/// What a person typed, or why there is nothing.
struct TypedAnswer {
  SecretBytes text;
  std::string refusal;  ///< empty: they answered
};

/// Somebody who can be asked: the person at the screen (Prompter), or the one who typed `fob` (ControlSession).
///
/// Threads: the main one only.
class Asker {
 public:
  enum class Kind {
    pin,             ///< not echoed
    new_pin,         ///< not echoed, typed twice
    text,            ///< echoed: "yes", a token's name
    passphrase,      ///< not echoed
    new_passphrase,  ///< not echoed, typed twice
  };

  virtual ~Asker() = default;

  /// Cancelled with the coroutine that waits: then the question is taken back.
  virtual Awaitable<TypedAnswer> ask(Kind kind, std::string text) = 0;
  /// Says that a touch is waited for, for as long as what is returned lives.
  virtual std::shared_ptr<void> announce(const std::string& text) = 0;
};

}  // namespace fob
