#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/key_file/key_file.h"
#include "tests/unit/protocol/vectors.h"

/// What the tests of key files share. Files are those of tests/data/key_files/formats, but for names that begin with
/// "../": those are one folder above.
namespace fob::test {

inline constexpr std::string_view passphrase = "pass phrase";

/// Fails the test where a passphrase is asked for.
SecretBytes no_passphrase();
AskPassphrase typing(std::string_view text);

std::string key_file(const std::string& name);
/// With the passphrase of the test data.
KeyFile parse(const std::string& name);
/// The names of all files that begin so and have a form: "p256.pem" for "p256.".
std::vector<std::string> files_of(std::string_view beginning);

std::optional<Errc> parse_error(std::string_view text, const AskPassphrase& ask = typing(passphrase));
/// The text of the Error, or nothing.
std::string parse_fault(std::string_view text, const AskPassphrase& ask = typing(passphrase));

/// What stands between the first and the last line, without headers; and with others between them again.
Bytes unarmoured(const std::string& text);
std::string armoured(const std::string& label, ByteView contents);

/// A DER INTEGER.
Bytes number_as_der(std::uint64_t value);

/// `text` with the first `from` replaced by `to`; fails the test where there is none.
std::string replaced(std::string text, std::string_view from, std::string_view to);
std::string with_line_ends(std::string text, std::string_view line_end);

/// Each proper prefix of `text` must be refused, but those that lack only what follows the last of `end`.
void expect_every_byte_needed(const std::string& text, std::string_view end,
                              const std::function<void(std::string_view)>& read);

/// A writer's "TYPE" of an RSA key, to be written down with numbers that are wrong.
struct RsaFields {
  Bytes n, e, d, p, q, dp, dq, iqmp;

  /// Those of rsa.pem.
  static RsaFields good();
  std::string as_pem() const;
  PrivateKey as_key() const;
};

}  // namespace fob::test
