#pragma once

#include <variant>

#include "protocol/error.h"
#include "protocol/wire.h"
#include "tokens/pkcs11_message.h"
#include "tokens/sk_message.h"

/// What fob-agent and a fob-token-host say to each other over their socketpair: a u32 length, a type byte and SSH
/// wire types (RFC 4251 §5), as on the agent socket. The agent sends one request, the host any number of notices and
/// one reply. While a request runs the agent may send Cancel; the host then ends it as soon as the token lets it, and
/// replies all the same.
namespace fob::host {

/// Ends the request that runs; has no reply of its own.
struct Cancel {
  static Cancel read(Reader&) { return {}; }
  void write(Writer&) const {}
};

using Request =
    std::variant<Describe, HasKey, Generate, Sign, ListResident, RemoveResident, RenameResident, SetPin, ChangePin,
                 Reset, Cancel, ListModules, ListReaders, ListTokens, ListKeys, SignWithKey, GenerateKey, StoreKey,
                 DeleteKey, AttestKey, ChangeTokenPin, ResetTokenPin, MakeSecretCredential, DeriveSecret, OpenSecret>;

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
struct Signed {
  Bytes signature;  ///< SSH signature blob
  static Signed read(Reader& in);
  void write(Writer& out) const;
};

using Reply =
    std::variant<TouchWanted, Failed, Done, Described, Found, Generated, Signed, ResidentKeys, Opened, PinPadWanted,
                 ModuleList, ReaderList, TokenList, KeyList, Attested, SecretCredential, Secret>;

/// From a whole message without its length word; all of it is checked, for a hostile token may own the host. Errors:
/// malformed, unsupported, too_large, invalid_key.
Reply parse_reply(ByteView message);
Bytes frame_reply(const Reply& reply);

}  // namespace fob::host
