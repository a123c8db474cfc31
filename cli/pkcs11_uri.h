#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fob::cli {

/// PKCS#11 URIs (RFC 7512), as far as `fob` reads them itself: to tell tokens apart, and to name a key. The agent has
/// p11-kit's reading of them.

/// The value of an attribute of the path ("token", "object" …), percent-decoded; nothing where the URI has none.
std::optional<std::string> uri_attribute(std::string_view uri, std::string_view name);

/// Whether every attribute of tokens that `uri` gives is that of the token whose own URI is `token_uri`.
bool uri_means_token(std::string_view uri, std::string_view token_uri);

/// A short URI that means the token `uri` and no other of `all`, which it is one of; made of few attributes that need
/// no quoting in a shell as far as that is possible. `uri` itself where no shorter one does.
std::string short_token_uri(const std::string& uri, const std::vector<std::string>& all);

/// Whether every attribute of tokens and keys that `uri` gives is that of the key whose own URI is `key_uri`.
bool uri_means_key(std::string_view uri, std::string_view key_uri);

/// A URI for people of the key whose own URI is `uri`, by its token's serial number and its label where it has those.
/// Another key may have the same.
std::string short_key_uri(const std::string& uri);

/// For Option::check: empty, or why `uri` is refused: no PKCS#11 URI, or one with a PIN in it, which would stay in
/// the shell's history.
std::string check_uri_option(const std::string& uri);

}  // namespace fob::cli
