#include "tests/daemon/refusal.h"

#include "protocol/error.h"
#include "protocol/verify.h"
#include "tests/daemon/client.h"
#include "tests/daemon/daemon.h"

namespace fob {
namespace {

Bytes add_message(ByteView key_fields) {
  Writer body;
  body.raw(key_fields).string("comment");
  return message(MessageType::add_identity, body.bytes());
}

}  // namespace

testing::AssertionResult refuses(Daemon& daemon, ByteView key_fields) {
  Client client(daemon);
  const std::size_t keys_before = client.list().size();
  const std::size_t log_before = daemon.log().size();
  if (client.succeeds_raw(add_message(key_fields))) return testing::AssertionFailure() << "accepted";
  if (client.list().size() != keys_before) return testing::AssertionFailure() << "refused, but listed";
  if (!eventually([&] { return daemon.log().size() > log_before; }, std::chrono::seconds(2))) {
    return testing::AssertionFailure() << "refused without a reason in the log";
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult accepts(Daemon& daemon, ByteView key_fields) {
  constexpr std::string_view data = "data";
  Client client(daemon);
  if (!client.succeeds_raw(add_message(key_fields))) return testing::AssertionFailure() << "refused: " << daemon.log();
  const PublicKey key = PublicKey::parse(client.list().back().key_blob);
  const std::optional<Bytes> signature = client.sign(key.blob, as_bytes(data), SignRequest::flag_rsa_sha2_256);
  if (!signature) return testing::AssertionFailure() << "accepted, but does not sign";
  try {
    verify_signature(key, *signature, as_bytes(data));
  } catch (const Error& error) {
    return testing::AssertionFailure() << error.what();
  }
  return testing::AssertionSuccess();
}

}  // namespace fob
