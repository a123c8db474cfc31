#pragma once

#include <string>
#include <vector>

#include "protocol/control_reply.h"

namespace fob::cli {

/// A place that has the old key's public half, and what is known of giving it the new one's.
struct KnownPlace {
  std::string name;   ///< as noted with the key
  std::string paste;  ///< where the key is given to it; empty: not known
  std::string test;   ///< a command that shows that it works; empty: not known
  std::string file;   ///< the command that writes its file of the private key anew; empty: it needs none
};
/// Of the places that `old` was given to, where the new key is called `name`.
std::vector<KnownPlace> known_places(const control::Key& old, const std::string& name);

/// What `fob rotate` has come to: both keys with the names that they have by now.
struct RotatedKey {
  control::Key old;
  control::Kept fresh;
  std::vector<KnownPlace> places;

  /// The command that ends the old key.
  std::string ending() const;
};

/// A name for another key, of at most limits::key_name_bytes: `name` and `end`, and a number where a key has it
/// already.
std::string free_name(const control::Keys& keys, const std::string& name, const std::string& end);

/// For people: fingerprints, the public key, what to do at each place and then.
void print(const RotatedKey& rotated);

}  // namespace fob::cli
