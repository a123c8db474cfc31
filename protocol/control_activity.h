#pragma once

#include <string>
#include <vector>

#include "protocol/wire.h"

/// What `fob watch` asks and is told; see control_request.h and control_reply.h.
namespace fob::control {

/// Answered with Activity as soon as its number is another one than `seen`, and so at once for 0; else after
/// limits::watch_period.
struct Watch {
  std::uint64_t seen = 0;

  static Watch read(Reader& in);
  void write(Writer& out) const;
};

/// One use of a key, or why it was refused.
struct KeyUse {
  std::uint64_t time = 0;  ///< seconds since 1970
  std::string key;         ///< its name, or comment, or fingerprint
  std::string purpose;     ///< "log in as alice on build-host", "sign for git"
  std::string programs;    ///< who asked: "ssh <- git <- zsh"
  std::string fault;       ///< empty: it was signed

  bool operator==(const KeyUse&) const = default;
};

/// What goes on in the agent. All texts are for people, and printable.
struct Activity {
  std::uint64_t number = 1;          ///< grows with each change; never 0
  std::vector<std::string> tokens;   ///< titles of the FIDO2 tokens that are plugged in
  std::vector<std::string> waiting;  ///< what is asked of somebody now: touches, PINs, yes or no; the oldest first
  std::vector<KeyUse> uses;          ///< the last first; at most limits::remembered_uses
  std::uint32_t keys = 0;            ///< that ssh is offered
  bool vault_locked = false;         ///< there is a vault, and it is not open
  bool agent_locked = false;         ///< by ssh-add -x

  static Activity read(Reader& in);
  void write(Writer& out) const;
};

}  // namespace fob::control
