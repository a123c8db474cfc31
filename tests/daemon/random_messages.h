#pragma once

#include <random>
#include <vector>

#include "protocol/request.h"
#include "tests/daemon/test_key.h"

namespace fob {

/// Messages of every type, well-formed ones and such that were well-formed before somebody was at them.
///
/// The same seed gives the same sequence of choices; the keys are new each time.
class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed);

  /// A message without its length word; never empty.
  Bytes next();
  /// The keys that it talks about, to be added now and then.
  const std::vector<TestKey>& keys() const { return keys_; }
  /// Below `count`.
  std::size_t below(std::size_t count);
  bool one_in(std::size_t count) { return below(count) == 0; }

 private:
  Bytes well_formed();
  Bytes sign_request();
  Bytes add_request();
  Bytes extension();
  Constraints constraints();
  Bytes data_to_sign(const TestKey& key);
  Bytes random_bytes(std::size_t max_bytes);
  const TestKey& some_key() { return keys_[below(keys_.size())]; }
  void mutate(Bytes& message);

  std::mt19937_64 random_;
  std::vector<TestKey> keys_;
};

}  // namespace fob
