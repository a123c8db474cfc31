#pragma once

#include <variant>

#include "protocol/error.h"
#include "protocol/wire.h"
#include "tokens/token.h"

/// What fob-agent and a fob-token-host say to each other over their socketpair: a u32 length, a type byte and SSH
/// wire types (RFC 4251 §5), as on the agent socket. The agent sends one request, the host any number of notices and
/// one reply. While a request runs the agent may send Cancel; the host then ends it as soon as the token lets it, and
/// replies all the same.
namespace fob::host {

/// The requests: the verbs of Token. A PIN that is empty is none.
struct Describe {
  static Describe read(Reader&) { return {}; }
  void write(Writer&) const {}
};
struct HasKey {
  KeyRef key;
  static HasKey read(Reader& in);
  void write(Writer& out) const;
};
struct Generate {
  NewKeyRequest key;
  SecretBytes pin;
  static Generate read(Reader& in);
  void write(Writer& out) const;
};
struct Sign {
  KeyRef key;
  ByteView data;  ///< a view into the message
  SecretBytes pin;
  static Sign read(Reader& in);
  void write(Writer& out) const;
};
struct ListResident {
  SecretBytes pin;
  static ListResident read(Reader& in);
  void write(Writer& out) const;
};
struct RemoveResident {
  Bytes key_handle;
  SecretBytes pin;
  static RemoveResident read(Reader& in);
  void write(Writer& out) const;
};
struct RenameResident {
  Bytes key_handle;
  std::string user;
  SecretBytes pin;
  static RenameResident read(Reader& in);
  void write(Writer& out) const;
};
struct SetPin {
  SecretBytes new_pin;
  static SetPin read(Reader& in);
  void write(Writer& out) const;
};
struct ChangePin {
  SecretBytes old_pin;
  SecretBytes new_pin;
  static ChangePin read(Reader& in);
  void write(Writer& out) const;
};
struct Reset {
  static Reset read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// Ends the request that runs; has no reply of its own.
struct Cancel {
  static Cancel read(Reader&) { return {}; }
  void write(Writer&) const {}
};

using Request = std::variant<Describe, HasKey, Generate, Sign, ListResident, RemoveResident, RenameResident, SetPin,
                             ChangePin, Reset, Cancel>;

/// From a whole message without its length word; nothing may be left over. Errors: malformed, unsupported, too_large.
Request parse_request(ByteView message);
/// A whole message with its length word.
Bytes frame_request(const Request& request);

/// The token waits for a touch from now on. Sent at most once for a request.
struct TouchWanted {
  static TouchWanted read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// The request failed; the text is fit for people.
struct Failed {
  Errc code = Errc::system;
  std::string text;
  static Failed read(Reader& in);
  void write(Writer& out) const;
};
struct Done {  ///< of RemoveResident, RenameResident, SetPin, ChangePin, Reset
  static Done read(Reader&) { return {}; }
  void write(Writer&) const {}
};
struct Described {
  TokenInfo info;
  static Described read(Reader& in);
  void write(Writer& out) const;
};
struct Found {  ///< of HasKey
  bool found = false;
  static Found read(Reader& in);
  void write(Writer& out) const;
};
struct Generated {
  NewKey key;
  static Generated read(Reader& in);
  void write(Writer& out) const;
};
struct Signed {
  Bytes signature;  ///< SSH signature blob
  static Signed read(Reader& in);
  void write(Writer& out) const;
};
struct ResidentKeys {
  std::vector<ResidentKey> keys;
  static ResidentKeys read(Reader& in);
  void write(Writer& out) const;
};

using Reply = std::variant<TouchWanted, Failed, Done, Described, Found, Generated, Signed, ResidentKeys>;

/// From a whole message without its length word; all of it is checked, for a hostile token may own the host. Errors:
/// malformed, unsupported, too_large, invalid_key.
Reply parse_reply(ByteView message);
Bytes frame_reply(const Reply& reply);

}  // namespace fob::host
